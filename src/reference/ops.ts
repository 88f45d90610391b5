import type { OpName } from '../kernels/ops.ts';
import { gatherRows, gatherRowsBackward } from './gatherRows.ts';
import type { Reference } from './reference.ts';

/** The float64 reference of every operation. A missing one is a type error. */
export const references: Record<OpName, Reference> = {
  gather_rows: gatherRows as Reference,
  gather_rows_backward: gatherRowsBackward as Reference,
};
