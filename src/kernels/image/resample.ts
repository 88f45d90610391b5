import type { Caps } from '../../device/caps.ts';
import type { TensorSpec } from '../../shape.ts';
import resampleShader from '../../wgsl/image/resample.wgsl';
import rowsShader from '../../wgsl/image/resample_rows.wgsl';
import bandsSnippet from '../../wgsl/lib/bands.wgsl';
import epilogueNone from '../../wgsl/lib/epilogue_none.wgsl';
import { type Dispatch, defineKernel, type Given, type KernelPlan, wgslType } from '../kernel.ts';
import {
  bandsOf,
  blocksOf,
  expectGradient,
  expectSize2,
  imageDims,
  lanesOf,
  laneType,
  laneValue,
  pixelDims,
  type Size2,
  size2,
} from '../spatial.ts';

/** An input position and its weight. */
export type Tap = readonly [index: number, weight: number];

/** How one axis is resampled: the number of outputs, and the inputs that each is a weighted sum of. */
export interface ResampleAxis {
  readonly size: number;
  /** Positions may repeat: their weights add up. Order does not matter. */
  readonly taps: (output: number) => readonly Tap[];
}

/** Runs of neighbouring inputs: output o is the sum of weights[begin[o] + a] * input[first[o] + a]. */
interface Windows {
  readonly size: number;
  readonly first: Uint32Array;
  /** size + 1 offsets into weights. */
  readonly begin: Uint32Array;
  readonly weights: readonly number[];
}

/**
 * Taps as windows. Every axis that is used here reads neighbours, and so does its transpose; a position
 * inside a window that no tap names gets weight 0, so any other axis is right too, only slower.
 */
function windowsOf(size: number, taps: (output: number) => readonly Tap[]): Windows {
  const first = new Uint32Array(size);
  const begin = new Uint32Array(size + 1);
  const weights: number[] = [];
  for (let o = 0; o < size; o++) {
    const used = taps(o).filter(([, weight]) => weight !== 0);
    const low = used.reduce((least, [index]) => Math.min(least, index), Number.POSITIVE_INFINITY);
    const high = used.reduce((most, [index]) => Math.max(most, index), -1);
    const row = new Array<number>(Math.max(high - low + 1, 0)).fill(0);
    for (const [index, weight] of used) row[index - low]! += weight;
    first[o] = used.length > 0 ? low : 0;
    weights.push(...row);
    begin[o + 1] = weights.length;
  }
  return { size, first, begin, weights };
}

/** The windows of the transposed axis: for each of the `inputs` positions, the outputs that it goes into. */
function transposed(axis: ResampleAxis, inputs: number): Windows {
  const columns: Tap[][] = Array.from({ length: inputs }, () => []);
  for (let o = 0; o < axis.size; o++) {
    for (const [index, weight] of axis.taps(o)) columns[index]!.push([o, weight]);
  }
  return windowsOf(inputs, (index) => columns[index]!);
}

const same: Windows = windowsOf(1, () => [[0, 1]]);
const average = ({ size, weights }: Windows): number => weights.length / Math.max(size, 1);

/** What one invocation does besides its taps (indices, table words, the store), counted in taps. */
const OVERHEAD = 4;
/** Windows larger than this are split even at some cost, so that no invocation walks a whole feature map. */
const LONG = 256;

type Dims = readonly [n: number, h: number, w: number, c: number];
interface Pass {
  readonly dims: Dims;
  readonly rows: Windows;
  readonly columns: Windows;
}

/**
 * Both axes at once, or one after the other through an f32 buffer: whichever reads less. A pass along one
 * axis sees the other as batch or as channels, so the table of the other axis is a single 1.
 */
function passesOf([n, h, w, c]: Dims, rows: Windows, columns: Windows): Pass[] {
  const [a, b] = [average(rows), average(columns)];
  const both = rows.size * columns.size * (a * b + OVERHEAD);
  const columnsFirst = h * columns.size * (b + OVERHEAD) + rows.size * columns.size * (a + OVERHEAD);
  const rowsFirst = rows.size * w * (a + OVERHEAD) + rows.size * columns.size * (b + OVERHEAD);
  const split = Math.min(columnsFirst, rowsFirst);
  if (both <= (a * b > LONG ? split / 2 : split)) return [{ dims: [n, h, w, c], rows, columns }];
  // Rows first, where it is the same: width and channels together come in fours more often than channels.
  if (columnsFirst < rowsFirst) {
    return [
      { dims: [n * h, 1, w, c], rows: same, columns },
      { dims: [n, h, 1, columns.size * c], rows, columns: same },
    ];
  }
  return [
    { dims: [n, h, 1, w * c], rows, columns: same },
    { dims: [n * rows.size, 1, w, c], rows: same, columns },
  ];
}

