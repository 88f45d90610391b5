import { evaluate, toReference } from '../graph/evaluate.ts';
import type { Operation } from '../graph/tensor.ts';
import type { RefArray } from '../reference/reference.ts';
import { type CaseRow, randomOf } from './cases/case.ts';
import { gradientGraph } from './gradientGraph.ts';

/** Below this, every element of an input gets a difference of its own; above, random directions share them. */
const FULL = 40;
const DIRECTIONS = 4;
/** Truncation is about STEP^2, rounding about 1e-16 / STEP: both far below the tolerance. */
const STEP = 1e-5;
/** Of the gradient's norm. */
export const GRADIENT_TOLERANCE = 1e-6;
/** What rounding may leave of the sum that is differentiated, over the step. */
const ROUNDING = 1e-10;

/** One input of one row: how far its gradient is from finite differences, relative to the gradient's size. */
export interface GradientCheck {
  readonly input: string;
  readonly ok: boolean;
  readonly relativeError: number;
  readonly message: string;
}

/** A gradient, and the function whose gradient it should be: of one input, the others fixed. */
export interface Differentiated {
  readonly input: string;
  readonly center: RefArray;
  readonly gradient: RefArray;
  /** Seeds the random directions. */
  readonly seed: string;
  /** The outputs where the input has these values, and the weight of each element in the sum that is differentiated. */
  at(values: Float64Array): readonly { readonly values: RefArray; readonly weights: RefArray }[];
}

/** Central finite differences of a sum of weighted outputs, in float64, against a gradient. */
export function checkGradient({ input, center, gradient, seed, at }: Differentiated): GradientCheck {
  let magnitude = 0;
  const sumAt = (step: number, direction: ArrayLike<number>): number => {
    magnitude = 0;
    let sum = 0;
    for (const { values, weights } of at(
      Float64Array.from(center, (value, i) => value + step * direction[i]!),
    )) {
      for (let i = 0; i < values.length; i++) {
        const term = values[i]! * weights[i]!;
        sum += term;
        magnitude += Math.abs(term);
      }
    }
    return sum;
  };
  const norm = Math.hypot(...gradient.slice(0, 1e5));
  let [relativeError, message, ok] = [0, '', true];
  const check = (label: string, direction: ArrayLike<number>) => {
    const numeric = (sumAt(STEP, direction) - sumAt(-STEP, direction)) / (2 * STEP);
    let exact = 0;
    for (let i = 0; i < gradient.length; i++) exact += gradient[i]! * direction[i]!;
    const error = Math.abs(numeric - exact);
    relativeError = Math.max(relativeError, norm > 0 ? error / norm : error);
    if (error <= GRADIENT_TOLERANCE * norm + ROUNDING * magnitude) return;
    ok = false;
    message ||= `d ${input}${label}: the rule gives ${exact}, finite differences ${numeric}`;
  };
  if (center.length <= FULL) {
    for (let i = 0; i < center.length; i++) {
      check(
        `[${i}]`,
        Float64Array.from(center, (_, j) => Number(i === j)),
      );
    }
  } else {
    const random = randomOf(seed);
    for (let n = 0; n < DIRECTIONS; n++) {
      check(
        ` along direction ${n}`,
        Float64Array.from(center, () => (random() < 0.5 ? -1 : 1)),
      );
    }
  }
  return { input, ok, relativeError, message };
}

/**
 * Finite differences of the float64 reference against the gradient that the graph's rule gives, evaluated by the
 * references alone: checks rules and backward references without a GPU.
 */
export function gradientCheck(operation: Operation, row: CaseRow): GradientCheck[] {
  const { inputs, output, cotangent, grads } = gradientGraph(operation, row);
  const weights = evaluate([cotangent])[0]!;
  const analytic = evaluate(grads.map(([, gradient]) => gradient));
  return grads.map(([name], k): GradientCheck => {
    const input = inputs[name]!;
    const { origin } = input;
    if (origin.kind !== 'constant') throw new TypeError('inputs of rows are constants');
    return checkGradient({
      input: name,
      center: toReference(origin.data),
      gradient: analytic[k]!,
      seed: `${operation.name}/${row.name}/${name}`,
      at: (values) => [{ values: evaluate([output], new Map([[input, values]]))[0]!, weights }],
    });
  });
}
