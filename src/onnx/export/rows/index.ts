import type { OpName } from '../../../kernels/ops.ts';
import type { Row } from '../call.ts';
import { boxes } from './boxes.ts';
import { convolution } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { products } from './products.ts';
import { reduction } from './reduction.ts';
import { shapes } from './shapes.ts';
import type { GradientName, Rows } from './types.ts';

/** How every operation is written, by name. `null`: it has no ONNX form. A missing row is a type error. */
const rows: Rows<Exclude<OpName, GradientName>> = {
  ...boxes,
  ...convolution,
  ...elementwise,
  ...indexing,
  ...products,
  ...reduction,
  ...shapes,
  // Training alone: losses, random draws, optimizers.
  cross_entropy: null,
  rand: null,
  pack: null,
  sgd_step: null,
  adamw_step: null,
  rmsprop_step: null,
  rmsprop_centered_step: null,
  lion_step: null,
  ema_step: null,
};

/** How an operation is written; undefined for those that have no ONNX form, gradients and users' own among them. */
export const rowNamed = (op: string): Row | undefined =>
  (Object.hasOwn(rows, op) ? (rows as Readonly<Record<string, Row | null>>)[op] : null) ?? undefined;