/** (first, begin, end) of every window, rows before columns, and their weights one after the other. */
function tablesOf({ rows, columns }: Pass): { windows: Uint32Array; weights: Float32Array } {
  const windows = new Uint32Array(3 * (rows.size + columns.size));
  let at = 0;
  for (const [axis, shift] of [
    [rows, 0],
    [columns, rows.weights.length],
  ] as const) {
    for (let o = 0; o < axis.size; o++, at += 3) {
      windows.set([axis.first[o]!, axis.begin[o]! + shift, axis.begin[o + 1]! + shift], at);
    }
  }
  return { windows, weights: Float32Array.from([...rows.weights, ...columns.weights]) };
}

/** As many pixels of a window, in each direction, as resample_rows.wgsl can hold. */
const MOST = 8;

/** Windows of one length, none of which begins before the one in front of it. */
interface Walk {
  readonly length: number;
  readonly first: Uint32Array;
  /** `length` for each window. */
  readonly weights: Float32Array;
}

/** Windows as a walk past them, where none is long: shorter ones are filled up with weights of 0. */
function walkOf({ size, first, begin, weights }: Windows, inputs: number): Walk | undefined {
  let length = 1;
  for (let o = 0; o < size; o++) length = Math.max(length, begin[o + 1]! - begin[o]!);
  if (length > MOST) return undefined;
  const walk = { length, first: new Uint32Array(size), weights: new Float32Array(size * length) };
  let at = 0;
  for (let o = 0; o < size; o++) {
    at = Math.max(at, Math.min(first[o]!, inputs - length));
    const row = weights.slice(begin[o]!, begin[o + 1]!);
    const shift = first[o]! - at;
    if (row.length > 0 && (shift < 0 || shift + row.length > length)) return undefined;
    walk.first[o] = at;
    row.forEach((weight, k) => {
      walk.weights[o * length + shift + k] = weight;
    });
  }
  return walk;
}

/**
 * The plan where windows are short: both axes at once, each row of the input read once for all rows of the output that
 * need it. Measured on lavapipe and SwiftShader: 1 to 6 times as fast as the plan for any windows.
 */
function planWalk(
  caps: Caps,
  [from, x]: readonly [string, TensorSpec],
  [to, y]: readonly [string, TensorSpec],
  rows: Walk,
  columns: Walk,
): KernelPlan {
  const [images, height, width, C] = x.shape as unknown as Dims;
  const [, out_height, out_width] = y.shape as unknown as Dims;
  const lanes = lanesOf(C);
  const channels = C / lanes;
  const { grid, ...bands } = bandsOf(caps, images, out_height, out_width * channels);
  const dispatch: Dispatch = {
    shader: rowsShader,
    snippets: [bandsSnippet],
    types: { T: laneType(lanes, wgslType(x.dtype)), U: laneType(lanes, wgslType(y.dtype)) },
    constants: { LANES: lanes, DEPTH: rows.length, TAPS: columns.length, WORKGROUP: 64 },
    params: { channels, height, width, out_height, out_width, images, ...bands },
    bind: { src: from, dst: to },
    epilogue: laneValue(lanes),
    grid,
  };
  const tables = {
    windows: Uint32Array.from([...rows.first, ...columns.first]),
    weights: Float32Array.from([...rows.weights, ...columns.weights]),
  };
  return { dispatches: [dispatch], tables };
}

