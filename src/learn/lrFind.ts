import type { Batch, Loader } from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { trainMode } from './groups.ts';
import { keepModes } from './keepModes.ts';
import type { Trained } from './trained.ts';
import { TrainingProgram, type Values } from './trainingProgram.ts';
import type { Update } from './update.ts';

/** Options of `Learner.lrFind`. */
export interface LrFindOptions {
  /** The first learning rate. Default 1e-7. */
  readonly startLr?: number;
  /** The last learning rate. Default 10. */
  readonly endLr?: number;
  /** The number of steps. Default 100. */
  readonly numIt?: number;
  /** Whether to end once the smoothed loss is over four times the lowest. Default true. */
  readonly stopDiv?: boolean;
}

/** What `Learner.lrFind` has found. */
export interface LrFinding {
  /** The learning rates that were tried. */
  readonly lrs: readonly number[];
  /** The losses at them, smoothed: exponential means with beta 0.98, corrected for their start. */
  readonly losses: readonly number[];
  /** The rate a third into the longest valley, that is the longest falling subsequence of the losses. What `lr` is. */
  readonly valley: number;
  /** The rate where the loss falls most steeply over the logarithm of the rate. */
  readonly steep: number;
  /** A tenth of the rate of the lowest loss. */
  readonly minimum: number;
  /** The suggestion: `valley`. */
  readonly lr: number;
}

const BETA = 0.98;

/** See `Learner.lrFind`. */
export async function lrFind<Item, M extends Module, B extends Batch>(
  { gpu, model, task, train, optimizer }: Trained<Item, M, B>,
  update: Update,
  options: LrFindOptions,
): Promise<LrFinding> {
  const { startLr, endLr, numIt, stopDiv } = withDefaults('lrFind', options, {
    startLr: 1e-7,
    endLr: 10,
    numIt: 100,
    stopDiv: true,
  });
  if (!(startLr > 0 && endLr > startLr && endLr < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`lrFind: rates from ${startLr} to ${endLr}; give two above 0, the smaller first`);
  }
  if (!Number.isSafeInteger(numIt) || numIt < 10) {
    throw new UsageError(`lrFind: numIt is ${numIt}; give a whole number of at least 10`);
  }
  const download = (state: State) => gpu.download(state);
  const before = {
    weights: await model.stateDict(download),
    states: await update.states(),
    random: await model.randomState(download),
    lr: optimizer.lr,
    restoreModes: keepModes(model),
  };
  const { accumulate } = update;
  // Averages are of trainings: they stay as they are.
  const program = new TrainingProgram(gpu, task, model, update, {
    accumulates: accumulate > 1,
    averages: false,
  });
  let values: Values[] = [];
  let batches = 0;
  const lrs: number[] = [];
  const losses: number[] = [];
  let mean = 0;
  let lowest = Number.POSITIVE_INFINITY;
  try {
    trainMode(model);
    for await (const batch of repeated(train)) {
      const lr = startLr * (endLr / startLr) ** (lrs.length / (numIt - 1));
      optimizer.lr = lr;
      const isLast = ++batches % accumulate === 0;
      values.push(...(await program.run(batch, isLast)));
      if (!isLast) continue;
      const { loss } = (await program.read(values)).losses;
      values = [];
      if (!Number.isFinite(loss)) break;
      mean = BETA * mean + (1 - BETA) * loss!;
      const smooth = mean / (1 - BETA ** (losses.length + 1));
      lrs.push(lr);
      losses.push(smooth);
      lowest = Math.min(lowest, smooth);
      if (lrs.length === numIt || (stopDiv && smooth > 4 * lowest)) break;
    }
  } finally {
    program.dispose();
    model.loadStateDict(before.weights);
    update.load(before.states);
    optimizer.lr = before.lr;
    model.loadRandomState(before.random);
    before.restoreModes();
  }
  return { lrs, losses, ...suggestions(lrs, losses, numIt) };
}

/** The batches of one epoch after the other. */
async function* repeated<Item, B extends Batch>(train: Loader<Item, B>): AsyncGenerator<B, void> {
  for (let epoch = 0; ; epoch++) for await (const { batch } of train.batches(epoch)) yield batch;
}

/** The suggestions for a curve. Its first tenth and its last five values are passed over, where enough are left. */
export function suggestions(
  lrs: readonly number[],
  losses: readonly number[],
  numIt: number,
): Pick<LrFinding, 'valley' | 'steep' | 'minimum' | 'lr'> {
  const [from, to] = [Math.floor(numIt / 10), lrs.length - 5];
  const whole = to - from < 3;
  const rates = whole ? lrs : lrs.slice(from, to);
  const curve = whole ? losses : losses.slice(from, to);
  if (rates.length < 2) {
    throw new UsageError(
      `lrFind: the loss is not finite at the learning rate ${lrs.at(-1) ?? 'of the start'}; give a lower startLr, or check the data`,
    );
  }
  const lowest = curve.indexOf(Math.min(...curve));
  const slopes = rates
    .slice(1)
    .map((rate, i) => (curve[i + 1]! - curve[i]!) / (Math.log(rate) - Math.log(rates[i]!)));
  const valley = rates[valleyOf(curve)]!;
  return {
    valley,
    steep: rates[slopes.indexOf(Math.min(...slopes))]!,
    minimum: rates[lowest]! / 10,
    lr: valley,
  };
}

/** The place that is half of a third past the first third of the longest falling subsequence's end, less its length. */
function valleyOf(losses: readonly number[]): number {
  const lengths = new Array<number>(losses.length).fill(1);
  let end = 0;
  for (let i = 1; i < losses.length; i++) {
    for (let j = 0; j < i; j++) {
      if (losses[i]! < losses[j]!) lengths[i] = Math.max(lengths[i]!, lengths[j]! + 1);
    }
    if (lengths[i]! > lengths[end]!) end = i;
  }
  const start = Math.max(0, end - lengths[end]!);
  const third = (end - start) / 3;
  return start + Math.floor(third) + Math.floor(third / 2);
}
