import type { Caps } from '../device/caps.ts';
import rowAlone from '../wgsl/lib/row_alone.wgsl';
import rowShared from '../wgsl/lib/row_shared.wgsl';

/**
 * How many invocations share a row of so many elements, with the snippet and the grid for that: on GPUs as many as read
 * neighbouring elements at once, on software adapters one.
 */
export function rowsOf({ family }: Caps, rows: number, width: number) {
  const across = family === 'subgroup' || width < 4 ? 1 : Math.min(64, 2 ** Math.floor(Math.log2(width)));
  return { snippet: across === 1 ? rowAlone : rowShared, constants: { ACROSS: across }, grid: rows * across };
}
