import type { StrategyName } from '../../../src/kernels/strategy.ts';
import { Gpu } from '../../../src/plan/gpu.ts';
import { difference } from '../compare.ts';
import { inputsOf, type Ours } from '../ours.ts';
import { runRow } from '../runRow.ts';
import type { Values, Workload } from '../workload.ts';
import type { Case } from './plan.ts';
import { EFFORT, predictedMs, type StepInput } from './rows.ts';

/** Of the largest value: f32 by Winograd's algorithm, and sums in another order; halves have 11 bits. */
const TOLERANCE = { f32: 1e-3, f16: 1e-2 };

/** Input of a step that times every strategy. */
export interface StrategiesRun extends StepInput {
  readonly cases: readonly Case[];
  /** Opens the adapter again, with or without checks of bounds. */
  readonly open: (boundsChecks: boolean) => Promise<Ours>;
}

/** Results of a row, computed by one strategy. */
async function resultsBy(ours: Ours, workload: Workload, strategy: StrategyName): Promise<Values[]> {
  const gpu = new Gpu(ours.gpu.device, { strategy, autotune: false });
  const step = gpu.capture(workload.ours);
  try {
    const run = await step(...inputsOf(workload));
    const results: Values[] = [];
    for (const value of Object.values(run)) results.push((await value.data()) as Values);
    return results;
  } finally {
    step.dispose();
  }
}

/**
 * Times each strategy of each case, with checks of bounds and without, and compares what comes out with the strategy that is chosen
 * without timing.
 */
export async function measureStrategies(run: StrategiesRun): Promise<'done' | 'time' | 'wrong'> {
  const { cases, ours, open, limits, goOn, note } = run;
  let unchecked: Ours | undefined;
  let wrong = false;
  for (const { make, checked } of cases) {
    if (!goOn()) return wrong ? 'wrong' : 'time';
    const workload = make();
    if (workload.half && !ours.gpu.device.caps.f16) continue;
    if (!checked) unchecked ??= await open(false);
    const on = checked ? ours : unchecked!;
    const tuned = await on.gpu.tune(workload.ours, inputsOf(workload), { again: true });
    const predicted = predictedMs(workload, limits);
    if (tuned.length === 0) {
      // Only one can compute it here: there is nothing to choose.
      const { name, gpuMs, medianMs, gflops } = await runRow({ ours: on }, workload, limits, EFFORT);
      const ms = gpuMs ?? medianMs;
      note({ name, strategy: 'the only one', checked, ms, predicted, share: predicted / ms, gflops });
    }
    for (const { guess, ms } of tuned) {
      const expected = await resultsBy(on, workload, guess);
      for (const [strategy, time] of Object.entries(ms) as [StrategyName, number][]) {
        const results = strategy === guess ? expected : await resultsBy(on, workload, strategy);
        const apart = Math.max(...results.map((values, i) => difference(expected[i]!, values)));
        const agrees = apart <= TOLERANCE[workload.half ? 'f16' : 'f32'];
        wrong ||= !agrees;
        note({
          name: workload.name,
          strategy: strategy === guess ? `${strategy} (chosen)` : strategy,
          checked,
          ms: time,
          predicted,
          share: predicted / time,
          gflops: workload.flops / time / 1e6,
          apart: agrees ? apart : `WRONG: ${apart}`,
        });
      }
    }
  }
  return wrong ? 'wrong' : 'done';
}
