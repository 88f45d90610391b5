import type { Limits } from '../../src/profile/limits.ts';
import { mismatch } from './compare.ts';
import type { Contestant } from './contestant.ts';
import { type Effort, measure } from './measure.ts';
import type { Ours } from './ours.ts';
import type { OnnxRuntime } from './peers/ort.ts';
import type { Tfjs } from './peers/tfjs.ts';
import { type PeerName, type PeerResult, type ResultRow, rates } from './results.ts';
import type { Workload } from './workload.ts';

/** Who takes part. */
export interface Libraries {
  readonly ours: Ours;
  readonly tfjs?: Tfjs;
  readonly ort?: OnnxRuntime;
}

const firstLine = (error: unknown): string => String((error as Error)?.message ?? error).split('\n')[0]!;

/** Runs one workload in every library that can: results first, then times. */
export async function runRow(
  libraries: Libraries,
  workload: Workload,
  limits: Limits,
  effort: Effort,
): Promise<ResultRow> {
  const own = await libraries.ours.prepare(workload);
  const peers: Partial<Record<PeerName, PeerResult>> = {};
  const racing: [PeerName, Contestant][] = [];
  const enter = async (name: PeerName, cannot: string | undefined, prepare: () => Promise<Contestant>) => {
    if (cannot !== undefined) {
      peers[name] = { cannot };
      return;
    }
    try {
      const contestant = await prepare();
      const both = [own.results, contestant.results] as const;
      const [a, b] = workload.comparable?.(...both) ?? both;
      const wrong = mismatch(a, b, workload.tolerance);
      if (wrong === undefined) racing.push([name, contestant]);
      else {
        peers[name] = { failed: wrong };
        await contestant.dispose();
      }
    } catch (error) {
      peers[name] = { failed: firstLine(error) };
    }
  };
  const { tfjs, ort } = libraries;
  if (tfjs) {
    const way = workload.tfjs;
    const words = typeof way === 'string' ? way : undefined;
    await enter('tfjs', words, () => tfjs.prepare(workload, way as Exclude<typeof way, string>));
  }
  if (ort) {
    const way = workload.ort;
    const words = typeof way === 'string' ? way : undefined;
    await enter('ort', words, () => ort.prepare(workload, way as Exclude<typeof way, string>));
  }
  const contestants = [own, ...racing.map(([, contestant]) => contestant)];
  const [ours, ...theirs] = await measure(contestants, effort);
  const ratio: Partial<Record<PeerName, number>> = {};
  for (const [i, [name, { firstMs, note, onCpu, peakBytes }]] of racing.entries()) {
    const figures = theirs[i]!;
    const bytes = peakBytes();
    peers[name] = {
      ...figures,
      firstMs,
      ...(bytes === undefined ? {} : { peakBytes: bytes }),
      ...(note === undefined ? {} : { note }),
      ...(onCpu ? { onCpu } : {}),
    };
    ratio[name] = figures.medianMs / ours!.medianMs;
  }
  const { name, flops, bytes } = workload;
  const row: ResultRow = {
    name,
    ...ours!,
    firstMs: own.firstMs,
    peakBytes: own.peakBytes(),
    flops,
    bytes,
    ...rates(workload, ours!.gpuMs ?? ours!.medianMs, limits),
    ratio,
    peers,
  };
  for (const contestant of contestants) await contestant.dispose();
  return row;
}
