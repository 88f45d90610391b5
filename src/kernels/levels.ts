import { ShapeError } from '../errors.ts';
import { formatSpec, type TensorSpec } from '../shape.ts';
import { expectSize2, type Size2 } from './spatial.ts';

/**
 * Height and width of each level of a feature pyramid whose pixels follow one another in a tensor [N,1,P,C]: those of the first level
 * row by row, then those of the next. P is the sum of all `height * width`.
 */
export type PyramidLevels = readonly Size2[];

/** Kernels pack a pixel's place and its level's size into 16 bits each. */
const LARGEST = 32767;

/** Throws ShapeError unless the levels have as many pixels as there are between the first and the last dimension of x. */
export function expectLevels(op: string, levels: PyramidLevels, name: string, x: TensorSpec): void {
  levels.forEach((size, i) => {
    expectSize2(op, `levels[${i}]`, size, 1);
    if (Math.max(...size) > LARGEST) {
      throw new ShapeError(`${op}: levels[${i}] is [${size}], over ${LARGEST} pixels; use a smaller image`);
    }
  });
  const pixels = levels.reduce((sum, [h, w]) => sum + h * w, 0);
  if (x.shape.length !== 4 || x.shape[1] !== 1 || x.shape[2] !== pixels) {
    throw new ShapeError(
      `${op}: ${formatSpec(name, x)} must be [N,1,${pixels},C], with the pixels of its levels ${levels.map(([h, w]) => `${h}x${w}`).join(', ')} one after another`,
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
