import { ShapeError } from '../../errors.ts';
import {
  broadcastShapes,
  expectList,
  formatShape,
  formatSpec,
  numel,
  type Shape,
  sameShape,
  type TensorSpec,
} from '../../shape.ts';
import boxDecodeShader from '../../wgsl/boxes/box_decode.wgsl';
import boxDecodeBackwardShader from '../../wgsl/boxes/box_decode_backward.wgsl';
import boxEncodeShader from '../../wgsl/boxes/box_encode.wgsl';
import boxBroadcast from '../../wgsl/boxes/lib/box_broadcast.wgsl';
import { defineKernel, wgslType } from '../kernel.ts';
import { expectBoxes } from './boxSpec.ts';

/** Attributes of `boxEncode`. */
export interface BoxEncodeAttrs {
  /** What x, y, width and height offsets are multiplied with; default [1, 1, 1, 1]. */
  readonly weights?: readonly [number, number, number, number];
}

/** Attributes of `boxDecode`. */
export interface BoxDecodeAttrs extends BoxEncodeAttrs {
  /** The greatest log of a side over its anchor's; default log(1000 / 16), as torchvision's BoxCoder. */
  readonly clip?: number;
}

/**
 * The default of `BoxDecodeAttrs.clip`: log(1000 / 16), torchvision's `bbox_xform_clip`. No side becomes longer than
 * 62.5 times the anchor's.
 */
export const defaultBoxClip: number = Math.log(1000 / 16);

/**
 * The leading dimensions of two broadcast inputs as three merged ones with a stride each. Neighbouring
 * dimensions merge where each input either has or lacks both.
 */
function mergeDims(op: string, a: Shape, b: Shape, out: Shape): Record<string, number> {
  const sizeIn = (shape: Shape, i: number) => shape[i - out.length + shape.length] ?? 1;
  const groups: { size: number; inA: boolean; inB: boolean }[] = [];
  out.forEach((size, i) => {
    if (size === 1) return;
    const [inA, inB] = [sizeIn(a, i) !== 1, sizeIn(b, i) !== 1];
    const last = groups.at(-1);
    if (last && last.inA === inA && last.inB === inB) last.size *= size;
    else groups.push({ size, inA, inB });
  });
  if (groups.length > 3) {
    throw new ShapeError(
      `${op}: leading dims ${formatShape(a)} and ${formatShape(b)} broadcast in ${groups.length} alternating groups, at most 3 work; expand one input first`,
    );
  }
  while (groups.length < 3) groups.unshift({ size: 1, inA: false, inB: false });
  const params: Record<string, number> = { size1: groups[1]!.size, size2: groups[2]!.size };
  let [strideA, strideB] = [1, 1];
  for (let i = 2; i >= 0; i--) {
    const { size, inA, inB } = groups[i]!;
    params[`a${i}`] = inA ? strideA : 0;
    params[`b${i}`] = inB ? strideB : 0;
    if (inA) strideA *= size;
    if (inB) strideB *= size;
  }
  return params;
}

function checkAttrs(op: string, { weights = [1, 1, 1, 1], clip = defaultBoxClip }: BoxDecodeAttrs): void {
  expectList(op, 'weights', weights);
  if (weights.length !== 4 || !weights.every((w) => w > 0 && Number.isFinite(w))) {
    throw new ShapeError(`${op}: weights must be 4 positive numbers (x, y, width, height), got [${weights}]`);
  }
  if (!Number.isFinite(clip)) throw new ShapeError(`${op}: clip must be a finite number, got ${clip}`);
}

function inferCoder(
  op: string,
  name: string,
  x: TensorSpec,
  anchors: TensorSpec,
  attrs: BoxDecodeAttrs,
): TensorSpec {
  expectBoxes(op, name, x, 1);
  expectBoxes(op, 'anchors', anchors, 1);
  checkAttrs(op, attrs);
  if (x.dtype !== anchors.dtype) {
    throw new ShapeError(
      `${op}: ${name} and anchors must have one dtype, got ${x.dtype} and ${anchors.dtype}`,
    );
  }
  const shape = [...broadcastShapes(op, x.shape.slice(0, -1), anchors.shape.slice(0, -1)), 4];
  mergeDims(op, x.shape.slice(0, -1), anchors.shape.slice(0, -1), shape.slice(0, -1));
  return { shape, dtype: x.dtype };
}

