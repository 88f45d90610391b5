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
    /** Batches per epoch. */
    readonly perEpoch: number;
  };
  /** Steps done. */
  readonly step: number;
  /** Batches taken in them. */
  readonly batches: number;
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
  batches: whole,
  firstEpoch: whole,
  sums: v.record(v.string(), finite),
  count: whole,
  lrScale: finite,
  history: v.object({
    steps: v.array(
      v.object({
        step: whole,
        epoch: whole,
        lr: finite,
        momentum: v.optional(finite),
        scale: v.optional(finite),
        skipped: v.optional(v.literal(true)),
        losses: logs,
      }),
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
    Object.entries({ ...asked, 'batches per epoch': perEpoch, callbacks: progress.callbacks.length }),
  );
  const here = new Map(
    Object.entries({ ...now.asked, 'batches per epoch': now.perEpoch, callbacks: now.callbacks }),
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

type Entries = Map<string, StateEntry>;

/** What a checkpoint keeps beside the states of the optimizer, with these names and a point before its own. */
const PARTS = ['best', 'ema', 'scaler'] as const;
type Part = (typeof PARTS)[number];

/** The states of the optimizer, of averages and scaler, and the best weights, in one dict. */
export function joinStates(optimizer: StateDict, parts: Readonly<Partial<Record<Part, Entries>>>): StateDict {
  const named = PARTS.flatMap((part) =>
    [...(parts[part] ?? [])].map(([name, entry]) => [`${part}.${name}`, entry] as const),
  );
  return new Map([...optimizer, ...named]);
}

/** Takes apart what `joinStates` has joined. */
export function splitStates(joined: StateDict): { optimizer: Entries } & Partial<Record<Part, Entries>> {
  const split: { optimizer: Entries } & Partial<Record<Part, Entries>> = { optimizer: new Map() };
  for (const [name, entry] of joined) {
    const part = PARTS.find((one) => name.startsWith(`${one}.`));
    const own = part ? name.slice(part.length + 1) : name;
    const entries = split[part ?? 'optimizer'] ?? new Map();
    split[part ?? 'optimizer'] = entries.set(own, entry as StateEntry);
  }
  return split;
}

/** What the averages call those of weights, in `EMA.stateDict`. */
const AVERAGE = 'average.';

/** The weights of the best epoch in a Learner's checkpoint; where none was chosen the last ones, averaged if the Learner has averages. */
export function bestWeights(checkpoint: Checkpoint): StateDict {
  expectArguments('bestWeights', { checkpoint }, { checkpoint: { weights: 'map', optimizer: 'map' } });
  const { best, ema } = splitStates(checkpoint.optimizer);
  const averages = [...(ema ?? [])].flatMap(([name, entry]) =>
    name.startsWith(AVERAGE) ? [[name.slice(AVERAGE.length), entry] as const] : [],
  );
  return best ?? (averages.length > 0 ? new Map(averages) : checkpoint.weights);
}
