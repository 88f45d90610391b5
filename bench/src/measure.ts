import { Bench } from 'tinybench';
import { waiting } from '../../src/device/waiting.ts';
import type { Contestant } from './contestant.ts';
import { median, spread } from './statistics.ts';

/** Polls as eagerly for every library: what is done for Fovea's submissions must not be to the others' disadvantage (polling.ts). */
function run(contestant: Contestant): Promise<void> {
  waiting.begin();
  return contestant.run();
}

/** How long to measure. */
export interface Effort {
  /** The contestants take turns this often, so that a disturbance of the machine hits all of them. */
  readonly rounds: number;
  /** Milliseconds for each contestant, all rounds together. */
  readonly time: number;
  /** Runs of each contestant in a round, at least; one where a run takes longer than `time`. */
  readonly iterations: number;
  /** Another library than ours whose run takes longer is measured once: milliseconds. */
  readonly once: number;
}

export const FULL: Effort = { rounds: 3, time: 3000, iterations: 3, once: Number.POSITIVE_INFINITY };
export const QUICK: Effort = { rounds: 2, time: 200, iterations: 1, once: 200 };

/** Median and spread (interquartile range) of the runs, in milliseconds. */
export interface Figures {
  readonly runs: number;
  readonly medianMs: number;
  readonly spreadMs: number;
  readonly gpuMs?: number;
  readonly gpuSpreadMs?: number;
  /** The least of the runs: the threads of a software adapter take the cores that JavaScript runs on. */
  readonly jsMs?: number;
}

interface Samples {
  readonly wall: number[];
  readonly gpu: number[];
  readonly js: number[];
}

/** Runs contestants by turns and tells their times, in their order. Each has run once before. */
export async function measure(contestants: readonly Contestant[], effort: Effort): Promise<Figures[]> {
  const samples = contestants.map((): Samples => ({ wall: [], gpu: [], js: [] }));
  for (let round = 0; round < effort.rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const known = samples[i]!;
      const slow = median(known.wall) > effort.time;
      const enough = i > 0 && median(known.wall) > effort.once ? 1 : 2;
      if (slow && known.wall.length >= enough) continue;
      const bench = new Bench({
        time: slow ? 0 : effort.time / effort.rounds,
        iterations: slow ? 1 : effort.iterations,
        warmup: false,
        retainSamples: true,
        throws: true,
      });
      bench.add(contestant.library, () => run(contestant), {
        async: true,
        beforeEach: () => contestant.before(),
        afterEach: async () => {
          const { gpuMs, jsMs } = await contestant.after();
          if (gpuMs !== undefined) known.gpu.push(gpuMs);
          if (jsMs !== undefined) known.js.push(jsMs);
        },
      });
      const [task] = await bench.run();
      const result = task!.result;
      if ('latency' in result) known.wall.push(...(result.latency.samples ?? []));
    }
  }
  return samples.map(({ wall, gpu, js }) => ({
    runs: wall.length,
    medianMs: median(wall),
    spreadMs: spread(wall),
    ...(gpu.length > 0 ? { gpuMs: median(gpu), gpuSpreadMs: spread(gpu) } : {}),
    ...(js.length > 0 ? { jsMs: Math.min(...js) } : {}),
  }));
}
