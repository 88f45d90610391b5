import { type Annotation, objectsOf } from 'fovea/data';
import type { BoxSize } from 'fovea/vision';
import { shownLabel } from './counted.ts';
import type { ReportTable } from './report.ts';

export const QUANTILES: readonly (readonly [name: string, share: number])[] = [
  ['min', 0],
  ['5 %', 0.05],
  ['25 %', 0.25],
  ['median', 0.5],
  ['75 %', 0.75],
  ['95 %', 0.95],
  ['max', 1],
];

/** The value below which this share of sorted values lies, between two of them by their distance (NumPy's default). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const value = sorted[low] ?? Number.NaN;
  return at === low ? value : value + (at - low) * (sorted[low + 1]! - value);
}

/** Classes beyond these many are one row. */
const MOST_CLASSES = 20;

/** Three digits, as a table shows them. */
export const shortNumber = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Statistics of the labelled boxes of a data set. Keeps the width and height of each box, in pixels of the scaled image. */
export class BoxStatistics {
  readonly sides: BoxSize[] = [];
  images = 0;
  /** Crowds and difficult objects, which no detector is trained to find. */
  leftOut = 0;
  readonly #perImage: number[] = [];
  readonly #classes = new Map<string, { objects: number; images: number }>();

  add({ shapes }: Annotation, scale: number): void {
    const seen = new Set<string>();
    let count = 0;
    for (const { label, box, crowd, difficult } of objectsOf(shapes)) {
      if (crowd || difficult) {
        this.leftOut++;
        continue;
      }
      count++;
      this.sides.push([(box[2] - box[0]) * scale, (box[3] - box[1]) * scale]);
      const row = this.#classes.get(label) ?? { objects: 0, images: 0 };
      row.objects++;
      if (!seen.has(label)) row.images++;
      seen.add(label);
      this.#classes.set(label, row);
    }
    this.images++;
    this.#perImage.push(count);
  }

  get classes(): number {
    return this.#classes.size;
  }

  /** Square roots of the boxes' areas. */
  get sizes(): Float64Array {
    return Float64Array.from(this.sides, ([w, h]) => Math.sqrt(w * h));
  }

  /** Height / width. */
  get ratios(): Float64Array {
    return Float64Array.from(this.sides, ([w, h]) => h / w);
  }

  /** The classes, those with the most objects first. */
  get counts(): { readonly name: string; readonly objects: number; readonly images: number }[] {
    return [...this.#classes]
      .map(([name, count]) => ({ name, ...count }))
      .sort((a, b) => b.objects - a.objects || (a.name < b.name ? -1 : 1));
  }

  get classTable(): ReportTable {
    return this.classTableOf(MOST_CLASSES);
  }

  /** A table of the classes, in which those beyond `most` are one row. */
  classTableOf(most: number): ReportTable {
    const all = this.counts;
    const row = (name: string, objects: number, images: string) => [
      name,
      `${objects}`,
      `${((100 * objects) / this.sides.length).toFixed(1)} %`,
      images,
    ];
    const rows = all
      .slice(0, most)
      .map(({ name, objects, images }) => row(shownLabel(name), objects, `${images}`));
    const rest = all.slice(most);
    if (rest.length > 0) {
      const objects = rest.reduce((sum, one) => sum + one.objects, 0);
      rows.push(row(`${rest.length} more`, objects, ''));
    }
    return {
      title: 'Classes',
      header: ['class', 'objects', 'share', 'images'],
      rows,
      total: ['all', `${this.sides.length}`, '', `${this.images}`],
    };
  }

  get quantileTable(): ReportTable {
    const row = (name: string, values: ArrayLike<number>) => {
      const sorted = Float64Array.from(values).sort();
      return [name, ...QUANTILES.map(([, share]) => shortNumber(quantile(sorted, share)))];
    };
    return {
      title: 'Boxes',
      header: ['', ...QUANTILES.map(([name]) => name)],
      rows: [
        row(
          'width',
          Float64Array.from(this.sides, ([w]) => w),
        ),
        row(
          'height',
          Float64Array.from(this.sides, ([, h]) => h),
        ),
        row('size √(w h)', this.sizes),
        row('height / width', this.ratios),
        row('boxes per image', this.#perImage),
      ],
    };
  }
}

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts in `bins` steps of equal ratio, from the least value to the largest. Values above 0. */
export function logHistogram(values: Float64Array, bins: number): Bin[] {
  let [low, high] = [Infinity, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // Of one value alone, a step around it.
  if (low === high) [low, high] = [low / 1.1, high * 1.1];
  const step = Math.log(high / low) / bins;
  const counts = new Uint32Array(bins);
  for (const value of values) counts[Math.min(bins - 1, Math.floor(Math.log(value / low) / step))]!++;
  return Array.from(counts, (count, i) => ({
    from: low * Math.exp(i * step),
    to: low * Math.exp((i + 1) * step),
    count,
  }));
}
