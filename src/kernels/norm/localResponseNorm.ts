import { ShapeError } from '../../errors.ts';
import { expectDType, expectFloats, expectNumber, formatSpec, numel, type TensorSpec } from '../../shape.ts';
import windowSnippet from '../../wgsl/norm/lib/channel_window.wgsl';
import localResponseNormShader from '../../wgsl/norm/local_response_norm.wgsl';
import backwardShader from '../../wgsl/norm/local_response_norm_backward.wgsl';
import termsShader from '../../wgsl/norm/local_response_norm_terms.wgsl';
import { defineKernel, type Given, wgslType } from '../kernel.ts';
import { expectGradient, expectInteger } from '../spatial.ts';

/** Attributes of `localResponseNorm`. */
export interface LocalResponseNormAttrs {
  /** Channels in a window: floor(size / 2) before its own channel and floor((size - 1) / 2) after it. */
  readonly size: number;
  /** Factor of the mean square of the window. Default 1e-4. */
  readonly alpha: number;
  /** Exponent. Default 0.75. */
  readonly beta: number;
  /** Added to the mean square; above 0. Default 1. */
  readonly k: number;
}

const attributes = ({
  size,
  alpha = 1e-4,
  beta = 0.75,
  k = 1,
}: Given<LocalResponseNormAttrs, 'size'>): LocalResponseNormAttrs => ({ size, alpha, beta, k });

function check(op: string, x: TensorSpec, { size, alpha, beta, k }: LocalResponseNormAttrs): void {
  expectDType(op, 'x', x, 'f32', 'f16');
  if (x.shape.length < 2) {
    throw new ShapeError(`${op}: x must be [N, ..., C], got ${formatSpec('x', x)}; reshape it`);
  }
  expectInteger(op, 'size', size, 1);
  expectNumber(op, 'alpha', alpha, 0, Number.MAX_VALUE);
  expectNumber(op, 'beta', beta, -Number.MAX_VALUE, Number.MAX_VALUE);
  if (!(k > 0 && k <= Number.MAX_VALUE)) {
    throw new ShapeError(`${op}: k must be a number above 0, got ${k}; with 0 a window of zeros is 0 / 0`);
  }
}

/** What all dispatches have in common: one invocation per element of x. */
function eachElement(x: TensorSpec, { size, alpha, beta, k }: LocalResponseNormAttrs) {
  const channels = x.shape.at(-1)!;
  const total = numel(x.shape);
  // Beyond the channels a window cannot reach, and no size overflows a u32.
  const reach = (count: number) => Math.min(Math.floor(count), channels);
  const params = { total, channels, before: reach(size / 2), after: reach((size - 1) / 2) };
  return {
    snippets: [windowSnippet],
    types: { T: wgslType(x.dtype) },
    params: { ...params, scale: alpha / size, beta, k },
    grid: total,
  };
}

/**
 * `y[c] = x[c] / (k + alpha / size * Σ x[j]²)^beta`, over the channels j from c - floor(size / 2) to
 * c + floor((size - 1) / 2) of the same pixel; channels that do not exist count as zeros (Krizhevsky et al. 2012,
 * AlexNet, §3.3, with alpha divided by size as in torch.nn.LocalResponseNorm). x, y: [N, ..., C]; sums and powers in f32.
 * Throws ShapeError for fewer than two dimensions, for a size that is no whole number of 1 or more, for alpha below 0 and for
 * a k that is not above 0 (PyTorch takes it, and gives NaN for a window of zeros).
 */
export const localResponseNorm = defineKernel({
  name: 'local_response_norm',
  inputs: ['x'],
  outputs: ['y'],
  attributes,
  infer({ x }, attrs: LocalResponseNormAttrs) {
    check('local_response_norm', x, attrs);
    return { y: x };
  },
  dispatches: (_caps, { x }, _outputs, attrs) => ({
    dispatches: [{ ...eachElement(x, attrs), shader: localResponseNormShader, epilogue: 'f32' }],
  }),
});

/**
 * The gradient of local_response_norm to x: with d = k + alpha / size * Σ x[j]² of each element,
 * `dx[c] = dy[c] d[c]^-beta - 2 alpha beta / size * x[c] * Σ dy[j] x[j] d[j]^(-beta - 1)`, over the channels j whose windows hold
 * c. dy, x, dx: [N, ..., C]. The terms of the sum take 4 bytes of memory for each element of x.
 */
export const localResponseNormBackward = defineKernel({
  name: 'local_response_norm_backward',
  inputs: ['dy', 'x'],
  outputs: ['dx'],
  attributes,
  infer({ dy, x }, attrs: LocalResponseNormAttrs) {
    const op = 'local_response_norm_backward';
    check(op, x, attrs);
    expectFloats(op, { dy, x });
    expectGradient(op, dy, x.shape);
    return { dx: x };
  },
  dispatches(_caps, { x }, _outputs, attrs) {
    const common = eachElement(x, attrs);
    return {
      scratch: { terms: numel(x.shape) * 4 },
      dispatches: [
        { ...common, shader: termsShader },
        { ...common, shader: backwardShader, epilogue: 'f32' },
      ],
    };
  },
});
