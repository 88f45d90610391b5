import type { ElementwiseOp } from '../kernels/elementwise/elementwise.ts';
import { elementwiseKernels, elementwiseRef } from '../kernels/elementwise/elementwise.ts';
import { expressionOf, indexMode } from '../kernels/elementwise/fused.ts';
import type { OpName } from '../kernels/ops.ts';
import { numel, type Shape, sameShape } from '../shape.ts';
import { inF32 } from './functions/inF32.ts';
import { transpose } from './functions/shape.ts';
import { apply, type Tensor } from './tensor.ts';

/** What a gradient rule sees: the operation's inputs, outputs and attributes, and the gradients that arrive. */
export interface GradientContext {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  // biome-ignore lint/suspicious/noExplicitAny: each rule knows the attributes of its own operation.
  readonly attrs: any;
  /** d loss / d output, for outputs that anything depends on. */
  readonly grads: Readonly<Record<string, Tensor | undefined>>;
  /** Whether d loss / d input is asked for. */
  wants(input: string): boolean;
}

/** Graph in, graph out: d loss / d input for each input that has a gradient. */
export type GradientRule = (context: GradientContext) => Readonly<Record<string, Tensor | undefined>>;

const one = (op: OpName, inputs: Record<string, Tensor | undefined>, attrs: object = {}): Tensor =>
  Object.values(apply(op, inputs, attrs))[0]!;

/** The sum of a gradient over the dimensions that broadcasting added or stretched. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  const lead = g.shape.length - shape.length;
  const dims = g.shape.flatMap((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? [i] : []));
  if (dims.length === 0) return g.reshape(shape);
  return one('sum', { x: g }, { dims, keepdim: false }).reshape(shape);
}

/**
 * What a gradient was expanded from, as that of a sum is, where an operation on it and these others reads that just as
 * well: it need not be written out then, and what is computed of it alone is computed once.
 */
function beforeExpand(g: Tensor, others: readonly Tensor[]): Tensor {
  if (g.origin.kind !== 'op' || g.origin.node.op !== 'expand') return g;
  const x = g.origin.node.inputs.x!;
  const reads = indexMode(x.shape, g.shape) !== undefined && others.every(({ dtype }) => dtype === g.dtype);
  return reads ? x : g;
}

const elementwise = (op: ElementwiseOp): GradientRule | null => {
  const ref = elementwiseRef(op)!;
  if (ref.backwardTo !== undefined) return null;
  return ({ inputs, outputs, attrs, grads, wants }) => {
    const g = grads.y!;
    const values: Record<string, Tensor> = { ...inputs, y: outputs.y! };
    const result: Record<string, Tensor> = {};
    for (const arg of Object.keys(inputs)) {
      const backward = `${op}_backward_${arg}`;
      if (!wants(arg) || !elementwiseRef(backward)) continue;
      const { wgsl, uses } = expressionOf({ row: ref.row, backwardTo: arg });
      // What is summed afterwards is kept in f32 until then.
      const summed = numel(inputs[arg]!.shape) !== numel(g.shape);
      const own = uses.filter((name) => name !== 'g').map((name) => values[name]!);
      const read = beforeExpand(g, own);
      const used = Object.fromEntries(
        uses.map((name) => [name, name !== 'g' ? values[name]! : summed ? inF32(read) : read]),
      );
      const slope = wgsl === 'g' ? used.g! : one(backward as OpName, used, attrs);
      const full = sameShape(slope.shape, g.shape) ? slope : one('expand', { x: slope }, { shape: g.shape });
      // An argument that the gradient does not read may be wider than what it does read.
      result[arg] = sumTo(full, inputs[arg]!.shape);
    }
    return result;
  };
};

const elementwiseRules = Object.fromEntries(
  Object.keys(elementwiseKernels).map((op) => [op, elementwise(op as ElementwiseOp)]),
) as Record<ElementwiseOp, GradientRule | null>;

const toInput = (attrs: object, x: Tensor): object => ({ ...attrs, inputSize: [x.shape[1], x.shape[2]] });

