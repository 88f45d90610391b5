import { expectArguments } from '../../arguments.ts';
import { IGNORE_INDEX } from '../../data/cropTargets.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { Random } from '../../vision/random.ts';
import { Hypercolumns } from './columns.ts';

/** What is known of the pixels of an image: labels, scores, or both. */
export interface PixelSample {
  /** The hypercolumns of the image. */
  readonly columns: Hypercolumns;
  /** The label of each pixel [height, width]; 255 is ignored. */
  readonly labels?: ArrayLike<number>;
  /** How much each label counts [height, width], 0 or more: a map that says where it matters to be right. Default: all 1. */
  readonly weights?: ArrayLike<number>;
  /** What it is worth to call a pixel `scoreLabel` [height, width], of any sign: a map of what is wanted and what is not. */
  readonly scores?: ArrayLike<number>;
}

/** Pixels that are learned from, one in a row. */
export interface PixelRows {
  readonly rows: number;
  /** [rows, channels]. */
  readonly columns: Float32Array;
  readonly labels: Int32Array;
  /** 0 where there is no label. */
  readonly weights: Float32Array;
  readonly scores: Float32Array;
}

const kinds = { 'labels?': 'values', 'weights?': 'values', 'scores?': 'values' } as const;

/** Throws for samples that cannot be learned from. */
function expectSamples(call: string, samples: readonly PixelSample[], numClasses: number): void {
  expectArguments(call, { samples }, { samples: [{ columns: 'object', ...kinds }] });
  if (samples.length === 0) throw new UsageError(`${call}: no samples; give one or more`);
  const layers = (columns: Hypercolumns) => columns.maps.map(({ channels }) => channels).join(', ');
  for (const [i, { columns, labels, weights, scores }] of samples.entries()) {
    const place = `${call}: samples[${i}]`;
    if (!(columns instanceof Hypercolumns)) throw new UsageError(`${place}.columns are no Hypercolumns`);
    if (layers(columns) !== layers(samples[0]!.columns)) {
      throw new ShapeError(
        `${place} has layers of ${layers(columns)} channels, samples[0] of ${layers(samples[0]!.columns)}; give the same layers`,
      );
    }
    if (!labels && !scores) throw new UsageError(`${place} has neither labels nor scores`);
    const { width, height } = columns;
    for (const [name, map] of Object.entries({ labels, weights, scores })) {
      if (!map) continue;
      if (map.length !== width * height) {
        throw new ShapeError(
          `${place}: ${map.length} ${name} for ${width}x${height} pixels; give one for each`,
        );
      }
      for (let p = 0; p < map.length; p++) {
        const value = map[p]!;
        const fits =
          name === 'labels'
            ? value === IGNORE_INDEX || (Number.isInteger(value) && value >= 0 && value < numClasses)
            : Number.isFinite(value) && (name === 'scores' || value >= 0);
        if (fits) continue;
        const wanted = {
          labels: `0 to ${numClasses - 1}, or 255 to ignore it`,
          weights: 'a number of at least 0',
          scores: 'a number',
        }[name as 'labels'];
        throw new UsageError(`${place}: ${name} is ${value} at pixel ${p}; give ${wanted}`);
      }
    }
  }
}

/**
 * Draws pixels of each sample: at most `pixels` of those that say something, without putting any back. The same seed draws the same.
 * Throws for samples that cannot be learned from, and where no pixel says anything.
 */
export function drawPixels(
  call: string,
  samples: readonly PixelSample[],
  {
    numClasses,
    pixels,
    seed,
  }: { readonly numClasses: number; readonly pixels: number; readonly seed: number },
): PixelRows {
  expectSamples(call, samples, numClasses);
  const random = new Random(seed);
  const drawn = samples.map(({ columns, labels, weights, scores }, i) => {
    const counts = (p: number) =>
      (labels !== undefined && labels[p] !== IGNORE_INDEX && weights?.[p] !== 0) ||
      (scores !== undefined && scores[p] !== 0);
    const known = Array.from({ length: columns.width * columns.height }, (_, p) => p).filter(counts);
    if (known.length <= pixels) return known;
    return random
      .fork(i)
      .shuffle(known)
      .slice(0, pixels)
      .sort((a, b) => a - b);
  });
  const rows = drawn.reduce((sum, { length }) => sum + length, 0);
  if (rows === 0) throw new UsageError(`${call}: no pixel has a label with a weight, or a score; mark some`);
  const channels = samples[0]!.columns.channels;
  const found = {
    rows,
    columns: new Float32Array(rows * channels),
    labels: new Int32Array(rows),
    weights: new Float32Array(rows),
    scores: new Float32Array(rows),
  };
  let row = 0;
  for (const [i, { columns, labels, weights, scores }] of samples.entries()) {
    found.columns.set(columns.at(drawn[i]!), row * channels);
    for (const p of drawn[i]!) {
      if (labels && labels[p] !== IGNORE_INDEX) {
        found.labels[row] = labels[p]!;
        found.weights[row] = weights?.[p] ?? 1;
      }
      found.scores[row] = scores?.[p] ?? 0;
      row++;
    }
  }
  const odd = found.columns.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0) {
    throw new UsageError(`${call}: a column has ${found.columns[odd]}; look at what the model gives`);
  }
  return found;
}
