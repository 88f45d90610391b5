import { printable } from './printable.ts';
import type { ReportTable } from './report.ts';

const format = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(4));

/** A table for a terminal or a log: the first column to the left, the others to the right. */
export function textTable({ header, rows, total }: Pick<ReportTable, 'header' | 'rows' | 'total'>): string {
  const text = [header, ...rows, ...(total ? [total] : [])].map((row) =>
    row.map((cell) => (typeof cell === 'number' ? format(cell) : printable(cell))),
  );
  const widths = header.map((_, i) => text.reduce((widest, row) => Math.max(widest, row[i]!.length), 0));
  return text
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
