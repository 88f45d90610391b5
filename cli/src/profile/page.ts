import type { Profile } from 'fovea/profile';
import { type ReportAdapter, writeReport } from '../report.ts';
import { FLAME_STYLE, flameChart } from './flame.ts';
import { repeated, totalsOf } from './groups.ts';
import {
  adapterTable,
  dispatchTable,
  giga,
  groupTable,
  measuredLines,
  mega,
  shortTime,
  summaryLine,
} from './tables.ts';

const ROWS = 60;

/** Writes the page of a profile: the adapters, where the time goes, and the dispatches. */
export async function writeProfilePage(
  file: string,
  title: string,
  /** The one that is shown in full, first. */
  profiles: readonly [Profile, ...Profile[]],
  notes: readonly string[],
  /** What it was measured on. */
  here: ReportAdapter | undefined,
): Promise<void> {
  const [shown] = profiles;
  const { adapter } = shown;
  const dispatches = repeated(shown);
  const { flops, bytes, predicted, measured } = totalsOf(dispatches);
  const phases = new Set(dispatches.map(({ phase }) => phase)).size > 1;
  const told = measuredLines(shown);
  await writeReport(file, {
    title: `Profile: ${title}`,
    lead: `${summaryLine(shown)}.`,
    ...(here ? { adapter: here } : {}),
    runs: [
      {
        // What a driver says of itself in brackets is in the table.
        name: adapter.title.replace(/ \(.*/, ''),
        task: measured === undefined ? 'predicted' : 'measured',
        metrics: {
          dispatches: dispatches.length,
          GFLOP: giga(flops),
          MB: mega(bytes),
          predicted: shortTime(predicted),
          ...(measured === undefined ? {} : { measured: shortTime(measured) }),
        },
        ...(told.length > 0 ? { description: `${told.join('; ')}.` } : {}),
        wide: {
          style: FLAME_STYLE,
          html: `<h3>Where the time goes${measured === undefined ? ', predicted' : ', measured'}</h3>${flameChart(dispatches, title)}<p class="soft">${phases ? 'Phases, then modules' : 'Modules'}, then kernels. A part says its time when pointed at. Layers that are called several times are one part.</p>`,
        },
        tables: [
          adapterTable(profiles, 80),
          groupTable(shown, 'layer', ROWS, 80),
          groupTable(shown, 'operation', ROWS, 80),
          groupTable(shown, 'kernel', ROWS, 80),
          dispatchTable(shown, ROWS),
        ],
        config: Object.fromEntries(
          profiles.map(
            ({ adapter: { name, gflops, gbps, units, launchMicroseconds, efficiency, source } }) => [
              name,
              { gflops, gbps, units, launchMicroseconds, efficiency, source },
            ],
          ),
        ),
      },
    ],
    timings: [],
    notes: [
      ...notes,
      'A predicted time is launch + max(bytes / bandwidth, FLOP / peak); docs/profiling.md says what is counted.',
    ],
    versions: { node: process.versions.node },
  });
}
