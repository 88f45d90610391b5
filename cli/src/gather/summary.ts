import { counted } from '../counted.ts';
import { printable } from '../printable.ts';
import { textTable } from '../textTable.ts';
import type { Status } from './failure.ts';
import type { ManifestRecord } from './records.ts';

/** So many different errors are listed. */
const MOST_ERRORS = 10;

const STATUSES: readonly Status[] = ['success', 'failed_to_download', 'failed_to_resize'];

/** Counts by name, the largest first, and by name where they are equal. */
const ranked = (counts: ReadonlyMap<string, number>): [name: string, count: number][] =>
  [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));

/**
 * What came of a list, for a terminal.
 *
 * @param table The file to look at next.
 * @returns The text, and the number of images that were stored.
 */
export function summaryOf(
  records: Iterable<ManifestRecord>,
  table: string,
): { text: string; images: number } {
  const statuses = new Map<string, number>(STATUSES.map((status) => [status, 0]));
  const errors = new Map<string, number>();
  const files = new Set<unknown>();
  let [rows, repeats, duplicates, alike] = [0, 0, 0, 0];
  const count = (counts: Map<string, number>, name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  for (const record of records) {
    const { status, error_message: error, file } = record;
    rows++;
    count(statuses, String(status));
    if (error !== null && error !== undefined) count(errors, String(error));
    if (file !== null) files.add(file);
    if (record.repeats !== null) repeats++;
    else if (record.duplicate_of !== null) duplicates++;
    else if (record.near_duplicate_of !== null) alike++;
  }
  const tableOf = (header: string, counts: readonly [string, number][]): string =>
    `\n${textTable({ header: [header, 'URLs'], rows: counts.map(([name, n]) => [name, String(n)]) })}\n`;
  const shown = ranked(errors).slice(0, MOST_ERRORS);
  const more = errors.size - shown.length;
  const text = [
    `${counted(rows, 'URL')}, ${counted(files.size, 'image')}\n`,
    `${repeats} repeat an earlier URL, ${duplicates} have the bytes of an earlier image, ${alike} look like one\n`,
    tableOf('status', [...statuses]),
    errors.size === 0 ? '' : tableOf('error', shown),
    more > 0 ? `and ${counted(more, 'other error')}\n` : '',
    `\n${printable(table)}\n`,
  ];
  return { text: text.join(''), images: files.size };
}