/** A resampling: y is linear in x, and its own backward operation is the transposed map. */
const resampling =
  (backward: OpName): GradientRule =>
  ({ inputs, attrs, grads }) => ({ x: one(backward, { dy: grads.y }, toInput(attrs, inputs.x!)) });

/** What the transposed convolution must add to its output's size to arrive at this one. */
function outputPaddingOf(size: Shape, dy: Tensor, weight: Tensor, attrs: GradientContext['attrs']): number[] {
  return [0, 1].map((axis) => {
    const extent = attrs.dilation[axis] * (weight.shape[axis]! - 1) + 1;
    const reached = (dy.shape[axis + 1]! - 1) * attrs.stride[axis] - 2 * attrs.padding[axis] + extent;
    return size[axis + 1]! - reached;
  });
}

/** x with this many more rows and columns of zeros at the end; negative numbers crop. */
function extended(x: Tensor, [rows, columns]: readonly [number, number]): Tensor {
  if (rows === 0 && columns === 0) return x;
  return one(
    'pad',
    { x },
    {
      padding: [
        [0, 0],
        [0, rows],
        [0, columns],
        [0, 0],
      ],
      value: 0,
    },
  );
}

const channelSum = (g: Tensor): Tensor =>
  one('sum', { x: g }, { dims: g.shape.slice(0, -1).map((_, i) => i), keepdim: false });

const UNIT_CONV = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

const withKeepdim = (x: Tensor, reduced: Tensor, dims: readonly number[]): Tensor =>
  reduced.reshape(x.shape.map((size, i) => (dims.includes(i) ? 1 : size)));

/** The transposed map of a resampling: its gradient is the resampling itself. */
const resamplingBackward =
  (forward: OpName): GradientRule =>
  ({ attrs: { inputSize: _, ...attrs }, grads }) => ({ dy: one(forward, { x: grads.dx }, attrs) });

/** An operation's output, computed once more in f32 where it was stored in halves. */
const fromF32 = (op: OpName, x: Tensor, y: Tensor): Tensor =>
  y.dtype === 'f32' ? y : one(op, { x: inF32(x) });

const none: GradientRule | null = null;

