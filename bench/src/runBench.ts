import { type Limits, measureLimits } from '../../src/profile/limits.ts';
import { FULL, QUICK } from './measure.ts';
import { NAMES } from './plots.ts';
import type { PeerName, PeerResult, ResultRow, Results } from './results.ts';
import { type Libraries, type Peers, runRow } from './runRow.ts';
import { short, summary, Table } from './table.ts';
import type { Row } from './workload.ts';

/** In quick runs peers try no other settings where a run takes longer: milliseconds. */
export const QUICK_PATIENCE = 100;

/** The rows whose names hold one of the texts, which commas part: those without a space behind, as names have them. */
export function filtered(rows: readonly Row[], filter: string): Row[] {
  const parts = filter.toLowerCase().split(/,(?! )/);
  return rows.filter(({ name }) => parts.some((part) => name.toLowerCase().includes(part)));
}

/** What a run is told: where, with what, and where its lines go. */
export interface Run {
  readonly libraries: Libraries;
  readonly rows: readonly Row[];
  readonly quick: boolean;
  readonly versions: Readonly<Record<string, string>>;
  /** What else the first line says of the machine. */
  readonly machine: string;
  readonly print: (line: string) => void;
  /** What peers of other processes took, by the row's name. */
  readonly elsewhere?: Elsewhere;
  /** Where they are known; else they are measured first. */
  readonly limits?: Limits;
}

export interface Elsewhere {
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, Readonly<Partial<Record<PeerName, PeerResult>>>>>;
}

/** The row with such a peer's figures beside those of this run. Its results are not compared: its weights are its own. */
export function beside(row: ResultRow, { rows }: Elsewhere): ResultRow {
  const peers = rows[row.name] ?? {};
  const ratios = Object.entries(peers).flatMap(([name, peer]) =>
    'medianMs' in peer ? [[name, peer.medianMs / row.medianMs]] : [],
  );
  return {
    ...row,
    peers: { ...row.peers, ...peers },
    ratio: { ...row.ratio, ...Object.fromEntries(ratios) },
  };
}

const HERE = ['tfjs', 'ort', 'jax', 'ortCpu'] as const;

/** The peers that take part. */
export const present = (peers: Peers): (keyof Peers)[] => HERE.filter((name) => peers[name] !== undefined);

const versionsOf = (peers: Peers): Record<string, string> =>
  Object.fromEntries(
    present(peers).map((name) => {
      const { version, note } = peers[name]!;
      return [NAMES[name], note === undefined ? version : `${version} (${note})`];
    }),
  );

/** Measures the limits, then row after row, and prints a line for each as it comes. */
export async function runBench(run: Run): Promise<Results> {
  const { libraries, quick, versions, machine, print, elsewhere = { versions: {}, rows: {} } } = run;
  const { ours } = libraries;
  const { name, software } = ours.gpu.device.adapter;
  const rows = run.rows.filter(({ half }) => !half || ours.gpu.device.caps.f16);
  const timed = Object.values(elsewhere.rows).flatMap((row) => Object.keys(row)) as PeerName[];
  const peers = [...new Set<PeerName>([...present(libraries), ...timed])];
  const limits = run.limits ?? (await measureLimits(ours.gpu.device));
  const done: ResultRow[] = [];
  const results: Results = {
    adapter: name,
    software,
    date: new Date().toISOString(),
    quick,
    versions: {
      ...versions,
      ...elsewhere.versions,
      ...versionsOf(libraries),
    },
    limits,
    rows: done,
  };
  print(`${name}, ${machine}; limits: ${short(limits.gflops)} GFLOP/s, ${short(limits.gbps)} GB/s`);
  const table = new Table(
    rows.map((row) => row.name),
    peers,
  );
  print(table.head());
  for (const row of rows) {
    const result = beside(await runRow(libraries, row.make(), limits, quick ? QUICK : FULL), elsewhere);
    done.push(result);
    print(table.row(result));
  }
  for (const line of summary(results, peers)) print(line);
  return results;
}
