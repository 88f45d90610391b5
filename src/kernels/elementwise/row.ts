import { FoveaError } from '../../errors.ts';

/**
 * An elementwise operation: WGSL expressions over values of type V (f32, vec4f or i32), named after the arguments. A
 * gradient may also use y, the result, and dy, the gradient of the loss with respect to y. An expression that contains
 * `return` is a whole function body. Attributes are used by name and become literals. Available functions: all of WGSL's;
 * those of `functions`; `nan_over(value, x)`, which is x where x is NaN, else value (WGSL's max, min and clamp may lose a
 * NaN; PyTorch's propagate it); and `number_class(x)`, which is 0 where x is finite, 1 for infinities and 2 for NaN.
 */
export interface ElementwiseRow {
  readonly name: string;
  readonly args: readonly string[];
  /** Attributes and their defaults. */
  readonly attrs?: Readonly<Record<string, number>>;
  readonly wgsl: string;
  /** WGSL functions over V that the expressions call. Rows that share one must have the same text for it. */
  readonly functions?: string;
  /** d loss / d argument. An argument without an entry has no gradient, as in rounding and comparisons. */
  readonly backward: Readonly<Record<string, string>>;
  /** Also defined on i32. Default: floats only. */
  readonly integer?: boolean;
}

/** One expression of a row: the forward one, or the gradient with respect to the argument `backwardTo`. */
export interface ElementwiseExpression {
  readonly row: ElementwiseRow;
  readonly backwardTo?: string;
}

/** The WGSL of an expression, and the arguments that it really uses. */
export function expressionOf({ row, backwardTo }: ElementwiseExpression): { wgsl: string; uses: string[] } {
  const wgsl = backwardTo === undefined ? row.wgsl : row.backward[backwardTo];
  if (wgsl === undefined) throw new FoveaError(`${row.name} has no gradient with respect to ${backwardTo}`);
  const candidates = backwardTo === undefined ? row.args : ['dy', ...row.args, 'y'];
  return { wgsl, uses: candidates.filter((name) => new RegExp(`\\b${name}\\b`).test(wgsl)) };
}
