import { inHalves, type Row, type Workload } from '../workload.ts';
import { convRows } from '../workloads/conv.ts';
import { detectionRows } from '../workloads/detection.ts';
import { gemmRows } from '../workloads/gemm.ts';
import { layerRows } from '../workloads/layers.ts';
import { lossRows } from '../workloads/losses.ts';
import { networkRows } from '../workloads/networks.ts';
import { optimizerRows } from '../workloads/optimizer.ts';
import { pyramidRows } from '../workloads/pyramid.ts';

/** A row to compute by each of its strategies. */
export interface Case {
  readonly make: () => Workload;
  /** With indices kept inside their arrays, or without. */
  readonly checked: boolean;
}

const half = (make: () => Workload) => (): Workload => inHalves(make());

/** Of the same rows first f32 with checks and without, then f16: what comes late may be cut off. */
const byWorth = (rows: readonly Row[]): Case[] =>
  [(make: () => Workload) => make, half].flatMap((type) =>
    [true, false].flatMap((checked) => rows.map(({ make }) => ({ make: type(make), checked }))),
  );

const single = (rows: readonly Row[]): Row[] => rows.filter((row) => !row.half);
const named = (rows: readonly Row[], ...parts: string[]): Row[] =>
  parts.flatMap((part) => rows.filter(({ name }) => name.includes(part)));

/** Products of 4096, then 1024. */
export const productCases = (quick: boolean): Case[] =>
  byWorth(named(single(gemmRows({ quick })), ...(quick ? ['gemm 256'] : ['gemm 4096', 'gemm 1024'])));

/** A ResNet's layers at batch 8: forward before gradients. */
export function convolutionCases(quick: boolean): Case[] {
  const rows = single(convRows({ quick })).filter(({ name }) => quick || / 8x/.test(name));
  const layers = quick
    ? ['conv 3x3 1x28x28']
    : [
        'conv 3x3 8x56x56',
        'conv 3x3 8x14x14',
        'conv 1x1 8x56x56x64',
        'conv 3x3 8x28x28',
        'conv 7x7',
        'depthwise',
        'conv 3x3 8x7x7',
        'conv 1x1 8x56x56x256',
        'transposed',
      ];
  const directions = quick ? ['forward'] : ['forward', 'to the weight', 'to the input'];
  return directions.flatMap((direction) => {
    const own = rows.filter(({ name }) => name.endsWith(direction));
    return byWorth(named(own, ...layers));
  });
}

/** Rows whose time goes into memory traffic. */
export const memoryRows = (quick: boolean): Row[] => {
  const sizes = { quick };
  const rows = [...layerRows(sizes), ...lossRows(sizes), ...optimizerRows(sizes), ...pyramidRows(sizes)];
  return quick ? named(rows, 'batch norm', 'softmax') : rows.filter(({ name }) => !/ 1x\d+x/.test(name));
};

/** NMS, sort, the largest k, and RoIAlign. */
export const selectionRows = (quick: boolean): Row[] =>
  named(
    detectionRows({ quick }),
    ...(quick ? ['nms of 1000 ', 'topk'] : ['nms', 'sort', 'topk', 'roi_align']),
  );

/** Training steps, then inference. */
export const networkStepRows = (quick: boolean): Row[] =>
  named(
    networkRows({ quick }),
    ...(quick
      ? ['U-Net 32, training']
      : ['ResNet-18 224, training', 'U-Net 256, training', 'RetinaNet 256, training', 'inference']),
  );