function inferDecoder(
  op: string,
  deltas: TensorSpec,
  anchors: TensorSpec,
  attrs: BoxDecodeAttrs,
): TensorSpec {
  const spec = inferCoder(op, 'deltas', deltas, anchors, attrs);
  if (!sameShape(spec.shape, deltas.shape)) {
    throw new ShapeError(
      `${op}: anchors must broadcast to the deltas' shape, got ${formatSpec('deltas', deltas)}, ${formatSpec('anchors', anchors)}; expand deltas first`,
    );
  }
  return spec;
}

function planCoder(op: string, x: TensorSpec, anchors: TensorSpec, out: TensorSpec, attrs: BoxEncodeAttrs) {
  const [wx, wy, ww, wh] = attrs.weights ?? [1, 1, 1, 1];
  const total = numel(out.shape.slice(0, -1));
  const dims = mergeDims(op, x.shape.slice(0, -1), anchors.shape.slice(0, -1), out.shape.slice(0, -1));
  return {
    snippets: [boxBroadcast],
    types: { T: wgslType(x.dtype) },
    params: { total, ...dims, wx, wy, ww, wh },
    grid: total,
  };
}

/**
 * Boxes as regression targets (Girshick et al. 2014, R-CNN, appendix C; torchvision's BoxCoder.encode):
 * `(wx (cx - ax) / aw, wy (cy - ay) / ah, ww log(w / aw), wh log(h / ah))`, with centres and sides of box
 * and anchor. boxes, anchors: [..., 4] as (x1, y1, x2, y2), broadcast -> deltas. Where a side of the box or
 * of its anchor is not positive (padding) all four are 0; torchvision gives infinities or NaN there.
 */
export const boxEncode = defineKernel({
  name: 'box_encode',
  inputs: ['boxes', 'anchors'],
  outputs: ['deltas'],
  attributes: ['weights'],
  infer: ({ boxes, anchors }, attrs: BoxEncodeAttrs) => ({
    deltas: inferCoder('box_encode', 'boxes', boxes, anchors, attrs),
  }),
  dispatches: (_caps, { boxes, anchors }, { deltas }, attrs) => ({
    dispatches: [{ shader: boxEncodeShader, ...planCoder('box_encode', boxes, anchors, deltas, attrs) }],
  }),
});

/**
 * The inverse of box_encode (torchvision's BoxCoder.decode); width and height offsets, after division by
 * their weights, are held to at most `clip`, so that exp cannot overflow. deltas: [..., 4]; anchors: [..., 4],
 * broadcast to the deltas -> boxes like deltas, not clipped to any image.
 */
export const boxDecode = defineKernel({
  name: 'box_decode',
  inputs: ['deltas', 'anchors'],
  outputs: ['boxes'],
  attributes: ['weights', 'clip'],
  infer: ({ deltas, anchors }, attrs: BoxDecodeAttrs) => ({
    boxes: inferDecoder('box_decode', deltas, anchors, attrs),
  }),
  dispatches(_caps, { deltas, anchors }, { boxes }, attrs) {
    const plan = planCoder('box_decode', deltas, anchors, boxes, attrs);
    const params = { ...plan.params, clip: attrs.clip ?? defaultBoxClip };
    return { dispatches: [{ shader: boxDecodeShader, ...plan, params }] };
  },
});

/** The gradient of box_decode to the deltas: 0 for sides that the clip holds (at the clip itself it passes). */
export const boxDecodeBackward = defineKernel({
  name: 'box_decode_backward',
  inputs: ['dy', 'deltas', 'anchors'],
  outputs: ['ddeltas'],
  attributes: ['weights', 'clip'],
  infer({ dy, deltas, anchors }, attrs: BoxDecodeAttrs) {
    const ddeltas = inferDecoder('box_decode_backward', deltas, anchors, attrs);
    if (!sameShape(dy.shape, deltas.shape) || dy.dtype !== deltas.dtype) {
      throw new ShapeError(
        `box_decode_backward: dy must be like deltas, got ${formatSpec('dy', dy)}, ${formatSpec('deltas', deltas)}`,
      );
    }
    return { ddeltas };
  },
  dispatches(_caps, { deltas, anchors }, { ddeltas }, attrs) {
    const plan = planCoder('box_decode_backward', deltas, anchors, ddeltas, attrs);
    const params = { ...plan.params, clip: attrs.clip ?? defaultBoxClip };
    return { dispatches: [{ shader: boxDecodeBackwardShader, ...plan, params }] };
  },
});
