import type { State } from '../graph/state.ts';
import { isWritten, type Lowered, type LoweredDispatch, type LoweredOp, type Storage } from './storage.ts';

const baseOf = (storage: Storage): Storage => storage.home?.storage ?? storage;

/** The states that an operation writes into in place. */
export const statesWrittenBy = ({ dispatches }: LoweredOp): State[] =>
  dispatches.flatMap((dispatch) =>
    dispatch.bindings.flatMap(({ index, storage }) =>
      storage.state && isWritten(dispatch, index) ? [storage.state] : [],
    ),
  );

/**
 * Takes the dispatches that give the same at every run (weights transformed for Winograd's algorithm, scales of batch
 * norm) to the front, and marks what the others need of them as kept. A program that changes states itself is left as it
 * is.
 */
export function steadyFirst(ops: readonly LoweredOp[], assigns: boolean): Pick<Lowered, 'ops' | 'steady'> {
  if (assigns || ops.some((op) => statesWrittenBy(op).length > 0)) return { ops, steady: 0 };
  const all = ops.flatMap(({ dispatches }) => dispatches);
  const changing = new Set<Storage>();
  const changes = (dispatch: LoweredDispatch) =>
    dispatch.bindings.some(({ storage }) => storage.origin === 'input' || changing.has(baseOf(storage)));
  // What one dispatch writes anew at each run may be read, or written as well, by one that stands before it.
  for (let before = -1; before !== changing.size; ) {
    before = changing.size;
    for (const dispatch of all.filter(changes)) {
      for (const { index, storage } of dispatch.bindings) {
        if (isWritten(dispatch, index)) changing.add(baseOf(storage));
      }
    }
  }
  const again = new Set(all.filter(changes));
  const boundAgain = new Set(
    [...again].flatMap(({ bindings }) => bindings.map(({ storage }) => baseOf(storage))),
  );
  for (const dispatch of all) {
    if (again.has(dispatch)) continue;
    for (const { storage } of dispatch.bindings) {
      if (boundAgain.has(baseOf(storage))) baseOf(storage).kept = true;
    }
  }
  const part = (op: LoweredOp, wanted: boolean): LoweredOp[] => {
    const dispatches = op.dispatches.filter((dispatch) => again.has(dispatch) === wanted);
    if (dispatches.length === op.dispatches.length) return wanted || dispatches.length > 0 ? [op] : [];
    if (dispatches.length === 0) return [];
    const bound = new Set(dispatches.flatMap(({ bindings }) => bindings.map(({ storage }) => storage)));
    const those = (storages: readonly Storage[]) => storages.filter((storage) => bound.has(storage));
    const [reads, writes, scratch] = [those(op.reads), those(op.writes), those(op.scratch)];
    return [{ ...op, dispatches, reads, writes, scratch, nodes: wanted ? op.nodes : [] }];
  };
  const steady = ops.flatMap((op) => part(op, false));
  return { ops: [...steady, ...ops.flatMap((op) => part(op, true))], steady: steady.length };
}
