import type { Call, Operators } from '../operator.ts';
import { natural, Value } from '../value.ts';
import { gathered } from './indexing.ts';

const int64 = (data: readonly number[]): Value =>
  Value.constant({ type: 'int64', shape: [data.length], data: Float64Array.from(data) });

/** Compares rows element by element; NaN is the greatest. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    if (Number.isNaN(a[i]!)) return Number.isNaN(b[i]!) ? 0 : 1;
    if (Number.isNaN(b[i]!)) return -1;
    return a[i]! - b[i]!;
  }
  return 0;
}

function unique(call: Call): Value[] {
  const given = call.input(0);
  const flat = !call.attrs.has('axis');
  const x = flat ? given.reshaped([given.size]) : given;
  const axis = flat ? 0 : call.dim(call.attrs.int('axis'), x.rank);
  const data = x.constant!.data;
  const n = x.shape[axis]!;
  const after = x.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const before = x.size / Math.max(n * after, 1);
  const rows = natural(n).map((i) =>
    Array.from(
      { length: before * after },
      (_, k) => data[(Math.floor(k / after) * n + i) * after + (k % after)]!,
    ),
  );
  const firsts: number[] = [];
  const groupOf: number[] = [];
  const counts: number[] = [];
  rows.forEach((row, i) => {
    const group = firsts.findIndex((first) => compare(rows[first]!, row) === 0);
    if (group < 0) firsts.push(i);
    const own = group < 0 ? firsts.length - 1 : group;
    groupOf.push(own);
    counts[own] = (counts[own] ?? 0) + 1;
  });
  const order = natural(firsts.length);
  if (call.attrs.int('sorted', 1) === 1) order.sort((i, j) => compare(rows[firsts[i]!]!, rows[firsts[j]!]!));
  const places = order.map((group) => firsts[group]!);
  return [
    gathered(call, x, int64(places), axis),
    int64(places),
    int64(groupOf.map((group) => order.indexOf(group))),
    int64(order.map((group) => counts[group]!)),
  ];
}

/** Unique elements, on the CPU: how many there are is a shape. */
export const uniqueness: Operators = { Unique: { known: [0], run: unique } };
