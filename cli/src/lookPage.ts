import path from 'node:path';
import { colorsOf } from './colors.ts';
import type { DataOptions } from './dataOptions.ts';
import type { FaultLog } from './faultLog.ts';
import { faultTables } from './faultTables.ts';
import type { Gallery } from './gallery.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';
import { type ReportTable, writeReport } from './report.ts';
import type { CropOptions } from './sampleGalleries.ts';
import { textTable } from './textTable.ts';

export interface LookOptions extends DataOptions, CropOptions {
  /** The page. Default `look.html`. */
  readonly out?: string;
  /** A preset, or a file with a list of transforms. Default `default`. */
  readonly augment?: string;
  /** The most images that are shown as they are labelled, and crops as a model is fed with them. Default 24. */
  readonly samples?: number;
}

/** What `fovea look` found in a data set. */
export interface Looked {
  /** How the data set says what is in its images. */
  readonly format: string;
  readonly splits: readonly string[];
  /** `12 images, 30 objects of 2 classes`. */
  readonly lead: string;
  readonly metrics: Readonly<Record<string, string>>;
  readonly tables: readonly ReportTable[];
  /** The tables that are printed, too. */
  readonly printed: readonly ReportTable[];
  readonly plots: readonly string[];
  readonly galleries: readonly Gallery[];
  /** How the crops were made. */
  readonly settings?: Record<string, unknown>;
  readonly notes: readonly string[];
}

/** Writes the page, and prints the most important of it. */
export async function showLooked(
  data: string,
  { format, splits, lead, metrics, tables, printed, plots, galleries, settings, notes }: Looked,
  { faults, out, seed, split }: { faults: FaultLog; out: string; seed: number; split: string | undefined },
  stdout: Output,
): Promise<void> {
  const title = path.basename(path.resolve(data));
  await writeReport(out, {
    title: `Data: ${title}`,
    lead: `${lead}; ${format}${splits.length > 1 && split === 'all' ? `, all parts (${splits.join(', ')})` : ''}.`,
    runs: [
      {
        name: title,
        task: format,
        metrics,
        tables: [...tables, ...faultTables(faults)],
        plots,
        galleries,
        ...(settings ? { config: settings } : {}),
        seed,
      },
    ],
    timings: [],
    notes,
    versions: { node: process.versions.node },
  });
  const color = colorsOf(stdout);
  stdout.write(
    [
      `${printable(data)} (${format}): ${lead}\n`,
      ...printed.map((table) => `\n${textTable(table)}\n`),
      ...(notes.length > 0
        ? [`\n${notes.map((note) => `${color.yellow('!')} ${printable(note)}\n`).join('')}`]
        : []),
      `\nlook at ${printable(out)}\n`,
    ].join(''),
  );
}
