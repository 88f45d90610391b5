import { flopsOf } from '../graph/flops.ts';
import type { Node } from '../graph/tensor.ts';
import type { LoweredDispatch, LoweredOp, Storage } from '../plan/storage.ts';
import { byteLength, numel } from '../shape.ts';
import { accessesOf } from './access.ts';
import { productFlops } from './products.ts';

/** What a dispatch must move and compute. */
export interface Work {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Multiplications and additions of products; of everything else one per element and operation. */
  readonly flops: number;
  /** The same with what blocks of a matrix kernel cover beyond the edges of its result: what it takes time for. */
  readonly flopsInBlocks: number;
}

const groupsOf = ({ workgroups: [x, y, z] }: LoweredDispatch): number => x * y * z;

/** Where elements are picked out of a tensor: no more of it is read than is written. */
const PICKS = /^(gather|gather_rows|strided_copy|copy_range|sort_gather)\.wgsl$/;

/** Elements of the outputs of an operation's elementwise nodes: a chain computes each once. */
const chainFlops = (nodes: readonly Node[]): number =>
  nodes
    .filter(({ operation }) => operation.kernel.elementwise)
    .reduce((sum, { outputs }) => sum + numel(Object.values(outputs)[0]!.shape), 0);

/**
 * What each dispatch of an operation does. Bytes are those of what it binds, read once and written once, as if caches held
 * everything that it reads again. A tensor that several dispatches write, or read by the same shader, is shared among them by their
 * workgroups: each does its part. FLOPs are those that the kernel's sizes give: Winograd's algorithm takes fewer than the definition.
 */
export function workOf(op: LoweredOp): Work[] {
  const { dispatches, nodes } = op;
  const scratch = new Set(op.scratch);
  const writers = new Map<Storage, number>();
  const readers = new Map<Storage, Map<string, number>>();
  const each = (
    visit: (dispatch: LoweredDispatch, storage: Storage, access: { reads: boolean; writes: boolean }) => void,
  ) => {
    for (const dispatch of dispatches) {
      const accesses = accessesOf(dispatch.shader);
      for (const { index, storage } of dispatch.bindings) visit(dispatch, storage, accesses.get(index)!);
    }
  };
  each((dispatch, storage, { reads, writes }) => {
    const groups = groupsOf(dispatch);
    if (writes) writers.set(storage, (writers.get(storage) ?? 0) + groups);
    if (!reads) return;
    const own = readers.get(storage) ?? new Map<string, number>();
    own.set(dispatch.shader.code, (own.get(dispatch.shader.code) ?? 0) + groups);
    readers.set(storage, own);
  });

  const moved = new Map(dispatches.map((dispatch) => [dispatch, { read: 0, written: 0 }]));
  each((dispatch, storage, { reads, writes }) => {
    const groups = groupsOf(dispatch);
    const sum = moved.get(dispatch)!;
    // Scratch memory is used by one part after the other.
    const part = (all: number) => (scratch.has(storage) || all === 0 ? 1 : groups / all);
    const size = byteLength(storage.spec);
    if (writes) sum.written += size * part(writers.get(storage)!);
    if (reads) sum.read += size * part(readers.get(storage)!.get(dispatch.shader.code)!);
  });

  // What is no product of matrix kernels (depthwise convolutions, distances) is done by the dispatch with most workgroups.
  const products = dispatches.map(productFlops);
  const largest = dispatches.reduce<LoweredDispatch | undefined>(
    (most, next) => (!most || groupsOf(next) > groupsOf(most) ? next : most),
    undefined,
  );
  const definition = nodes.reduce((sum, node) => sum + flopsOf(node), 0);
  const alone = products.every((flops) => flops === undefined) ? definition : 0;
  const chain = chainFlops(nodes);
  const onlyChain = nodes.length > 0 && nodes.every(({ operation }) => operation.kernel.elementwise);
  return dispatches.map((dispatch, i): Work => {
    const { read, written } = moved.get(dispatch)!;
    const bytesRead = PICKS.test(dispatch.shader.name) ? Math.min(read, 2 * written) : read;
    const fused = i === dispatches.length - 1 ? chain : 0;
    const found = products[i];
    const product = found?.flops ?? (dispatch === largest ? alone : 0);
    const values = Math.round((bytesRead + written) / 4);
    const own = product > 0 ? product : onlyChain ? 0 : values;
    const flops = own + fused;
    const flopsInBlocks = flops + (found ? found.inBlocks - found.flops : 0);
    return {
      bytesRead: Math.round(bytesRead),
      bytesWritten: Math.round(written),
      flops,
      flopsInBlocks,
    };
  });
}

/** Multiplications and additions of an operation by its definition. */
export const definitionFlops = ({ nodes }: LoweredOp): number =>
  nodes.reduce((sum, node) => sum + flopsOf(node), 0);
