/** Images of a batch that are made of several samples: mosaics, and the blends of mixUp and cutMix. */
import { expectArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { expectOptions } from '../../options.ts';
import type { Box, Point } from '../../vision/boxes.ts';
import { boxArea } from '../../vision/boxes.ts';
import { corners, outlineBounds } from '../../vision/outline.ts';
import type { Random } from '../../vision/random.ts';
import type { FloatImage } from '../image.ts';
import { checkAugment } from './check.ts';
import { type Crop, MIXING, placedCrop, toImageOf, wholePixels } from './crop.ts';
import { type Draws, drawTransforms, type Mixing } from './draw.ts';
import { applyEffects } from './effects.ts';
import { compose, mapOutline, translation } from './matrix.ts';
import type { Augment } from './parameters.ts';
import { resample } from './resample.ts';

/** What is cut from: a sample. */
interface Croppable {
  readonly image: FloatImage;
  readonly region?: Box;
}

/** A crop of one sample: with the `windows` that later layers leave of it. */
export interface Part<S> {
  readonly sample: S;
  readonly crop: Crop;
}

/** One sample's crop, or the four of a mosaic, which lie over what is below. */
export interface Layer<S> {
  readonly parts: readonly Part<S>[];
  /** The fraction of the image that it has: blended, or in the box that it covers. 1 for the lowest. */
  readonly weight: number;
  /** Where it covers what is below. Undefined: it is blended with it. */
  readonly box?: Box;
}

/** How many samples an image may be made of by a list of transforms: each of a mosaic, or two mixed. */
export function mostParts(augment: Augment): number {
  const has = (name: string): number => Number(augment.some((transform) => transform.name === name));
  const layers = 1 + augment.filter(({ name }) => name === 'mixUp' || name === 'cutMix').length;
  return layers * (1 + 3 * has('mosaic'));
}

/**
 * The transforms that act on one sample, and those that need others: `mosaic`, `mixUp`, `cutMix`. Throws UsageError for a list that
 * cannot be.
 */
export function splitAugment(augment: Augment): { readonly single: Augment; readonly mixing: Augment } {
  return parted(checkAugment(augment, 'splitAugment: augment'));
}

function parted(augment: Augment): ReturnType<typeof splitAugment> {
  const mixes = ({ name }: Augment[number]): boolean => MIXING.some((other) => other === name);
  return {
    single: augment.filter((transform) => !mixes(transform)),
    mixing: augment.filter((transform) => mixes(transform)),
  };
}

/**
 * Draws one image of a batch.
 *
 * @param others Draws another sample.
 */
export function drawLayers<S extends Croppable>(
  sample: S,
  size: Crop['size'],
  augment: Augment,
  others: (random: Random) => S,
  random: Random,
): Layer<S>[] {
  const draw = (of: S, list: Augment, own: Random): { draws: Draws; parts: Part<S>[] } => {
    const region = regionOf(of);
    const draws = drawTransforms(list, size, region, own);
    const parts = draws.mosaic
      ? mosaicParts(of, size, draws, others, own.fork('mosaic'))
      : [{ sample: of, crop: placedCrop(draws, size, region) }];
    return { draws, parts };
  };
  const { draws, parts } = draw(sample, augment, random);
  const layers: Layer<S>[] = [{ parts, weight: 1 }];
  const alone = augment.filter(({ name }) => name !== 'mixUp' && name !== 'cutMix');
  draws.mixing.forEach((mixing, k) => {
    const own = random.fork('mixing').fork(k);
    const { weight, box } = drawMix(mixing, size, own);
    const above = draw(others(own), alone, own.fork('other')).parts;
    if (!box) {
      layers.push({ parts: above, weight });
      return;
    }
    layers.forEach((layer, i) => {
      layers[i] = {
        ...layer,
        parts: layer.parts.map((part) => withWindows(part, (list) => around(list, box))),
      };
    });
    layers.push({ parts: above.map((part) => withWindows(part, () => [box])), weight, box });
  });
  return layers;
}

const regionOf = ({ image, region }: Croppable): Box =>
  wholePixels(region ?? [0, 0, image.width, image.height], image);

function withWindows<S>({ sample, crop }: Part<S>, change: (windows: readonly Box[]) => Box[]): Part<S> {
  const windows = change(crop.windows ?? [[0, 0, crop.size[1], crop.size[0]]]);
  return { sample, crop: { ...crop, windows } };
}

/** What is left of boxes around a hole, as boxes. */
const around = (boxes: readonly Box[], [hx1, hy1, hx2, hy2]: Box): Box[] =>
  boxes.flatMap(([x1, y1, x2, y2]): Box[] => {
    const [top, bottom] = [Math.min(Math.max(hy1, y1), y2), Math.max(Math.min(hy2, y2), y1)];
    const left: Box[] = [
      [x1, y1, x2, top],
      [x1, top, Math.min(hx1, x2), bottom],
      [Math.max(hx2, x1), top, x2, bottom],
      [x1, Math.max(top, bottom), x2, y2],
    ];
    return left.filter((box) => box[2] > box[0] && box[3] > box[1]);
  });

/** The weight of what is mixed in, and the box that it covers. Source of the box: torchvision's CutMix. */
function drawMix(
  { name, alpha = 1 }: Mixing,
  [h, w]: Crop['size'],
  random: Random,
): { weight: number; box?: Box } {
  const weight = beta(alpha, random);
  if (name === 'mixUp') return { weight };
  const [x, y] = [random.integer(w), random.integer(h)];
  const half = Math.sqrt(weight) / 2;
  const [dx, dy] = [Math.floor(half * w), Math.floor(half * h)];
  const box: Box = [Math.max(0, x - dx), Math.max(0, y - dy), Math.min(w, x + dx), Math.min(h, y + dy)];
  return { weight: boxArea(box) / (w * h), box };
}

/** A number of Beta(alpha, alpha). */
function beta(alpha: number, random: Random): number {
  if (alpha === 1) return random.uniform();
  const [a, b] = [gamma(alpha, random), gamma(alpha, random)];
  // Both are 0 only for tiny alpha, where one of the two is all.
  return a + b > 0 ? a / (a + b) : Number(random.uniform() < 0.5);
}

/** Source: Marsaglia and Tsang 2000, A simple method for generating gamma variables. */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Four samples around a point of the crop: above left, above right, below left, below right. */
function mosaicParts<S extends Croppable>(
  sample: S,
  size: Crop['size'],
  draws: Draws,
  others: (random: Random) => S,
  random: Random,
): Part<S>[] {
  // A canvas whose origin is where the four meet.
  const toCanvas = toImageOf(draws, size, (lengths, whole) => {
    const [x, y] = lengths.map((length, axis) => {
      const start = -draws.place.at[axis]! * length;
      return whole[axis] ? Math.round(start) : start;
    });
    return [x!, y!];
  });
  const [left, top, right, bottom] = outlineBounds(mapOutline(toCanvas, corners([0, 0, size[1], size[0]])));
  return [sample, others(random), others(random), others(random)].map((own, k) => {
    const [x1, y1, x2, y2] = regionOf(own);
    /** The point of the image that is at the origin: so that the image fills its quarter, if it is large enough. */
    const anchor = (from: number, to: number, reach: number, before: boolean): number => {
      const length = Math.min(to - from, Math.max(1, Math.ceil(reach)));
      return (before ? from + length : from) + random.integer(to - from - length + 1);
    };
    const [isLeft, isAbove] = [k % 2 === 0, k < 2];
    const x = anchor(x1, x2, isLeft ? -left : right, isLeft);
    const y = anchor(y1, y2, isAbove ? -top : bottom, isAbove);
    const crop: Crop = {
      size,
      toImage: compose(translation(x, y), toCanvas),
      region: [isLeft ? x1 : x, isAbove ? y1 : y, isLeft ? x : x2, isAbove ? y : y2],
      fill: draws.fill,
      effects: draws.effects,
    };
    return { sample: own, crop };
  });
}

/** Computes an image of a batch [height, width, 3]. */
export function renderLayers<S extends Croppable>(layers: readonly Layer<S>[], out: Float32Array): void {
  renderParts(layers[0]!.parts, out);
  const above = layers.length > 1 ? new Float32Array(out.length) : out;
  for (const { parts, weight, box } of layers.slice(1)) {
    renderParts(parts, above);
    mixInto(out, above, parts[0]!.crop.size, { weight, ...(box ? { box } : {}) });
  }
}

function renderParts<S extends Croppable>(parts: readonly Part<S>[], out: Float32Array): void {
  const { size, fill, effects } = parts[0]!.crop;
  const several = parts.length > 1;
  if (several) out.fill(fill);
  for (const { sample, crop } of parts) resample(sample.image, crop, out, several ? undefined : fill);
  applyEffects(out, size, effects);
}

function mixInto(
  out: Float32Array,
  above: Float32Array,
  [, width]: Crop['size'],
  { weight, box }: { readonly weight: number; readonly box?: Box },
): void {
  if (!box) {
    for (let i = 0; i < out.length; i++) out[i] = out[i]! * (1 - weight) + above[i]! * weight;
    return;
  }
  for (let y = box[1]; y < box[3]; y++) {
    const row: Point = [3 * (y * width + box[0]), 3 * (y * width + box[2])];
    out.set(above.subarray(...row), row[0]);
  }
}

/** A batch of a classifier. */
export interface ClassBatch {
  /** Images [N, H, W, 3]. */
  readonly images: Float32Array;
  /** The weight of each class [N, K], which add up to 1 per image: 1 for its own, 0 for the others, before anything is mixed. */
  readonly targets: Float32Array;
}

/**
 * Mixes the images of a classifier's batch by the `mixUp` and `cutMix` of a list, in its order: each with the image before it in the
 * batch, the first with the last, as torchvision does. The targets are mixed by the same weights.
 *
 * @param batch Images and targets; they stay as they are.
 * @param options Height and width of the images, and the list; other transforms in it are for `sampleCrop`, see `splitAugment`.
 * @param random Source of random numbers; each image depends on its place in the batch and the seed alone.
 * @throws UsageError for a list with `mosaic`, of which there are no class labels, and images or targets of other lengths.
 */
export function mixBatch(
  batch: ClassBatch,
  options: { readonly size: Crop['size']; readonly augment: Augment },
  random: Random,
): { images: Float32Array; targets: Float32Array } {
  expectOptions('mixBatch', options, ['size', 'augment']);
  expectArguments(
    'mixBatch',
    { batch, options, random },
    { batch: { images: 'values', targets: 'values' }, options: { size: 'pair' }, random: 'object' },
  );
  const { size } = options;
  const { mixing } = parted(checkAugment(options.augment, 'mixBatch: augment'));
  const pixels = size[0] * size[1] * 3;
  const count = batch.images.length / pixels;
  const classes = batch.targets.length / count;
  if (!(Number.isInteger(count) && Number.isInteger(classes))) {
    throw new UsageError(
      `mixBatch: ${batch.images.length} values are no images of ${size[0]}x${size[1]} with ${batch.targets.length} targets; give images [N, H, W, 3] and targets [N, K]`,
    );
  }
  let { images, targets } = batch;
  mixing.forEach((transform, k) => {
    if (transform.name !== 'mixUp' && transform.name !== 'cutMix') {
      throw new UsageError('mixBatch: augment has mosaic, of which there are no class labels; leave it out');
    }
    const [mixedImages, mixedTargets] = [images.slice(), targets.slice()];
    for (let n = 0; n < count; n++) {
      const own = random.fork(k).fork(n);
      const applied = own.uniform() < (transform.p ?? 1);
      const { weight, box } = drawMix(transform, size, own);
      if (!applied) continue;
      const before = (n + count - 1) % count;
      const at = (list: Float32Array, place: number, length: number): Float32Array =>
        list.subarray(place * length, (place + 1) * length);
      mixInto(
        at(mixedImages, n, pixels),
        at(images, before, pixels),
        size,
        box ? { weight, box } : { weight },
      );
      mixInto(at(mixedTargets, n, classes), at(targets, before, classes), size, { weight });
    }
    images = mixedImages;
    targets = mixedTargets;
  });
  return { images, targets };
}
