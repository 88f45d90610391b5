// Tables on the images of a data set, whatever is labelled in them.
import { QUANTILES, quantile, shortNumber } from './boxStatistics.ts';
import { counted } from './counted.ts';
import type { ReportTable } from './report.ts';

const MOST_SIZES = 8;
const MOST_SAME = 20;

interface Sized {
  readonly width: number;
  readonly height: number;
}

/** The first names of a list, and how many more there are. */
export const someOf = (names: readonly string[], most = 5): string =>
  `${names.slice(0, most).join(', ')}${names.length > most ? ` and ${names.length - most} more` : ''}`;

/** A row with the quantiles of values. */
export const quantileRow = (name: string, values: ArrayLike<number>): string[] => {
  const sorted = Float64Array.from(values).sort();
  return [name, ...QUANTILES.map(([, share]) => shortNumber(quantile(sorted, share)))];
};

/** Rows with the quantiles of the sizes of images. */
export const sizeRows = (images: readonly Sized[]): string[][] => [
  quantileRow(
    'image width',
    images.map(({ width }) => width),
  ),
  quantileRow(
    'image height',
    images.map(({ height }) => height),
  ),
  quantileRow(
    'image width / height',
    images.map(({ width, height }) => width / height),
  ),
];

/** How many images have each size, the most frequent sizes first. */
export function sizeTable(images: readonly Sized[]): ReportTable {
  const sizes = new Map<string, number>();
  for (const { width, height } of images) {
    const key = `${width} x ${height}`;
    sizes.set(key, (sizes.get(key) ?? 0) + 1);
  }
  const bySize = [...sizes].sort((a, b) => b[1] - a[1]);
  const rest = bySize.slice(MOST_SIZES);
  const rows = bySize.slice(0, MOST_SIZES).map(([size, count]) => [size, `${count}`]);
  if (rest.length > 0) {
    rows.push([
      `${counted(rest.length, 'other size')}`,
      `${rest.reduce((sum, [, count]) => sum + count, 0)}`,
    ]);
  }
  return { title: 'Sizes of images', header: ['width x height', 'images'], rows };
}

/** The groups of images that look the same, with a second column; no table where there is none. */
export const sameTables = <T extends { readonly name: string }>(
  groups: readonly (readonly T[])[],
  { header, of }: { readonly header: string; readonly of: (group: readonly T[]) => string },
): ReportTable[] =>
  groups.length === 0
    ? []
    : [
        {
          title: 'Images that look the same',
          header: ['images', header],
          rows: groups.slice(0, MOST_SAME).map((group) => [someOf(group.map(({ name }) => name)), of(group)]),
          ...(groups.length > MOST_SAME ? { note: `${groups.length - MOST_SAME} more groups.` } : {}),
        },
      ];
