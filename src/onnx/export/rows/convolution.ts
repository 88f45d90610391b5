import { evaluate } from '../../../graph/evaluate.ts';
import { apply, type Operation, tensor } from '../../../graph/tensor.ts';
import type { PyramidLevels } from '../../../kernels/levels.ts';
import { type Pair, pair } from '../../../shape.ts';
import type { Call, Outputs } from '../call.ts';
import { type Attr, float } from '../protos.ts';
import { perLevel } from '../pyramid.ts';
import { isFixed } from '../sizes.ts';
import { CHANNELS_FIRST } from '../tensors.ts';
import type { Rows } from './types.ts';

/** [O,I,kh,kw] of [kh,kw,I,O]; of a transposed convolution [I,O,kh,kw] of [kh,kw,O,I]. */
const FILTER = [3, 2, 0, 1];

const image = (name: string): Outputs => ({ y: { name, order: CHANNELS_FIRST } });

/** The same padding on both sides. */
const around = ([h, w]: readonly [number, number]): number[] => [h, w, h, w];

function convolved(
  call: Call<{
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
    readonly dilation: readonly [number, number];
    readonly groups: number;
    readonly levels?: PyramidLevels | undefined;
  }>,
  op: string,
  more: Readonly<Record<string, Attr>> = {},
  biased = true,
): string {
  const { stride, padding, dilation, groups, levels } = call.attrs;
  const { bias, weight } = call.node.inputs;
  const parameters = [call.name('weight', FILTER), ...(bias && biased ? [call.name('bias')] : [])];
  const attrs = {
    kernel_shape: weight!.shape.slice(0, 2),
    strides: stride,
    pads: around(padding),
    dilations: dilation,
    group: groups,
    ...more,
  };
  const of = (x: string) => call.emit(op, [x, ...parameters], attrs);
  const x = call.image('x');
  return levels ? perLevel(call, x, levels, of) : of(x);
}

/** Height and width of an image. */
function extent(call: Call<object>, which: 'x' | 'y'): readonly [number, number] {
  const sizes = which === 'x' ? call.sizes('x') : call.sizes(call.output());
  const [, h, w] = sizes;
  if (h === undefined || w === undefined || !isFixed(h) || !isFixed(w)) {
    return call.refuse('height and width grow with the number of images');
  }
  return [h, w];
}

/** Padding that gives as many windows as the output has: before, and what the last one needs after. */
function padsFor(
  call: Call<object>,
  {
    kernel,
    stride,
    padding,
    dilation,
  }: Readonly<Record<'kernel' | 'stride' | 'padding' | 'dilation', readonly [number, number]>>,
): number[] {
  const [input, output] = [extent(call, 'x'), extent(call, 'y')];
  const after = ([0, 1] as const).map((k) => {
    const reach = (output[k] - 1) * stride[k] + (kernel[k] - 1) * dilation[k] + 1;
    return Math.max(reach - input[k] - padding[k], 0);
  });
  return [...padding, ...after];
}

/** The attributes of a resampling for one axis: the other has one pixel. */
type AxisAttrs = (axis: 0 | 1) => object;

/**
 * A resampling as two matrix products, one for each axis, for what no operation of ONNX does: its matrix for an axis is what it
 * makes of the unit vectors.
 */
function resampled(call: Call<object>, attrs: AxisAttrs): Outputs {
  const size = extent(call, 'x');
  const operation: Operation = call.node.operation;
  const [rows, columns] = ([0, 1] as const).map((axis) => {
    const n = size[axis];
    const unit = Float32Array.from({ length: n * n }, (_, i) => Number(i % n === Math.floor(i / n)));
    const shape = axis === 0 ? [1, n, 1, n] : [1, 1, n, n];
    const y = Object.values(apply(operation, { x: tensor(unit, shape) }, attrs(axis)))[0]!;
    const out = y.shape[axis + 1]!;
    // The other axis may give several alike: the first of each.
    const values = evaluate([y])[0]!;
    const step = axis === 0 ? y.shape[2]! * n : n;
    const matrix = new Float32Array(out * n);
    for (let o = 0; o < out; o++) for (let i = 0; i < n; i++) matrix[o * n + i] = values[o * step + i]!;
    return { matrix, out, n };
  });
  const { writer } = call;
  const left = writer.constant('float', [rows!.out, rows!.n], rows!.matrix);
  const turned = new Float32Array(columns!.matrix.length);
  const { out, n, matrix } = columns!;
  for (let o = 0; o < out; o++) for (let i = 0; i < n; i++) turned[i * out + o] = matrix[o * n + i]!;
  const right = writer.constant('float', [n, out], turned);
  return image(call.emit('MatMul', [left, call.emit('MatMul', [call.image('x'), right])]));
}

/** One axis of a pair of attributes; the other is 1 (or `otherwise`). */
const only = (axis: 0 | 1, value: Pair, otherwise = 1): [number, number] => {
  const own = pair(value)[axis];
  return axis === 0 ? [own, otherwise] : [otherwise, own];
};

