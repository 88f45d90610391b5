import * as v from 'valibot';
import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import type { StateDict } from '../io/safetensors.ts';
import type { StateEntry } from '../nn/module.ts';
import type { BestEpoch } from './best.ts';
import type { Logs, StepLogs } from './history.ts';

/** The JSON part of a Learner's checkpoint. */
export interface FitProgress {
  readonly learner: {
    /** The call and its options. */
    readonly asked: Readonly<Record<string, unknown>>;
    /** Steps per epoch. */
    readonly perEpoch: number;
  };
  /** Steps done. */
  readonly step: number;
  /** Epochs that the Learner had done before this training: the order of the items depends on it. */
  readonly firstEpoch: number;
  /** Sums of the losses in this epoch, each times its items. */
  readonly sums: Logs;
  /** Items in this epoch. */
  readonly count: number;
  readonly lrScale: number;
  readonly history: { readonly steps: readonly StepLogs[]; readonly epochs: readonly Logs[] };
  /** See `Module.randomState`. */
  readonly random: Readonly<Record<string, number>>;
  /** What each callback has returned as its state. */
  readonly callbacks: readonly unknown[];
  readonly best?: BestEpoch;
}

const finite = v.pipe(v.number(), v.finite());
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** JSON writes NaN, such as a metric of nothing, as null. */
const logged = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const logs = v.record(v.string(), logged);

const schema = v.object({
  learner: v.object({ asked: v.looseObject({}), perEpoch: whole }),
  step: whole,
  firstEpoch: whole,
  sums: v.record(v.string(), finite),
  count: whole,
  lrScale: finite,
  history: v.object({
    steps: v.array(
      v.object({ step: whole, epoch: whole, lr: finite, momentum: v.optional(finite), losses: logs }),
    ),
    epochs: v.array(logs),
  }),
  random: v.record(v.string(), finite),
  callbacks: v.array(v.unknown()),
  best: v.optional(v.object({ name: v.string(), value: finite, loss: finite, epoch: whole })),
});

/**
 * Checks the JSON part of a checkpoint, and that it is of the same training, but for the number of epochs and the learning rate.
 *
 * @throws DataError that names the first field that is missing, out of range or different.
 */
export function readFitProgress(
  value: unknown,
  now: FitProgress['learner'] & { readonly callbacks: number },
  file: string,
): FitProgress {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new DataError(
      `${file}: is no checkpoint of a Learner (${v.getDotPath(issue) ?? ''}: ${issue.message}); give what onCheckpoint received`,
    );
  }
  const progress = parsed.output as FitProgress;
  const { asked, perEpoch } = progress.learner;
  const before = new Map(
    Object.entries({ ...asked, 'steps per epoch': perEpoch, callbacks: progress.callbacks.length }),
  );
  const here = new Map(
    Object.entries({ ...now.asked, 'steps per epoch': now.perEpoch, callbacks: now.callbacks }),
  );
  for (const name of new Set([...here.keys(), ...before.keys()])) {
    if (ADJUSTABLE.includes(name)) continue;
    const [was, is] = [JSON.stringify(before.get(name)), JSON.stringify(here.get(name))];
    if (was === is) continue;
    throw new DataError(
      `${file}: the checkpoint has ${name} ${was ?? 'not given'}, this training ${is ?? 'not given'}; continue with the same data and settings (only epochs and learning rates may change)`,
    );
  }
  return progress;
}

/** What may be different in a training that goes on: the way out of one that diverged. */
const ADJUSTABLE = ['epochs', 'lr', 'lrMax', 'baseLr'];

const BEST = 'best.';

/** The states of the optimizer and the best weights, in one dict. */
export function joinStates(
  optimizer: StateDict,
  best: ReadonlyMap<string, StateEntry> | undefined,
): StateDict {
  return new Map([...optimizer, ...[...(best ?? [])].map(([name, entry]) => [BEST + name, entry] as const)]);
}

/** Takes apart what `joinStates` has joined. */
export function splitStates(joined: StateDict): {
  optimizer: StateDict;
  best: Map<string, StateEntry> | undefined;
} {
  const optimizer: StateDict = new Map();
  const best = new Map<string, StateEntry>();
  for (const [name, entry] of joined) {
    if (name.startsWith(BEST)) best.set(name.slice(BEST.length), entry as StateEntry);
    else optimizer.set(name, entry);
  }
  return { optimizer, best: best.size > 0 ? best : undefined };
}

/** The weights of the best epoch in a Learner's checkpoint; the last ones where none was chosen. */
export function bestWeights(checkpoint: Checkpoint): StateDict {
  expectArguments('bestWeights', { checkpoint }, { checkpoint: { weights: 'map', optimizer: 'map' } });
  return splitStates(checkpoint.optimizer).best ?? checkpoint.weights;
}
