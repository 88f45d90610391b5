import { gatherRows, gatherRowsBackward } from './gatherRows.ts';
import type { Kernel } from './kernel.ts';

/** Every operation by its name: the key of all other tables. */
export const kernels = {
  gather_rows: gatherRows,
  gather_rows_backward: gatherRowsBackward,
} as const;

export type OpName = keyof typeof kernels;

/** The kernel of an operation, without its particular types. */
export const kernelOf = (op: OpName): Kernel => kernels[op] as unknown as Kernel;
