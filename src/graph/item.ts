import { ShapeError } from '../errors.ts';
import type { HostArray } from '../shape.ts';

/** The number in a tensor of one element, which `data` reads. Throws ShapeError, before it reads, for any other size. */
export async function itemOf(
  value: { readonly size: number },
  data: () => Promise<HostArray>,
): Promise<number> {
  if (value.size === 1) return (await data())[0]!;
  throw new ShapeError(
    `item: ${value} has ${value.size} elements, not 1; use data(), or reduce it by sum or mean`,
  );
}
