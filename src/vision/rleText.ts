import { expectArguments, SIZE } from '../arguments.ts';
import { DataError } from '../errors.ts';
import type { ImageSize } from './boxes.ts';
import { checkRle, type Rle } from './rle.ts';

/**
 * Writes run lengths as COCO's compressed string. From the fourth on, each run is stored as the difference from the run
 * two before it; five bits per character, lowest first, and a sixth bit if more follow, as the ASCII characters `0` to `o`.
 *
 * @param rle The mask in run-length encoding.
 */
export function rleToString(rle: Rle): string {
  expectArguments('rleToString', { rle }, { rle: { counts: 'values' } });
  const { counts } = rle;
  let text = '';
  for (let i = 0; i < counts.length; i++) {
    let value = i > 2 ? counts[i]! - counts[i - 2]! : counts[i]!;
    for (let more = true; more; ) {
      const bits = ((value % 32) + 32) % 32;
      value = (value - bits) / 32;
      more = bits >= 16 ? value !== -1 : value !== 0;
      text += String.fromCharCode(48 + bits + (more ? 32 : 0));
    }
  }
  return text;
}

/**
 * Reads COCO's compressed string.
 *
 * @param text The `counts` of a segmentation in COCO's files.
 * @param size Width and height of the image.
 * @param where Put before error messages; default `rleFromString`.
 * @throws DataError for characters outside of `0` to `o`, for a string that ends inside a number, and for runs that do
 * not add up to height * width.
 */
export function rleFromString(text: string, size: ImageSize, where = 'rleFromString'): Rle {
  expectArguments('rleFromString', { text, size }, { text: 'text', size: SIZE });
  const { width, height } = size;
  const counts: number[] = [];
  let value = 0;
  let scale = 1;
  for (let i = 0; i < text.length; i++) {
    const bits = text.charCodeAt(i) - 48;
    if (!(bits >= 0 && bits < 64)) {
      throw new DataError(
        `${where}: character ${i} of the run lengths is ${JSON.stringify(text[i])}; COCO's compressed strings consist of the characters 0 to o`,
      );
    }
    value += (bits % 32) * scale;
    scale *= 32;
    if (bits >= 32) continue;
    if (bits >= 16) value -= scale;
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
    value = 0;
    scale = 1;
  }
  if (scale !== 1) {
    throw new DataError(
      `${where}: the run lengths end inside a number; the string is incomplete, so export the file again`,
    );
  }
  return checkRle({ size: [height, width], counts }, where);
}
