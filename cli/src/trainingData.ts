import { DataError } from 'fovea';
import { objectsOf } from 'fovea/data';
import { counted } from './counted.ts';
import type { LoadedSample } from './samples.ts';

/**
 * Counts the objects that are too small to be taught once images are shrunk: no more than a pixel wide or high, as crops drop what is
 * under a pixel. Returns a line on them, '' for none.
 *
 * @throws DataError where no larger object is left.
 */
export function checkSizes(samples: readonly LoadedSample[], maxSide: number, data: string): string {
  const sides = samples.flatMap(({ annotation }) =>
    objectsOf(annotation.shapes).map(({ box }) => Math.min(box[2] - box[0], box[3] - box[1])),
  );
  const small = sides.filter((side) => side <= 1).length;
  if (small === 0) return '';
  const under = sides.filter((side) => side < 1).length;
  const what = under === small ? 'under 1 pixel' : 'no larger than 1 pixel';
  const of = counted(sides.length, 'object');
  const line = `${small} of ${of} ${small === 1 ? 'is' : 'are'} ${what} at --size ${maxSide}`;
  if (small < sides.length) return `${line}, and ${small === 1 ? 'is' : 'are'} hardly taught\n`;
  throw new DataError(
    `${data}: ${line}: no object is large enough to be taught; raise --size, or cut the images into smaller ones`,
  );
}

/**
 * Throws DataError where a model of masks has boxes only to learn from. Returns a line on boxes that are ignored, '' for none.
 *
 * @param drawn Whether there is an object with an outline.
 */
export function checkMasks(drawn: boolean, boxes: number, model: string, data: string): string {
  if (boxes === 0) return '';
  if (!drawn) {
    throw new DataError(
      `${data}: has boxes but no outlines or masks, which ${model} needs; label outlines, or fill the boxes (--boxes-as-masks)`,
    );
  }
  return `${boxes} object${boxes === 1 ? ' has a box' : 's have boxes'} but no outline, and ${boxes === 1 ? 'is' : 'are'} ignored (--boxes-as-masks fills them)\n`;
}