/** Convolution, pooling and resampling. */
export const convolution: Rows<
  | 'conv2d'
  | 'conv_transpose2d'
  | 'max_pool2d'
  | 'avg_pool2d'
  | 'adaptive_avg_pool2d'
  | 'interpolate'
  | 'pyr_down'
  | 'pyr_up'
  | 'gaussian_blur'
> = {
  conv2d: (call) => image(convolved(call, 'Conv')),
  conv_transpose2d(call) {
    const { outputPadding, padding, stride } = call.attrs;
    if (outputPadding.every((rows, k) => rows < stride[k]!)) {
      return image(convolved(call, 'ConvTranspose', { output_padding: outputPadding }));
    }
    // onnxruntime takes only rows that a larger input would have reached: the whole, without the bias, is cut or grows by zeros.
    const whole = convolved(call, 'ConvTranspose', { pads: [0, 0, 0, 0] }, false);
    const ends = padding.map((rows, k) => outputPadding[k]! - rows);
    const sides = call.writer.ints([0, 0, ...padding.map((rows) => -rows), 0, 0, ...ends]);
    const y = call.emit('Pad', [whole, sides]);
    if (!call.node.inputs.bias) return image(y);
    const bias = call.tensors.stretched(call.input('bias'), CHANNELS_FIRST);
    return image(call.emit('Add', [y, bias]));
  },
  max_pool2d(call) {
    const { kernelSize: kernel, stride, padding, dilation, ceilMode } = call.attrs;
    const pads = ceilMode ? padsFor(call, { kernel, stride, padding, dilation }) : around(padding);
    const attrs = { kernel_shape: kernel, strides: stride, pads, dilations: dilation };
    return image(call.emit('MaxPool', [call.image('x')], attrs));
  },
  avg_pool2d(call) {
    const { kernelSize: kernel, stride, padding, ceilMode, countIncludePad, divisorOverride } = call.attrs;
    if (ceilMode && divisorOverride === undefined) {
      return resampled(call, (axis) => ({
        ...call.attrs,
        kernelSize: only(axis, kernel),
        stride: only(axis, stride),
        padding: only(axis, padding, 0),
      }));
    }
    if (ceilMode) call.refuse('divisorOverride together with ceilMode has no ONNX form');
    const include = countIncludePad || divisorOverride !== undefined;
    const mean = call.emit('AveragePool', [call.image('x')], {
      kernel_shape: kernel,
      strides: stride,
      pads: around(padding),
      count_include_pad: Number(include),
    });
    if (divisorOverride === undefined) return image(mean);
    const factor = (kernel[0] * kernel[1]) / divisorOverride;
    return image(call.emit('Mul', [mean, call.number(factor, call.output().dtype)]));
  },
  adaptive_avg_pool2d(call) {
    const { outputSize } = call.attrs;
    const size = extent(call, 'x');
    if (outputSize.every((out) => out === 1)) return image(call.emit('GlobalAveragePool', [call.image('x')]));
    if (outputSize.every((out, k) => size[k]! % out === 0)) {
      const window = outputSize.map((out, k) => size[k]! / out);
      return image(call.emit('AveragePool', [call.image('x')], { kernel_shape: window, strides: window }));
    }
    return resampled(call, (axis) => ({ outputSize: only(axis, outputSize) }));
  },
  interpolate(call) {
    const { size, mode, alignCorners, antialias, scaleFactor } = call.attrs;
    const from = extent(call, 'x');
    // Positions that do not follow from the sizes, which is how ONNX would take them.
    const given = scaleFactor?.some((factor, k) => from[k]! * factor !== size[k]);
    // onnxruntime only enlarges by cubics; antialias came with opset 18.
    const shrinks = mode === 'bicubic' && size.some((length, k) => length < from[k]!);
    if (given || shrinks || antialias) {
      return resampled(call, (axis) => ({
        ...call.attrs,
        size: only(axis, size),
        ...(scaleFactor ? { scaleFactor: only(axis, scaleFactor) } : {}),
      }));
    }
    const [N = 1, , , C = 1] = call.sizes('x');
    const sizes = call.tensors.shape([N, C, ...size]);
    const smooth = {
      mode: mode === 'bilinear' ? 'linear' : 'cubic',
      coordinate_transformation_mode: alignCorners ? 'align_corners' : 'half_pixel',
      ...(mode === 'bicubic' ? { cubic_coeff_a: float(-0.75) } : {}),
    };
    const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    return image(
      call.emit('Resize', [call.image('x'), '', '', sizes], mode === 'nearest' ? nearest : smooth),
    );
  },
  pyr_down: (call) => resampled(call, () => ({})),
  pyr_up: (call) => resampled(call, () => ({})),
  gaussian_blur: (call) => resampled(call, () => call.attrs),
};
