import { measureLimits } from './limits.ts';
import { FULL, QUICK } from './measure.ts';
import type { PeerName, ResultRow, Results } from './results.ts';
import { type Libraries, runRow } from './runRow.ts';
import { short, summary, Table } from './table.ts';
import type { Row } from './workload.ts';

/** In quick runs peers try no other settings where a run takes longer: milliseconds. */
export const QUICK_PATIENCE = 500;

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
}

export const present = ({ tfjs, ort }: Libraries): PeerName[] =>
  (['tfjs', 'ort'] as const).filter((peer) => ({ tfjs, ort })[peer] !== undefined);

/** Measures the limits, then row after row, and prints a line for each as it comes. */
export async function runBench({ libraries, rows, quick, versions, machine, print }: Run): Promise<Results> {
  const { ours, tfjs, ort } = libraries;
  const { name, software } = ours.gpu.device.adapter;
  const peers = present(libraries);
  const limits = await measureLimits(ours.probe, software);
  const done: ResultRow[] = [];
  const results: Results = {
    adapter: name,
    software,
    date: new Date().toISOString(),
    quick,
    versions: {
      ...versions,
      ...(tfjs ? { tfjs: tfjs.version } : {}),
      ...(ort ? { onnxruntime: ort.version } : {}),
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
    const result = await runRow(libraries, row.make(), limits, quick ? QUICK : FULL);
    done.push(result);
    print(table.row(result));
  }
  for (const line of summary(results, peers)) print(line);
  return results;
}
