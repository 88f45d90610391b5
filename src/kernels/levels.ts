import { ShapeError } from '../errors.ts';
import { formatSpec, numel, type TensorSpec } from '../shape.ts';
import { expectSize2, type Size2 } from './spatial.ts';

/**
 * Height and width of each level of a feature pyramid whose pixels follow one another in a tensor [N,1,P,C]: those of the first level
 * row by row, then those of the next. P is the sum of all `height * width`.
 */
export type PyramidLevels = readonly Size2[];

/** Kernels pack a pixel's place and its level's size into 16 bits each. */
const LARGEST = 32767;

/** Throws ShapeError unless these are levels, and have as many pixels as there are between the first and the last dimension of x. */
export function expectLevels(op: string, levels: PyramidLevels, name: string, x: TensorSpec): void {
  const sizes = [levels].flat();
  for (const size of sizes) expectSize2(op, 'levels', size, 1);
  const pixels = sizes.reduce((sum, size) => sum + numel(size), 0);
  if (x.shape.slice(1, -1).join() !== `1,${pixels}` || !pixels || Math.max(...sizes.flat()) > LARGEST) {
    throw new ShapeError(
      `${op}: ${formatSpec(name, x)} must be [N,1,${pixels},C], the pixels of levels of at most ${LARGEST}, got ${sizes.join(' ')}`,
    );
  }
}

/** The table `levels` that shaders read: of each level its height, width, first pixel, and number of pixels. */
export function levelTable(levels: PyramidLevels): Uint32Array<ArrayBuffer> {
  let first = 0;
  return Uint32Array.from(
    levels.flatMap(([h, w]) => {
      first += h * w;
      return [h, w, first - h * w, h * w];
    }),
  );
}
