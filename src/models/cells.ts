import { add, affine, mul, sub } from '../graph/functions/elementwise.ts';
import { concat, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

/** The column [...,1] of boxes [...,4] at this index. */
export const column = (boxes: Tensor, index: number): Tensor =>
  slice(boxes, [...boxes.shape.slice(0, -1).map((): [] => []), [index, index + 1]]);

/** The centres […,2] and the sides […,1] of square cells. */
export const cellsOf = (cells: Tensor) => {
  const lead = cells.shape.slice(0, -1).map((): [] => []);
  const [first, second] = [slice(cells, [...lead, [0, 2]]), slice(cells, [...lead, [2, 4]])];
  return { centers: affine(add(first, second), 0.5), sides: sub(column(cells, 2), column(cells, 0)) };
};

/** Boxes that lie these distances, in cells, around the centres of cells (torchvision's BoxLinearCoder). */
export function decodeDistances(distances: Tensor, cells: Tensor): Tensor {
  const { centers, sides } = cellsOf(cells);
  const lead = distances.shape.slice(0, -1).map((): [] => []);
  const pixels = mul(distances, sides);
  return concat(
    [sub(centers, slice(pixels, [...lead, [0, 2]])), add(centers, slice(pixels, [...lead, [2, 4]]))],
    -1,
  );
}
