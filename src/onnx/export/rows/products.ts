import type { Call } from '../call.ts';
import { float } from '../protos.ts';
import { isFixed, type Sizes } from '../sizes.ts';
import { CHANNELS_FIRST } from '../tensors.ts';
import type { Rows } from './types.ts';

/** [I,O] as PyTorch and Gemm have it, [O,I]. */
const TURNED = [1, 0];

const DIMS = 'the sizes that are normalised grow with the number of images';

/** (x - mean) / sqrt(var + eps) over the last dimension of x [...,C], times weight plus bias. */
function layerNorm(call: Call<{ readonly eps: number }>): string {
  const { eps } = call.attrs;
  const [x, weight, bias] = [call.name('x'), call.name('weight'), call.name('bias')];
  const { writer } = call;
  if (writer.opset >= 17) {
    return call.emit('LayerNormalization', [x, weight, bias], { axis: -1, epsilon: float(eps) });
  }
  const mean = (of: string) =>
    writer.opset >= 18
      ? writer.node('ReduceMean', [of, writer.ints([-1])])
      : writer.node('ReduceMean', [of], { axes: [-1] });
  const centred = writer.node('Sub', [x, mean(x)]);
  const spread = writer.node('Add', [mean(writer.node('Mul', [centred, centred])), call.number(eps)]);
  const normal = writer.node('Div', [centred, writer.node('Sqrt', [spread])]);
  return call.emit('Add', [writer.node('Mul', [normal, weight]), bias]);
}

/** Matrix products and normalisation. */
export const products: Rows<
  'linear' | 'matmul' | 'cdist' | 'hamming_distance' | 'group_norm' | 'batch_norm' | 'local_response_norm'
> = {
  linear(call) {
    const { bias, x } = call.node.inputs;
    if (x!.shape.length === 2) {
      const inputs = [call.name('x'), call.name('weight', TURNED), ...(bias ? [call.name('bias')] : [])];
      return { y: call.emit('Gemm', inputs, { transB: 1 }) };
    }
    const product = call.emit('MatMul', [call.name('x'), call.name('weight')]);
    return { y: bias ? call.emit('Add', [product, call.name('bias')]) : product };
  },
  matmul: (call) => ({ y: call.emit('MatMul', [call.name('a'), call.name('b')]) }),
  cdist(call) {
    const { writer } = call;
    const a = call.unsqueeze(call.name('a'), [-2]);
    const b = call.unsqueeze(call.name('b'), [-3]);
    const difference = writer.node('Sub', [a, b]);
    const axes = writer.ints([-1]);
    if (call.attrs.p === 1) {
      const sizes = writer.node('Abs', [difference]);
      return { y: call.emit('ReduceSum', [sizes, axes], { keepdims: 0 }) };
    }
    const squares = writer.node('Mul', [difference, difference]);
    return { y: call.emit('Sqrt', [writer.node('ReduceSum', [squares, axes], { keepdims: 0 })]) };
  },
  hamming_distance: null,
  group_norm(call) {
    const { numGroups, eps, levels } = call.attrs;
    const { writer, tensors } = call;
    const sizes = call.sizes('x');
    const rank = sizes.length;
    if (rank === 2 && numGroups === 1) return { y: layerNorm(call) };
    const order = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
    const x = call.name('x', order);
    const C = sizes.at(-1)!;
    if (!isFixed(C)) return call.refuse(DIMS);
    const vector = (name: string) => {
      const vectorName = call.name(name);
      return rank === 2
        ? vectorName
        : tensors.reshape(vectorName, [C, ...new Array<number>(rank - 2).fill(1)]);
    };
    const normalized = (part: string, shape: Sizes): string => {
      const inputs = [part, call.name('weight'), call.name('bias')];
      const epsilon = float(eps);
      if (writer.opset >= 21)
        return call.emit('GroupNormalization', inputs, { num_groups: numGroups, epsilon });
      if (numGroups === C && rank > 2) return call.emit('InstanceNormalization', inputs, { epsilon });
      const grouped = writer.reshape(part, [0, numGroups, -1]);
      const [ones, none] = [1, 0].map((value) => call.numbers(new Array<number>(numGroups).fill(value)));
      const normal = writer.node('InstanceNormalization', [grouped, ones!, none!], { epsilon });
      const scaled = writer.node('Mul', [tensors.reshape(normal, shape), vector('weight')]);
      return call.emit('Add', [scaled, vector('bias')]);
    };
    const shape = order.map((axis) => sizes[axis]!);
    if (!levels) return { y: { name: normalized(x, shape), order } };
    let end = 0;
    const parts = levels.map(([h, w]) => {
      end += h * w;
      return normalized(call.slice(x, rank - 1, end - h * w, end), [...shape.slice(0, -1), h * w]);
    });
    return { y: { name: call.emit('Concat', parts, { axis: rank - 1 }), order } };
  },
  // The statistics of a batch: only in training.
  batch_norm: null,
  local_response_norm(call) {
    const { size, alpha, beta, k } = call.attrs;
    if (size % 2 === 0)
      call.refuse(`size ${size} is even, for which ONNX takes another window; use an odd one`);
    const order = call.order('x');
    if (beta === 0) return { y: { name: call.emit('Identity', [call.name('x', order)]), order } };
    const attrs = { size, alpha: float(alpha), beta: float(beta), bias: float(k) };
    const sizes = call.sizes('x');
    if (sizes.length === 4) {
      return { y: { name: call.emit('LRN', [call.image('x')], attrs), order: CHANNELS_FIRST } };
    }
    // onnxruntime takes images only.
    const rows = call.tensors.reshape(call.name('x'), [-1, sizes.at(-1)!, 1, 1]);
    return { y: call.tensors.reshape(call.emit('LRN', [rows], attrs), sizes) };
  },
};
