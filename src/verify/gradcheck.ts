import { evaluate, toReference } from '../graph/evaluate.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { RefArray } from '../reference/reference.ts';
import { type Case, randomOf } from './cases/case.ts';
import { gradientGraph } from './gradientGraph.ts';

/** Below this, every element of an input gets a difference of its own; above, random directions share them. */
const FULL = 40;
const DIRECTIONS = 4;
/** Truncation is about STEP^2, rounding about 1e-16 / STEP: both far below the tolerance. */
const STEP = 1e-5;
const RELATIVE = 1e-6;
/** What rounding may leave of the sum that is differentiated, over the step. */
const ROUNDING = 1e-10;

/** One input of one row: how far its gradient is from finite differences, relative to the gradient's size. */
export interface GradientCheck {
  readonly input: string;
  readonly ok: boolean;
  readonly relativeError: number;
  readonly message: string;
}

/**
 * Central finite differences of the float64 reference against the gradient that the graph's rule gives, evaluated
 * by the references alone: checks rules and backward references without a GPU.
 */
export function gradientCheck(row: Case): GradientCheck[] {
  const { inputs, output, cotangent, grads } = gradientGraph(row);
  const weights = evaluate([cotangent])[0]!;
  let magnitude = 0;
  const lossAt = (input: Tensor, values: RefArray): number => {
    const y = evaluate([output], new Map([[input, values]]))[0]!;
    magnitude = 0;
    let loss = 0;
    for (let i = 0; i < y.length; i++) {
      const term = y[i]! * weights[i]!;
      loss += term;
      magnitude += Math.abs(term);
    }
    return loss;
  };
  const analytic = evaluate(grads.map(([, gradient]) => gradient));

  return grads.map(([name], k): GradientCheck => {
    const input = inputs[name]!;
    const { origin } = input;
    if (origin.kind !== 'constant') throw new TypeError('inputs of rows are constants');
    const center = Float64Array.from(toReference(origin.data));
    const gradient = analytic[k]!;
    const along = (direction: ArrayLike<number>): [numeric: number, exact: number] => {
      const at = (step: number) =>
        lossAt(
          input,
          center.map((value, i) => value + step * direction[i]!),
        );
      const numeric = (at(STEP) - at(-STEP)) / (2 * STEP);
      let exact = 0;
      for (let i = 0; i < gradient.length; i++) exact += gradient[i]! * direction[i]!;
      return [numeric, exact];
    };
    const norm = Math.hypot(...gradient.slice(0, 1e5));
    let [relativeError, message, ok] = [0, '', true];
    const check = (label: string, direction: ArrayLike<number>) => {
      const [numeric, exact] = along(direction);
      const error = Math.abs(numeric - exact);
      relativeError = Math.max(relativeError, norm > 0 ? error / norm : error);
      if (error <= RELATIVE * norm + ROUNDING * magnitude) return;
      ok = false;
      message ||= `d ${name}${label}: the rule gives ${exact}, finite differences ${numeric}`;
    };
    if (center.length <= FULL) {
      center.forEach((_, i) => {
        check(
          `[${i}]`,
          center.map((_, j) => Number(i === j)),
        );
      });
    } else {
      const random = randomOf(`${row.op}/${row.name}/${name}`);
      for (let n = 0; n < DIRECTIONS; n++) {
        check(
          ` along direction ${n}`,
          center.map(() => (random() < 0.5 ? -1 : 1)),
        );
      }
    }
    return { input: name, ok, relativeError, message };
  });
}
