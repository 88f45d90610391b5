import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, type TensorSpec } from '../../shape.ts';
import sortKey from '../../wgsl/lib/sort_key.wgsl';
import digits from '../../wgsl/sort/lib/digits.wgsl';
import sortKeyFloat from '../../wgsl/sort/lib/sort_key_float.wgsl';
import sortKeyInt from '../../wgsl/sort/lib/sort_key_int.wgsl';
import sortCountShader from '../../wgsl/sort/sort_count.wgsl';
import sortGatherShader from '../../wgsl/sort/sort_gather.wgsl';
import sortKeysShader from '../../wgsl/sort/sort_keys.wgsl';
import sortReduceShader from '../../wgsl/sort/sort_reduce.wgsl';
import sortScanShader from '../../wgsl/sort/sort_scan.wgsl';
import sortScatterShader from '../../wgsl/sort/sort_scatter.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../kernel.ts';
import { type OrderPlan, orderByMerging } from './mergeOrder.ts';

/**
 * Up to so many elements a row merging is faster: it takes a dispatch for every doubling instead of 32 (SwiftShader and
 * lavapipe, ms: 1 x 512 0.4 and 0.2 against 3 and 0.3; 64 x 1,024 32 and 15 against 35 and 14; 64 x 2,048 89 and 24
 * against 47 and 11; 1 x 4,194,304 9,700 and 5,000 against 2,290 and 410).
 */
const MERGED = 1024;

/** Snippets that give `sort_key(x: T)`, for a tensor's dtype. */
export const sortKeySnippets = (x: TensorSpec): string[] =>
  x.dtype === 'i32' ? [sortKeyInt] : [sortKey, sortKeyFloat];

/** The last dimension of x and the product of the others. */
export function lastDimRows(op: string, x: TensorSpec): { rows: number; n: number } {
  expectDType(op, 'x', x, 'f32', 'f16', 'i32');
  const n = x.shape.at(-1);
  if (n === undefined) {
    throw new ShapeError(`${op}: x is a scalar, its last dim is needed; got ${formatSpec('x', x)}`);
  }
  return { rows: numel(x.shape.slice(0, -1)), n };
}

/**
 * Dispatches that leave in scratch `order` (u32 [rows, n]) the place in its row of the element that comes
 * first, second, … by the keys in scratch `keys` (u32 [rows, n], which are lost; only their lowest `bits` may be set).
 * Stable: equal keys keep their order. Least significant digit first, 4 bits a pass, with a reduce-then-scan of the digit
 * counts (Merrill and Grimshaw 2011); no atomics, so the same on every run.
 */
export function orderByKeys(rows: number, n: number, bits = 32): OrderPlan {
  if (n <= MERGED) return orderByMerging(rows, n);
  const bytes = rows * n * 4;
  // One invocation a chunk: enough chunks to fill a device, yet few enough that 16 counts each stay cheap.
  // 8-bit counters bound a chunk to 255.
  const chunk = Math.min(240, Math.max(32, Math.ceil(Math.sqrt(n) / 4)));
  const chunks = Math.ceil(n / chunk);
  const counts = 16 * chunks;
  const block = Math.ceil(Math.sqrt(counts));
  const blocks = Math.ceil(counts / block);
  const dispatches: Dispatch[] = [];
  // Keys and places go to and fro between two buffers each, so the passes are even in number.
  for (let pass = 0; pass < 2 * Math.ceil(bits / 8); pass++) {
    const params = { total: rows * chunks, n, chunks, chunk, shift: 4 * pass };
    const scan = { params: { total: rows * blocks, counts, blocks, block }, grid: rows * blocks };
    const [from, to] = pass % 2 === 0 ? ['', '2'] : ['2', ''];
    const keys = `keys${from}`;
    dispatches.push(
      { shader: sortCountShader, snippets: [digits], params, bind: { keys }, grid: rows * chunks },
      { shader: sortReduceShader, ...scan },
      { shader: sortScanShader, ...scan },
      {
        shader: sortScatterShader,
        snippets: [digits],
        constants: { FIRST: pass === 0 },
        params,
        bind: {
          keys,
          order: `order${from}`,
          starts: 'counts',
          keys_out: `keys${to}`,
          order_out: `order${to}`,
        },
        grid: rows * chunks,
      },
    );
  }
  return {
    dispatches,
    scratch: {
      keys: bytes,
      keys2: bytes,
      order: bytes,
      order2: bytes,
      counts: rows * counts * 4,
      sums: rows * blocks * 4,
    },
  };
}

/** Sorts rows of x and stores the first k places of each as outputs `values` and `indices`. */
export function sortRows(x: TensorSpec, rows: number, n: number, k: number, descending: boolean): KernelPlan {
  const types = { T: wgslType(x.dtype) };
  const { dispatches, scratch } = orderByKeys(rows, n);
  return {
    dispatches: [
      {
        shader: sortKeysShader,
        snippets: sortKeySnippets(x),
        types,
        params: { total: rows * n, descending: Number(descending) },
        grid: rows * n,
      },
      ...dispatches,
      { shader: sortGatherShader, types, params: { total: rows * k, n, k }, grid: rows * k },
    ],
    scratch,
  };
}