/** One row an operation. `null` says "deliberately not differentiable". A missing row is a type error. */
export const gradients: Record<OpName, GradientRule | null> = {
  ...elementwiseRules,
  conv2d: ({ inputs: { x, weight }, attrs, grads: { y: g }, wants }) => {
    const kernelSize = [weight!.shape[0], weight!.shape[1]];
    return {
      x: wants('x')
        ? one(
            'conv_transpose2d',
            { x: g, weight },
            { ...attrs, outputPadding: outputPaddingOf(x!.shape, g!, weight!, attrs) },
          )
        : undefined,
      weight: wants('weight')
        ? one('conv2d_backward_weight', { x, dy: g }, { ...attrs, kernelSize })
        : undefined,
      bias: wants('bias') ? channelSum(g!) : undefined,
    };
  },
  conv2d_backward_weight: none,
  conv_transpose2d: ({ inputs: { x, weight }, attrs, grads: { y: g }, wants }) => {
    const { outputPadding, ...conv } = attrs;
    const kernelSize = [weight!.shape[0], weight!.shape[1]];
    // Whole strides of output padding: the convolution of g has rows there that x does not have.
    const [rows, columns] = [0, 1].map((i) => Math.floor(outputPadding[i] / attrs.stride[i]));
    return {
      x: wants('x') ? extended(one('conv2d', { x: g, weight }, conv), [-rows!, -columns!]) : undefined,
      weight: wants('weight')
        ? one(
            'conv2d_backward_weight',
            { x: g, dy: extended(x!, [rows!, columns!]) },
            { ...conv, kernelSize },
          )
        : undefined,
      bias: wants('bias') ? channelSum(g!) : undefined,
    };
  },
  linear: ({ inputs: { x, weight }, grads: { y: g }, wants }) => {
    const [I, O] = weight!.shape as [number, number];
    const rows = numel(x!.shape.slice(0, -1));
    // Rows are the pixels of one image; of none, no image, since a kernel fits into no image without pixels.
    const images = rows === 0 ? [0, 1, 1] : [1, 1, rows];
    const image = (t: Tensor, channels: number) => t.reshape([...images, channels]);
    return {
      x: wants('x') ? one('linear', { x: g, weight: transpose(weight!) }) : undefined,
      weight: wants('weight')
        ? one(
            'conv2d_backward_weight',
            { x: image(x!, I), dy: image(g!, O) },
            { ...UNIT_CONV, kernelSize: [1, 1] },
          ).reshape([I, O])
        : undefined,
      bias: wants('bias') ? channelSum(g!) : undefined,
    };
  },
  matmul: ({ inputs: { a, b }, grads: { y: g }, wants }) => ({
    a: wants('a') ? sumTo(one('matmul', { a: g, b: transpose(b!) }), a!.shape) : undefined,
    b: wants('b') ? sumTo(one('matmul', { a: transpose(a!), b: g }), b!.shape) : undefined,
  }),
  gather_rows: ({ inputs: { x, index }, attrs, grads: { y: g } }) => ({
    x: one('gather_rows_backward', { dy: g, index }, { ...attrs, rows: x!.shape[attrs.batchDims] }),
  }),
  gather_rows_backward: none,
  // Sorted values are rows gathered by their indices; every leading row is a batch of its own.
  sort: (context) => ({ x: gatherLast(context) }),
  topk: (context) => ({ x: gatherLast(context) }),
  argmax: none,
  nms: none,
  weighted_box_fusion: none,
  box_iou: none,
  generalized_box_iou: none,
  box_encode: none,
  box_decode: ({ inputs: { deltas, anchors }, attrs, grads: { boxes: g } }) => ({
    deltas: one('box_decode_backward', { dy: g, deltas, anchors }, attrs),
  }),
  box_decode_backward: none,
  match_anchors: none,
  one_hot: none,
  rand: none,
  paste_masks: none,
  panoptic_merge: none,
  cross_entropy: ({ inputs: { x, target, weight }, outputs: { stats }, attrs, grads: { loss } }) => {
    const narrow = beforeExpand(loss!, []);
    const g = narrow.size === 1 ? narrow : loss;
    return { x: one('cross_entropy_backward', { x, target, stats, g, weight }, attrs) };
  },
  cross_entropy_backward: none,
  hamming_distance: none,
  interpolate: resampling('interpolate_backward'),
  interpolate_backward: resamplingBackward('interpolate'),
  adaptive_avg_pool2d: resampling('adaptive_avg_pool2d_backward'),
  adaptive_avg_pool2d_backward: resamplingBackward('adaptive_avg_pool2d'),
  avg_pool2d: resampling('avg_pool2d_backward'),
  avg_pool2d_backward: resamplingBackward('avg_pool2d'),
  pyr_down: resampling('pyr_down_backward'),
  pyr_down_backward: resamplingBackward('pyr_down'),
  pyr_up: resampling('pyr_up_backward'),
  pyr_up_backward: resamplingBackward('pyr_up'),
  gaussian_blur: resampling('gaussian_blur_backward'),
  gaussian_blur_backward: resamplingBackward('gaussian_blur'),
  max_pool2d: ({ inputs: { x }, outputs: { indices }, attrs, grads: { y: g } }) => ({
    x: one('max_pool2d_backward', { dy: g, indices }, toInput(attrs, x!)),
  }),
  max_pool2d_backward: none,
  sum: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: one('expand', { x: withKeepdim(x!, g!, attrs.dims) }, { shape: x!.shape }),
  }),
  // Where several elements are the maximum they share the gradient equally, as in PyTorch.
  amax: ({ inputs: { x }, outputs: { y }, attrs, grads: { y: g } }) => {
    const top = one('equal', { a: x!, b: withKeepdim(x!, y!, attrs.dims) });
    const count = one('sum', { x: top }, { dims: attrs.dims, keepdim: true });
    const share = one('div', { a: withKeepdim(x!, g!, attrs.dims), b: count });
    return { x: one('mul', { a: top, b: share }) };
  },
  // The difference in y (g - sum(g y)) cancels where one class has nearly all, so y is not taken from halves.
  softmax: ({ inputs, outputs, grads: { y: dy } }) => ({
    x: one('softmax_backward', { dy, y: fromF32('softmax', inputs.x!, outputs.y!) }),
  }),
  softmax_backward: none,
  log_softmax: ({ inputs, outputs, grads: { y: dy } }) => ({
    x: one('log_softmax_backward', { dy, y: fromF32('log_softmax', inputs.x!, outputs.y!) }),
  }),
  log_softmax_backward: none,
  batch_norm: ({ inputs: { x, weight }, outputs: { mean, invstd }, attrs, grads: { y: g } }) => {
    const { dx, dweight, dbias } = apply('batch_norm_backward', { dy: g, x, weight, mean, invstd }, attrs);
    return { x: dx, weight: dweight, bias: dbias };
  },
  batch_norm_backward: none,
  group_norm: ({ inputs: { x, weight }, outputs: { mean, invstd }, attrs, grads: { y: g } }) => {
    const { dx, dweight, dbias } = apply('group_norm_backward', { dy: g, x, weight, mean, invstd }, attrs);
    return { x: dx, weight: dweight, bias: dbias };
  },
  group_norm_backward: none,
  permute: ({ attrs, grads: { y: g } }) => {
    const inverse = attrs.dims.map((_: number, i: number) => attrs.dims.indexOf(i));
    return { x: one('permute', { x: g }, { dims: inverse }) };
  },
  slice: ({ inputs: { x }, attrs: { starts, steps }, grads: { y: g } }) => ({
    x: one('slice_backward', { dy: g }, { starts, steps, inputShape: x!.shape }),
  }),
  slice_backward: none,
  // Negative padding crops, so the gradient pads by the opposite amounts.
  pad: ({ attrs, grads: { y: g } }) => ({
    x: one('pad', { x: g }, { padding: attrs.padding.map(([a, b]: [number, number]) => [-a, -b]), value: 0 }),
  }),
  flip: ({ attrs, grads: { y: g } }) => ({ x: one('flip', { x: g }, attrs) }),
  expand: ({ inputs: { x }, grads: { y: g } }) => ({ x: sumTo(g!, x!.shape) }),
  concat: ({ inputs, attrs: { dim }, grads: { y: g } }) => {
    let start = 0;
    const result: Record<string, Tensor> = {};
    for (const [name, input] of Object.entries(inputs)) {
      const starts = input.shape.map((_, i) => (i === dim ? start : 0));
      result[name] = one('slice', { x: g }, { starts, steps: input.shape.map(() => 1), sizes: input.shape });
      start += input.shape[dim]!;
    }
    return result;
  },
  // Between floats the gradient goes back as it is; integers have none.
  cast: ({ grads: { y: g } }) => ({ x: g }),
  roi_align: ({ inputs: { x, rois }, attrs, grads: { y: g } }) => ({
    x: one('roi_align_backward', { dy: g, rois }, { ...attrs, inputShape: x!.shape }),
  }),
  roi_align_backward: none,
  roi_pool: ({ inputs: { x, rois }, outputs: { indices }, attrs, grads: { y: g } }) => ({
    x: one('roi_pool_backward', { dy: g, indices, rois }, { ...attrs, inputShape: x!.shape }),
  }),
  roi_pool_backward: none,
  pack: none,
  sgd_step: none,
  adamw_step: none,
};

function gatherLast({ inputs, outputs, grads }: GradientContext): Tensor {
  const x = inputs.x!;
  const n = x.shape.at(-1)!;
  const rows = numel(x.shape.slice(0, -1));
  const k = outputs.indices!.shape.at(-1)!;
  const dy = grads.values!.reshape([rows, k, 1]);
  const index = outputs.indices!.reshape([rows, k]);
  return one('gather_rows_backward', { dy, index }, { batchDims: 1, rows: n }).reshape(x.shape);
}
