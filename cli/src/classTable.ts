import type { Classification } from 'fovea';
import { csvLine } from './csv.ts';

/** The table of the classes of images: that of a data set, with further columns. */
export const CLASS_TABLE = 'classes.csv';
/** How many classes are said of each image, unless another number is asked for. */
export const TOP_CLASSES = 3;

/** `file,label,score,label_2,score_2` … */
export const classHeader = (top: number): string =>
  csvLine([
    'file',
    ...Array.from({ length: top }, (_, i) => (i === 0 ? '' : `_${i + 1}`)).flatMap((n) => [
      `label${n}`,
      `score${n}`,
    ]),
  ]);

/** The line of an image. */
export const classRow = (file: string, found: readonly Classification[]): string =>
  csvLine([file, ...found.flatMap(({ label, score }) => [label, score.toFixed(6)])]);
