import sortMergeShader from '../../wgsl/sort/sort_merge.wgsl';
import sortRankShader from '../../wgsl/sort/sort_rank.wgsl';
import type { Dispatch, KernelPlan } from '../kernel.ts';

/** Runs of so many elements are put in order by counting, longer ones by merging. */
const RUN = 64;

/** Dispatches that put keys in order, and the scratch memory that they do it in. */
export type OrderPlan = Required<Pick<KernelPlan, 'dispatches' | 'scratch'>>;

/**
 * Dispatches that leave in scratch `order` (u32 [rows, n]) the place in its row of the element that comes
 * first, second, … by the keys in scratch `keys` (u32 [rows, n], which are lost). Stable: equal keys keep
 * their order. A merge sort in which each element finds its own place: no atomics, so the same on every run.
 */
export function orderByMerging(rows: number, n: number): OrderPlan {
  const total = rows * n;
  const runs = [RUN];
  while (runs.at(-1)! < n) runs.push(runs.at(-1)! * 2);
  const dispatches = runs.map((run, pass): Dispatch => {
    // Keys and places go to and fro between two buffers each; the last pass writes `order`.
    const [from, to] = pass % 2 === 0 ? ['', '2'] : ['2', ''];
    const [last, next] = (runs.length - pass) % 2 === 0 ? ['', '2'] : ['2', ''];
    const bind = {
      keys: `keys${from}`,
      keys_out: `keys${to}`,
      order: `order${last}`,
      order_out: `order${next}`,
    };
    const params = { total, n };
    return pass === 0
      ? { shader: sortRankShader, constants: { RUN }, params, bind, grid: total }
      : { shader: sortMergeShader, params: { ...params, run: run / 2 }, bind, grid: total };
  });
  const bytes = total * 4;
  return { dispatches, scratch: { keys: bytes, keys2: bytes, order: bytes, order2: bytes } };
}
