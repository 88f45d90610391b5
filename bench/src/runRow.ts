import type { Limits } from '../../src/profile/limits.ts';
import { mismatch } from './compare.ts';
import type { Contestant } from './contestant.ts';
import { type Effort, measure } from './measure.ts';
import type { Ours } from './ours.ts';
import { type PeerName, type PeerResult, type ResultRow, rates } from './results.ts';
import type { JaxWay, OrtWay, TfjsWay, Workload } from './workload.ts';

/** A library that computes rows in a way of its own. */
export interface Peer<Way> {
  readonly version: string;
  /** A remark on how it runs, for the report. */
  readonly note?: string;
  prepare(workload: Workload, way: Way): Promise<Contestant>;
}

/** Peers of this process, in the order in which they take their turns. */
export interface Peers {
  readonly tfjs?: Peer<TfjsWay>;
  readonly ort?: Peer<OrtWay>;
  readonly jax?: Peer<JaxWay>;
  readonly ortCpu?: Peer<OrtWay>;
}

/** Who takes part. */
export interface Libraries extends Peers {
  readonly ours: Ours;
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
  const enter = async <Way extends object>(
    name: PeerName,
    peer: Peer<Way> | undefined,
    way: Way | string,
  ) => {
    if (!peer) return;
    if (typeof way === 'string') {
      peers[name] = { cannot: way };
      return;
    }
    try {
      const contestant = await peer.prepare(workload, way);
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
  await enter('tfjs', libraries.tfjs, workload.tfjs);
  await enter('ort', libraries.ort, workload.ort);
  await enter('jax', libraries.jax, workload.jax);
  await enter('ortCpu', libraries.ortCpu, workload.ort);
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
