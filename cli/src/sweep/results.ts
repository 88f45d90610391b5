/** What a sweep came to: a table on the terminal, as CSV and as a page. */
import path from 'node:path';
import { linePlot } from 'fovea/draw';
import { csvLine } from '../csv.ts';
import { writeFileAtomic } from '../files.ts';
import { writeReport } from '../report.ts';
import { textTable } from '../textTable.ts';
import type { SweepConfig, Trial } from './config.ts';

/** A trial at the last rung that it reached. */
export interface Result {
  readonly trial: Trial;
  readonly until: number;
  /** Undefined where it failed, or nothing was measured. */
  readonly value: number | undefined;
  readonly failed: string | undefined;
  /** As the logs have it, such as `val_ap`. */
  readonly metric: string;
  /** The metric after each epoch, of the first fold. */
  readonly epochs: readonly (number | null)[];
}

/** Lines of the plot: more cannot be told apart. */
const MOST_LINES = 12;

const stateOf = ({ until, failed }: Result, steps: number): string =>
  failed !== undefined ? 'failed' : until === steps ? 'trained' : 'stopped';

/** Writes the results, the best first: trials.csv and report.html, and the table on standard output. */
export async function writeTables(
  out: string,
  config: SweepConfig,
  results: readonly Result[],
): Promise<void> {
  const names = Object.keys(config.space);
  const { metric } = results[0]!;
  const steps = Number(config.train.steps);
  const header = ['trial', ...names, 'steps', metric, 'state'];
  const cells = (one: Result, value: (number: number) => string): string[] => [
    String(one.trial.number),
    ...names.map((name) => String(one.trial.values[name])),
    String(one.until),
    one.value === undefined ? '' : value(one.value),
    stateOf(one, steps),
  ];
  const rows = results.map((one) => cells(one, (value) => value.toFixed(4)));
  process.stdout.write(`${textTable({ header, rows })}\n`);
  const lines = results.map((one) => csvLine([...cells(one, String), one.failed ?? '']));
  await writeFileAtomic(path.join(out, 'trials.csv'), [csvLine([...header, 'reason']), ...lines].join(''));
  const series = results.slice(0, MOST_LINES).flatMap(({ trial, epochs }) => {
    const points = epochs.flatMap((value, i) => (value === null ? [] : [[i + 1, value] as const]));
    return points.length === 0 ? [] : [{ name: `trial ${trial.number}`, points, dots: points.length < 40 }];
  });
  const { kind, folds } = config.search;
  const reasons = results.flatMap(({ trial, failed }) =>
    failed === undefined ? [] : [`Trial ${trial.number} failed: ${failed}.`],
  );
  const note = reasons.length === 0 ? {} : { note: reasons.join(' ') };
  await writeReport(path.join(out, 'report.html'), {
    title: `Sweep: ${names.join(', ')}`,
    lead: `${results.length} trials of up to ${steps} steps, ${kind}${folds === 0 ? '' : `, ${folds} folds`}. The best is trial ${results[0]!.trial.number}.`,
    runs: [
      {
        name: 'trials',
        task: kind,
        metrics: results[0]!.value === undefined ? {} : { [metric]: results[0]!.value },
        tables: [{ title: 'The best first', header, rows, ...note }],
        plots:
          series.length === 0 ? [] : [linePlot({ title: metric, xLabel: 'epoch', yLabel: metric, series })],
        config: config.train,
      },
    ],
    timings: [],
    versions: { node: process.versions.node },
  });
}
