import type { Device } from '../device/device.ts';
import { LifetimeError } from '../errors.ts';
import type { StrategyName } from '../kernels/strategy.ts';
import { formatShape } from '../shape.ts';
import { type Choice, choicesOf, lowering, prepareLowering } from './lower.ts';
import { Program } from './program.ts';
import { inSlices } from './slices.ts';
import type { StateStore } from './stateStore.ts';
import type { CaptureProgress, Recorded } from './step.ts';
import type { Tuned, TuneProgress, Tuner } from './tuner.ts';

/** Where and how a recording is compiled. */
export interface CompileOptions {
  readonly device: Device;
  readonly states: StateStore;
  readonly fusion: boolean;
  /** Computes every operation that it can compute. */
  readonly strategy: StrategyName | undefined;
  /** Knows the fastest strategies. Undefined where autotuning is off. */
  readonly tuner: Tuner | undefined;
  /** Whether what the tuner does not know yet is timed. */
  readonly tunes: boolean;
  readonly progress?: CaptureProgress | undefined;
}

/**
 * Lowers a recording and builds its program. A module of its own, which is loaded when the first function is captured, with
 * all that programs are made with: a page shows something before that.
 */
export async function compile(
  { placeholders, bases, recording: { effects } }: Recorded,
  { device, states, fusion, strategy, tuner, tunes, progress }: CompileOptions,
): Promise<Program> {
  const values = Object.values(bases);
  await Promise.all([prepareLowering(values, effects), tuner?.load()]);
  if (tuner && tunes) {
    await tuner.tune(choicesOf(device.caps, values, effects), (done, total) =>
      progress?.(done, total, 'tuning'),
    );
  }
  const strategyOf = (choice: Choice) => strategy ?? tuner?.strategyOf(choice);
  const lowered = await inSlices(lowering(device.caps, values, effects, { fusion, strategyOf }));
  for (const { origin, shape } of lowered.storages.keys()) {
    if (origin.kind !== 'input' || placeholders.some((own) => own.origin === origin)) continue;
    throw new LifetimeError(
      `capture: a tensor here comes from ${origin.name} ${formatShape(shape)} of another capture; use it inside of that one only`,
    );
  }
  return Program.build(device, lowered, states, (done, total) => progress?.(done, total, 'compiling'));
}

/** Times the strategies for what was recorded. */
export async function tune(
  { bases, recording: { effects } }: Recorded,
  device: Device,
  tuner: Tuner,
  { again, progress }: { readonly again?: boolean; readonly progress?: TuneProgress },
): Promise<Tuned[]> {
  const values = Object.values(bases);
  await prepareLowering(values, effects);
  return tuner.tune(choicesOf(device.caps, values, effects), progress, again);
}
