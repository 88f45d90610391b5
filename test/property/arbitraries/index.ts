import { kernels, type OpName } from '../../../src/kernels/ops.ts';
import { boxes } from './boxes.ts';
import type { Arbitrary } from './common.ts';
import { elementwise } from './elementwise.ts';
import { images } from './images.ts';
import { tensors } from './tensors.ts';

/** Backward operations run through the gradient rules of the forward ones. */
type Backward = Extract<OpName, `${string}_backward` | `${string}_backward_${string}`>;

/** Random cases of every operation. A missing operation is a type error. */
export const arbitraries: Record<Exclude<OpName, Backward>, Arbitrary> = {
  ...elementwise,
  ...images,
  ...tensors,
  ...boxes,
};

export const forwardOps = (Object.keys(kernels) as OpName[]).filter((op) => !op.includes('_backward'));
