import { UsageError } from '../errors.ts';
import type { OpName } from '../kernels/ops.ts';
import { withDefaults } from '../options.ts';
import { type DType, isFloat } from '../shape.ts';
import { castTo } from './operations/broadcast.ts';
import { baseOf, type Operation, policy, type Tensor } from './tensor.ts';
import { expectFunction, expectSync, isTracking } from './tracking.ts';

/** Options of `autocast`. */
export interface AutocastOptions {
  /** The type in which convolutions and matrix products are computed. `f16` is the default and the only choice. */
  readonly dtype?: 'f16';
  /** False turns autocasting off, even inside another `autocast`: operations run in the types of their inputs. Default true. */
  readonly enabled?: boolean;
}

/**
 * The type in which operations run. Operations that are not listed run in the type of their inputs, or in f32 where these differ: activations,
 * norms, pooling, resizing, RoIAlign, cross entropy. They compute in f32 internally in either case.
 */
const POLICY: Readonly<Partial<Record<OpName, 'f16' | 'f32'>>> = {
  conv2d: 'f16',
  conv_transpose2d: 'f16',
  linear: 'f16',
  matmul: 'f16',
  // Their results can exceed the range of f16, or need more digits than it has.
  exp: 'f32',
  expm1: 'f32',
  log: 'f32',
  log1p: 'f32',
  pow: 'f32',
  rsqrt: 'f32',
  tan: 'f32',
  prod: 'f32',
  cumsum: 'f32',
  cumprod: 'f32',
  softmax: 'f32',
  log_softmax: 'f32',
  cdist: 'f32',
  // Losses.
  binary_cross_entropy_with_logits: 'f32',
  sigmoid_focal_loss: 'f32',
  smooth_l1_loss: 'f32',
  l1_loss: 'f32',
  mse_loss: 'f32',
  // Boxes in pixels: a step of f16 is half a pixel from 512 on.
  nms: 'f32',
  weighted_box_fusion: 'f32',
  box_iou: 'f32',
  generalized_box_iou: 'f32',
  box_encode: 'f32',
  box_decode: 'f32',
  match_anchors: 'f32',
};

/** Casts a float tensor. A tensor that was cast from this type before is replaced by its original. */
function inType(x: Tensor, dtype: DType): Tensor {
  if (!isFloat(x.dtype) || x.dtype === dtype) return x;
  const { origin } = x;
  const before = origin.kind === 'op' && origin.node.op === 'cast' ? origin.node.inputs.x! : x;
  // Only f16 survives the way to f32 and back.
  return before.dtype === 'f16' && dtype === 'f16' ? before : castTo(x, dtype);
}

/** The type in which an operation runs; undefined for the type of its inputs. */
function typeOf({ name, kernel }: Operation, inputs: readonly Tensor[]): DType | undefined {
  const listed = (POLICY as Readonly<Record<string, DType | undefined>>)[name];
  if (listed) return listed;
  // Elementwise operations take both types.
  const types = new Set(inputs.map(({ dtype }) => dtype));
  return !kernel.elementwise && types.has('f16') && types.has('f32') ? 'f32' : undefined;
}

/** Casts the inputs of operations. A weight is cast once. */
function policyOf(): typeof policy.value {
  const weights = new Map<Tensor, Tensor>();
  const cast = (x: Tensor, dtype: DType): Tensor => {
    if (dtype !== 'f16' || x.dtype !== 'f32' || baseOf(x).origin.kind !== 'state') return inType(x, dtype);
    const known = weights.get(x);
    // One that was cast where nothing is tracked passes no gradient on.
    if (known && known.requiresGrad === (x.requiresGrad && isTracking())) return known;
    const narrow = castTo(x, dtype);
    weights.set(x, narrow);
    return narrow;
  };
  return (operation, { inputs, attrs }) => {
    const { name, kernel } = operation;
    const always = (input: string) => kernel.f32Inputs?.includes(input) === true;
    const dtype = typeOf(
      operation,
      Object.entries(inputs).flatMap(([input, x]) => (always(input) ? [] : [x])),
    );
    const entries = Object.entries(inputs).map(([input, x]): [string, Tensor] => {
      const own = always(input) ? 'f32' : dtype;
      return [input, own ? cast(x, own) : x];
    });
    // A sum of halves is stored in f32, and the halves are read as they are.
    const wide = name === 'sum' && inputs.x!.dtype === 'f16' ? { dtype: 'f32', ...attrs } : attrs;
    return { inputs: Object.fromEntries(entries), attrs: wide };
  };
}

/**
 * fn(), where convolutions and matrix products run in f16, as in PyTorch's torch.autocast (Micikevicius et al. 2018, Mixed
 * precision training): half the memory for activations. Weights stay f32: they are cast where they are used, and their gradients
 * come back in f32. Gradients of activations are f16, small ones become 0: scale the loss with `GradScaler` of fovea/nn.
 *
 *     const losses = autocast(() => model.losses(images, targets));
 *     backward(scaler.scale(total(losses)));
 *
 * - f16: conv1d, conv2d, convTranspose2d, linear, matmul, scaledDotProductAttention, and what is composed of them.
 * - f32: exp, expm1, log, log1p, pow, rsqrt, tan; sum, prod, cumsum, cumprod; softmax, logSoftmax; cdist; the losses; operations on
 *   boxes, NMS.
 * - All others run in the type of their inputs, and in f32 where one of them is f32: activations, add, mul, concat, pooling,
 *   interpolate, RoIAlign, batch, group and layer norm. Those that add up do so in f32.
 *
 * f16 is stored with 11 bits, up to 65,504; every kernel computes in f32. The backward pass runs in the types of the
 * forward pass and may be in or outside of fn. See docs/memory.md for what it saves.
 *
 * @param fn Records operations; not async.
 * @returns What fn returned. A tensor of it may be f16.
 * @throws FoveaError where fn is async, UsageError for another dtype. On a device without the feature shader-f16 (SwiftShader; lavapipe
 * has it) computing what was recorded throws DeviceLimitError, before anything runs.
 */
export function autocast<R>(fn: () => R): R;
/**
 * The same with options: `dtype` and `enabled`.
 *
 * @param options The type of convolutions and matrix products, or `{ enabled: false }`.
 * @param fn Records operations; not async.
 */
export function autocast<R>(options: AutocastOptions, fn: () => R): R;
export function autocast<R>(...given: [() => R] | [AutocastOptions, () => R]): R {
  const [options, fn] = given.length === 1 ? [{}, given[0]] : given;
  expectFunction('autocast', fn);
  const { dtype, enabled } = withDefaults('autocast', options, { dtype: 'f16', enabled: true });
  if (dtype !== 'f16') {
    throw new UsageError(
      `autocast: no dtype ${String(dtype)}; choose f16, or leave autocast out to compute in f32`,
    );
  }
  return expectSync('autocast', policy.run(enabled ? policyOf() : undefined, fn));
}
