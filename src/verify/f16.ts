import { roundToHalf } from '../half.ts';
import type { Kernel } from '../kernels/kernel.ts';
import type { OpName } from '../kernels/ops.ts';
import type { RefArray } from '../reference/reference.ts';
import type { TensorSpec } from '../shape.ts';
import { type CaseRow, type HostTensor, type HostTensors, hostTensor } from './cases/case.ts';
import { largestOf } from './validate.ts';

const MASTER = 'optimizers keep f32 master weights and take f32 gradients';

/** Operations that take no f16, and why. */
export const F32_ONLY: Readonly<Partial<Record<OpName, string>>> = {
  sgd_step: MASTER,
  adamw_step: MASTER,
  rmsprop_step: MASTER,
  rmsprop_centered_step: MASTER,
  lion_step: MASTER,
  ema_step: 'averages of weights are of f32 master weights',
  pack: MASTER,
};

/** What a float output may be off by, of the output's largest magnitude. */
const HALF_TOLERANCE = 2e-3;
/** The step between the smallest halves: below 2^-14 they lie no closer. */
const HALF_STEP = 2 ** -24;

/** A float tensor in halves; any other as it is. */
export const inHalves = (tensor: HostTensor): HostTensor =>
  tensor.dtype === 'f32' ? hostTensor({ shape: tensor.shape, dtype: 'f16' }, tensor.data) : tensor;

/** A kernel's inputs in halves, but for those that it takes in f32 alone. */
export const inputsInHalves = ({ f32Inputs = [] }: Kernel, inputs: HostTensors): HostTensors =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, f32Inputs.includes(name) ? input : inHalves(input)]),
  );

/** What a reference says of an output, infinite where that is of f16 and too large for it. */
export const overflowed = ({ dtype }: TensorSpec, values: RefArray): RefArray =>
  dtype === 'f16'
    ? values.map((value) => (Number.isFinite(roundToHalf(value)) ? value : roundToHalf(value)))
    : values;

/**
 * What a float output may be off by: a part of its largest magnitude; what its row allows for cancellation, where it
 * says so; the step of the smallest halves.
 */
export const halfTolerance = (values: RefArray, { atol = 0 }: CaseRow): number =>
  Math.max(HALF_TOLERANCE * largestOf(values), atol, HALF_STEP);
