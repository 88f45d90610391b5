import type { BoxSize } from 'fovea/vision';
import { type Bin, logHistogram, shortNumber } from './boxStatistics.ts';

/** Plots of characters, for a terminal or a log. Lines without a break at the end. */

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of this many characters, to an eighth of one. */
function bar(length: number): string {
  const eighths = Math.round(length * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}

/** A line a bin: its range, its count, and a bar of at most `width` characters. What is counted is never without a bar. */
export function textHistogram(bins: readonly Bin[], width = 40): string[] {
  const most = Math.max(...bins.map(({ count }) => count), 1);
  const rows = bins.map(({ from, to, count }) => ({
    range: [shortNumber(from), shortNumber(to)] as const,
    count: `${count}`,
    bar: bar(count === 0 ? 0 : Math.max(1 / 8, (count / most) * width)),
  }));
  const widest = (cells: readonly string[]) => Math.max(...cells.map(({ length }) => length));
  const [a, b, c] = [
    widest(rows.map(({ range }) => range[0])),
    widest(rows.map(({ range }) => range[1])),
    widest(rows.map(({ count }) => count)),
  ];
  return rows.map(({ range, count, bar: drawn }) => {
    return `${range[0].padStart(a)} – ${range[1].padStart(b)}  ${count.padStart(c)}  ${drawn}`.trimEnd();
  });
}

/** The name of an axis, and what is written at its two ends. */
interface Axis {
  readonly name: string;
  readonly low: string;
  readonly high: string;
}

/** Rows of characters, the highest first, with an axis on the left and one below. */
function framed(rows: readonly string[], columns: number, x: Axis, y: Axis): string[] {
  const margin = Math.max(...[y.low, y.high, y.name].map(({ length }) => length));
  const between = columns - x.low.length - x.high.length;
  const name = x.name.padStart(Math.floor((between + x.name.length) / 2)).padEnd(between);
  const space = ' '.repeat(margin);
  return [
    ...rows.map((row, i) => {
      const label = i === 0 ? y.high : i === 1 ? y.name : i === rows.length - 1 ? y.low : '';
      return `${label.padStart(margin)} │${row}`.trimEnd();
    }),
    `${space} └${'─'.repeat(columns)}`,
    `${space}  ${x.low}${name}${x.high}`,
  ];
}

/** From few to many. */
const DENSITIES = ['·', '░', '▒', '▓', '█'];
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * Boxes by width (to the right) and height (up), both on a scale of equal ratios; anchors as letters, the smallest `A`, on top of
 * what is there.
 */
export function textScatter(
  sides: readonly BoxSize[],
  anchors: readonly BoxSize[],
  { columns = 56, rows = 16 }: { readonly columns?: number; readonly rows?: number } = {},
): string[] {
  const range = (axis: 0 | 1): [number, number] => {
    let [low, high] = [Infinity, 0];
    for (const side of [...anchors, ...sides]) {
      low = Math.min(low, side[axis]);
      high = Math.max(high, side[axis]);
    }
    return low === high ? [low / 1.1, high * 1.1] : [low, high];
  };
  const [x, y] = [range(0), range(1)];
  const cellOf = ([w, h]: BoxSize): number => {
    const place = (value: number, [low, high]: [number, number], cells: number) =>
      Math.min(cells - 1, Math.floor((Math.log(value / low) / Math.log(high / low)) * cells));
    return (rows - 1 - place(h, y, rows)) * columns + place(w, x, columns);
  };
  const counts = new Uint32Array(columns * rows);
  for (const side of sides) counts[cellOf(side)]!++;
  const most = Math.max(...counts);
  const cells = Array.from(counts, (count) => {
    if (count === 0) return ' ';
    const level = most === 1 ? 0 : Math.log(count) / Math.log(most);
    return DENSITIES[Math.min(DENSITIES.length - 1, Math.floor(level * DENSITIES.length))]!;
  });
  anchors.forEach((side, i) => {
    cells[cellOf(side)] = LETTERS[i] ?? '+';
  });
  const lines = Array.from({ length: rows }, (_, row) =>
    cells.slice(row * columns, (row + 1) * columns).join(''),
  );
  const axis = (name: string, [low, high]: [number, number]): Axis => ({
    name,
    low: shortNumber(low),
    high: shortNumber(high),
  });
  return framed(lines, columns, axis('width', x), axis('height', y));
}

/** The histogram of values above 0 in bins of equal ratio. */
export const textLogHistogram = (values: Float64Array, bins: number, width?: number): string[] =>
  textHistogram(logHistogram(values, bins), width);

/**
 * A curve over a logarithmic axis; `mark` is the place on it that is pointed out, by a line of `┊`.
 *
 * @param xs Rising, above 0.
 */
export function textCurve(
  xs: readonly number[],
  ys: readonly number[],
  {
    mark,
    x,
    y,
    columns = 60,
    rows = 12,
  }: {
    readonly mark: number;
    readonly x: string;
    readonly y: string;
    readonly columns?: number;
    readonly rows?: number;
  },
): string[] {
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const [first, last] = [xs[0]!, xs.at(-1)!];
  const column = (value: number): number =>
    Math.min(
      columns - 1,
      Math.max(0, Math.round((Math.log(value / first) / Math.log(last / first)) * (columns - 1))),
    );
  const row = (value: number): number =>
    high === low ? rows - 1 : Math.round(((high - value) / (high - low)) * (rows - 1));
  const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '));
  for (const line of cells) line[column(mark)] = '┊';
  xs.forEach((value, i) => {
    cells[row(ys[i]!)]![column(value)] = '•';
  });
  const end = (value: number): string => String(Number(value.toPrecision(2)));
  return framed(
    cells.map((line) => line.join('')),
    columns,
    { name: x, low: end(first), high: end(last) },
    { name: y, low: shortNumber(low), high: shortNumber(high) },
  );
}
