import path from 'node:path';
import { architectureOf, type ModelName, taskOf, UsageError } from 'fovea';
import { kFold, trainTestSplit } from 'fovea/data';
import { counted } from './counted.ts';
import { type Held, held } from './optionValues.ts';

/** Fewer images are all trained on, unless `--val` says otherwise. */
const LEAST_IMAGES = 10;
const SHARE = 0.2;

/** The images of a training: those to learn from, and those to evaluate on. */
export interface HeldOut<S extends object> {
  readonly train: readonly S[];
  /** Undefined: there is no evaluation. */
  readonly valid?: readonly S[];
  /** How it was chosen, for the checkpoint. */
  readonly val?: string;
  /** How many of `valid` are learned from too. Undefined: none. */
  readonly shared?: number;
}

/** Chooses the images to evaluate on: as `--val` says, as before, or a fifth of the images if there are enough. */
export function heldOutBy(given: Held | undefined, before: string | undefined, images: number): Held {
  if (given) return given;
  if (before !== undefined) return held(before);
  return { kind: 'share', share: images >= LEAST_IMAGES ? SHARE : 0 };
}

/** An image with where its labels were read from. */
interface Labelled {
  readonly name: string;
  readonly source: string;
}

/** The number of images that are both learned from and judged by. */
function countShared(train: readonly Labelled[], valid: readonly Labelled[]): number {
  const placeOf = ({ name, source }: Labelled) => `${path.resolve(source)}\n${path.basename(name)}`;
  const learned = new Set(train.map(placeOf));
  return valid.filter((sample) => learned.has(placeOf(sample))).length;
}

/** Splits the images of a training. `load` reads those of a folder. Each class of `stratify` has its share on both sides. */
export async function holdOut<S extends Labelled>(
  samples: readonly S[],
  how: Held,
  seed: number,
  load: (folder: string) => Promise<readonly S[]>,
  stratify?: (sample: S) => string,
): Promise<HeldOut<S>> {
  const options = { seed, ...(stratify ? { stratify } : {}) };
  switch (how.kind) {
    case 'folder': {
      const valid = await load(how.folder);
      return { train: samples, valid, val: how.folder, shared: countShared(samples, valid) };
    }
    case 'fold':
      return {
        ...kFold(samples, how.folds, how.fold - 1, options),
        val: `${how.fold}/${how.folds}`,
      };
    case 'share':
      if (how.share === 0) return { train: samples };
      return { ...trainTestSplit(samples, how.share, options), val: String(how.share) };
  }
}

const METRICS = {
  detect: ['ap', 'ap50', 'loss'],
  segment: ['iou', 'dice', 'loss'],
  classify: ['accuracy', 'top5', 'loss'],
} as const;

/** The name in the logs of a metric of `--best`. Throws UsageError for one that the task does not have. */
export function metricOf(model: ModelName, best: string | undefined): string | undefined {
  if (best === undefined) return undefined;
  const known: readonly string[] = [
    ...METRICS[taskOf({ name: model })],
    ...(architectureOf(model).numStuff ? ['pq'] : []),
  ];
  if (known.includes(best)) return `val_${best}`;
  throw new UsageError(`train: --best ${best}: a ${model} has ${known.join(', ')}`);
}

/** Says in a line on how many images the model is evaluated; empty if on none. */
export function describeHeldOut({ valid, val, train, shared }: HeldOut<object>): string {
  if (!valid) return '';
  const both = shared
    ? `${shared === valid.length ? 'these images' : counted(shared, 'image of these', 'images of these')} ${shared === 1 && valid.length > 1 ? 'is' : 'are'} trained on too, so results are better than on new ones\n`
    : '';
  const all = train.length + valid.length;
  return `judged by ${/^[\d./]+$/.test(val ?? '') ? `${valid.length} of ${all} images` : counted(valid.length, 'image')} after each epoch (--val 0: none)\n${both}`;
}