/** The plan of a resampling from tensor `from` to tensor `to`. */
function planResample(
  caps: Caps,
  [from, x]: readonly [string, TensorSpec],
  [to, y]: readonly [string, TensorSpec],
  rows: Windows,
  columns: Windows,
): KernelPlan {
  const dims = x.shape as unknown as Dims;
  const [down, across] = [walkOf(rows, dims[1]), walkOf(columns, dims[2])];
  if (down && across) return planWalk(caps, [from, x], [to, y], down, across);
  const passes = passesOf(dims, rows, columns);
  const tables: Record<string, Uint32Array | Float32Array> = {};
  const scratch: Record<string, number> = {};
  const dispatches = passes.map((pass, k): Dispatch => {
    const [n, height, width, channels] = pass.dims;
    const last = k === passes.length - 1;
    // A fused epilogue counts on four lanes being four channels of one pixel.
    const elements = n * pass.rows.size * pass.columns.size * channels;
    const blocks = blocksOf(caps, elements, channels, lanesOf(last ? x.shape[3]! : channels));
    const { lanes, snippet, total } = blocks;
    const { windows, weights } = tablesOf(pass);
    tables[`windows${k}`] = windows;
    tables[`weights${k}`] = weights;
    if (!last) scratch.between = elements * 4;
    return {
      shader: resampleShader,
      snippets: last ? [snippet] : [epilogueNone, snippet],
      ...(last ? { epilogue: laneValue(lanes) } : {}),
      types: {
        T: laneType(lanes, k === 0 ? wgslType(x.dtype) : 'f32'),
        U: laneType(lanes, last ? wgslType(y.dtype) : 'f32'),
        ...(last ? {} : { V: laneValue(lanes) }),
      },
      constants: { LANES: lanes },
      params: {
        total,
        height,
        width,
        channels: blocks.channels,
        gap: blocks.gap,
        out_height: pass.rows.size,
        out_width: pass.columns.size,
      },
      bind: {
        src: k === 0 ? from : 'between',
        dst: last ? to : 'between',
        windows: `windows${k}`,
        weights: `weights${k}`,
      },
      grid: total,
    };
  });
  return { dispatches, tables, scratch };
}

/** What the gradients of `interpolate`, pooling and image filters need to know of the forward operation. */
export interface ResampleBackwardAttrs {
  /** Height and width of its input, which its output does not always tell. */
  readonly inputSize: Size2;
}

/**
 * A linear, separable resampling of images and its backward operation `<name>_backward`, on one shader.
 * `attributes` fills in what is left out; `axesOf` checks the attributes and says, for an input of height x width, how
 * rows and columns are made.
 * Forward: x [N,H,W,C] -> y [N,OH,OW,C]. Backward: dy [N,OH,OW,C] -> dx [N,H,W,C], with the transposed
 * tables: a gather in fixed order. Weights are computed in float64 and stored in float32.
 */
export function defineResample<Name extends string, A extends object, G extends object>(
  name: Name,
  attributes: (given: G) => A,
  axesOf: (op: string, size: Size2, attrs: A) => readonly [rows: ResampleAxis, columns: ResampleAxis],
) {
  const forward = defineKernel({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attributes,
    infer({ x }, attrs: A) {
      const [n, h, w, c] = pixelDims(name, 'x', x);
      const [rows, columns] = axesOf(name, [h, w], attrs);
      return { y: { shape: [n, rows.size, columns.size, c], dtype: x.dtype } };
    },
    dispatches(caps, { x }, { y }, attrs) {
      const [rows, columns] = axesOf(name, [x.shape[1]!, x.shape[2]!], attrs);
      return planResample(
        caps,
        ['x', x],
        ['y', y],
        windowsOf(rows.size, rows.taps),
        windowsOf(columns.size, columns.taps),
      );
    },
  });
  const op = `${name}_backward`;
  const backward = defineKernel({
    name: op,
    inputs: ['dy'],
    outputs: ['dx'],
    attributes: (given: G & Given<ResampleBackwardAttrs, 'inputSize'>): A & ResampleBackwardAttrs => ({
      ...attributes(given),
      inputSize: size2(given.inputSize),
    }),
    infer({ dy }, attrs: A & ResampleBackwardAttrs) {
      expectSize2(op, 'inputSize', attrs.inputSize, 1);
      const [n, , , c] = imageDims(op, 'dy', dy);
      const [rows, columns] = axesOf(op, attrs.inputSize, attrs);
      expectGradient(op, dy, [n, rows.size, columns.size, c]);
      return { dx: { shape: [n, ...attrs.inputSize, c], dtype: dy.dtype } };
    },
    dispatches(caps, { dy }, { dx }, attrs) {
      const [h, w] = attrs.inputSize;
      const [rows, columns] = axesOf(op, [h, w], attrs);
      return planResample(caps, ['dy', dy], ['dx', dx], transposed(rows, h), transposed(columns, w));
    },
  });
  return { forward, backward };
}
