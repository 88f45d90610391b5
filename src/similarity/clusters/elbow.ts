import { expectArguments } from '../../arguments.ts';
import { ShapeError, UsageError } from '../../errors.ts';

/**
 * The elbow of a falling curve, such as the inertia by the number of clusters: the x of the point that is farthest below the line
 * from the first point to the last, both axes scaled to 0..1. That is Kneedle without smoothing (Satopää, Albrecht, Irwin and
 * Raghavan 2011). Ties go to the first. Where no point is below the line, there is no elbow: the first x.
 *
 * @param x Rising, at least 3.
 * @param y A value for each.
 * @throws ShapeError for fewer points, lists of different lengths, and x that do not rise; UsageError for y that are not finite.
 */
export function elbow(x: ArrayLike<number>, y: ArrayLike<number>): number {
  expectArguments('elbow', { x, y }, { x: 'values', y: 'values' });
  const n = x.length;
  if (n < 3 || y.length !== n) {
    throw new ShapeError(`elbow: ${n} x and ${y.length} y; give at least 3 of each, as many of both`);
  }
  for (let i = 1; i < n; i++) {
    if (!(x[i]! > x[i - 1]!)) throw new ShapeError(`elbow: x has ${x[i]} after ${x[i - 1]}; x must rise`);
  }
  const wrong = Array.from(y).findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new UsageError(`elbow: y[${wrong}] is ${y[wrong]}; give finite numbers`);
  const [width, height] = [x[n - 1]! - x[0]!, y[0]! - y[n - 1]!];
  let [best, most] = [0, 0];
  for (let i = 1; i < n - 1; i++) {
    const below = 1 - (x[i]! - x[0]!) / width - (y[i]! - y[n - 1]!) / height;
    if (height > 0 && below > most) [best, most] = [i, below];
  }
  return x[best]!;
}
