import { expectArguments, shownValue } from '../arguments.ts';
import type { Batch, Loader } from '../data/loader.ts';
import { enlarged, type GridImage, imageGrid } from '../draw/imageGrid.ts';
import { type Overlay, paintOverlay } from '../draw/overlay.ts';
import type { RgbaImage } from '../draw/painter.ts';
import { UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { type BatchStyle, classesOf, imageOf, overlayOf } from './batchImages.ts';
import { Learner } from './learner.ts';
import { arrayOf } from './metrics.ts';
import { predicted } from './predicted.ts';

/** Options of `showBatch`. */
export interface ShowBatchOptions {
  /** The names of the classes. Default: their numbers. */
  readonly classNames?: readonly string[];
  /** How many items are shown at most. Default 9. */
  readonly maxItems?: number;
  /** Images per row. Default: about as many as rows. */
  readonly columns?: number;
  /** Images are enlarged by a whole factor to about so many pixels. Default 256. */
  readonly side?: number;
  /** What the batch calls its images, [N, H, W, 3] or [N, H, W, 1]. Default `images`. */
  readonly images?: string;
  /** What was subtracted from each channel, to be added again. Default 0: values in 0..1 are shown as they are. */
  readonly mean?: readonly number[];
  /** What each channel was divided by, to be multiplied again. Default 1. */
  readonly std?: readonly number[];
}

/** Options of `showResults`. */
export interface ShowResultsOptions<Item, B extends Batch> extends ShowBatchOptions {
  /** What is predicted. Default: the Learner's `valid`, or else `train`. */
  readonly loader?: Loader<Item, B>;
  /** What `Task.predict` calls the scores of classes, [N, K] or [N, H, W, K]. Default `logits`. */
  readonly prediction?: string;
}

const DEFAULTS = {
  classNames: undefined,
  maxItems: 9,
  columns: undefined,
  side: 256,
  images: 'images',
  mean: [0],
  std: [1],
};

function expectSizes(call: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new UsageError(`${call}: ${name} is ${value}; give a whole number above 0`);
  }
}

/** An image with what is drawn on it, enlarged so that lines and names are finer than its pixels. */
function painted(image: RgbaImage, overlay: Overlay, side: number): RgbaImage {
  const factor = Math.max(1, Math.round(side / Math.max(image.width, image.height)));
  const out = enlarged(image, factor);
  paintOverlay(out, overlay, { size: image });
  return out;
}

/**
 * Shows what a model is fed with: the images of a batch, after augmentation, with what the batch says of them drawn on them. Drawn are
 * `boxes` [N, G, 4] with `labels` [N, G] and `counts` [N]; `masks` [N, G, H, W]; `ignored` [N, K, 4], grey; `points` or `keypoints` [N, P, 2] or [N, G, P,
 * 3]; `labels` [N, H, W], the class of each pixel (0: the background), or [N], that of the image.
 *
 * @param given A batch, or a loader, whose first batches are shown.
 * @param options Names, size, and how images were normalised.
 * @returns The images in a grid: for `new ImageData(data, width, height)` in a page, or `encodePng` of fovea/draw.
 * @throws UsageError for a batch without images, ShapeError for shapes that are not those above.
 */
export async function showBatch<Item, B extends Batch>(
  given: B | Loader<Item, B>,
  options: ShowBatchOptions = {},
): Promise<RgbaImage> {
  const { maxItems, columns, side, images, ...style } = withDefaults('showBatch', options, DEFAULTS);
  expectSizes('showBatch', { maxItems, side });
  expectArguments('showBatch', { given }, { given: 'object' });
  const tiles: GridImage[] = [];
  for await (const batch of batchesOf(given)) {
    const pixels = arrayOf('showBatch', batch, images, 'the batch');
    const count = Math.min(pixels.shape[0] ?? 0, maxItems - tiles.length);
    for (let n = 0; n < count; n++) {
      const { overlay, title } = overlayOf('showBatch', batch, n, { ...style, dashed: false });
      const image = painted(imageOf('showBatch', pixels, n, style), overlay, side);
      tiles.push({ image, ...(title === undefined ? {} : { title }) });
    }
    if (tiles.length >= maxItems) break;
  }
  return imageGrid(tiles, columns === undefined ? {} : { columns });
}

async function* batchesOf<Item, B extends Batch>(given: B | Loader<Item, B>): AsyncGenerator<Batch, void> {
  if (isLoader(given)) for await (const { batch } of given.batches(0)) yield batch;
  else yield given;
}

const isLoader = <Item, B extends Batch>(given: B | Loader<Item, B>): given is Loader<Item, B> =>
  typeof given.batches === 'function';

/** Colours of what is right and what is wrong, on a dark strip. */
const [RIGHT, WRONG] = ['#3fb950', '#ff7b72'];

/**
 * Shows what a model predicts of a batch, beside the truth. Classes of images are titles: `dog: cat 0.83` was a dog. Of label maps, boxes, masks and points
 * there are two images each, the truth with dashed lines.
 *
 * @param learner The Learner. Its task predicts `logits`, or the arrays that `showBatch` draws, with `scores` [N, G].
 * @param options What is predicted, names and size.
 * @returns The images in a grid: for `new ImageData(data, width, height)` in a page, or `encodePng` of fovea/draw.
 * @throws UsageError where nothing is predicted that can be drawn; ShapeError for shapes that are not those.
 */
export async function showResults<Item, M extends Module, B extends Batch>(
  learner: Learner<Item, M, B>,
  options: ShowResultsOptions<Item, B> = {},
): Promise<RgbaImage> {
  if (!(learner instanceof Learner)) {
    throw new UsageError(`showResults: learner is ${shownValue(learner)}; give a Learner`);
  }
  const { loader, prediction, maxItems, columns, side, images, ...style } = withDefaults(
    'showResults',
    options,
    { ...DEFAULTS, loader: learner.valid ?? learner.train, prediction: 'logits' },
  );
  expectSizes('showResults', { maxItems, side });
  const tiles: GridImage[] = [];
  let shown = 0;
  for await (const { batch, predictions } of predicted(learner, loader)) {
    const pixels = arrayOf('showResults', batch, images, 'the batch');
    const scores = predictions[prediction];
    const found = scores ? { ...predictions, ...classesOf('showResults', scores) } : predictions;
    for (let n = 0; n < (pixels.shape[0] ?? 0) && shown < maxItems; n++, shown++) {
      tiles.push(...tilesOf(imageOf('showResults', pixels, n, style), batch, found, n, { ...style, side }));
    }
    if (shown >= maxItems) break;
  }
  const pairs = tiles.length > shown;
  const perRow = Math.ceil(Math.sqrt(shown / (pairs ? 2 : 1)));
  return imageGrid(tiles, { columns: columns ?? perRow * (pairs ? 2 : 1) });
}

/** One image with its class and the one predicted as its title, or two: the truth and what was predicted. */
function tilesOf(
  image: RgbaImage,
  batch: Batch,
  found: Batch,
  n: number,
  style: Omit<BatchStyle, 'dashed'> & { readonly side: number },
): GridImage[] {
  const truth = overlayOf('showResults', batch, n, { ...style, dashed: true });
  const guess = overlayOf('showResults', found, n, { ...style, dashed: false });
  if (guess.title !== undefined) {
    const share = found.probabilities?.data[n];
    const right = truth.title === guess.title;
    const title = `${truth.title}: ${guess.title}${share === undefined ? '' : ` ${share.toFixed(2)}`}`;
    return [{ image: painted(image, {}, style.side), title, color: right ? RIGHT! : WRONG! }];
  }
  const { boxes = [], masks = [], points = [] } = guess.overlay;
  const arrays = ['boxes', 'masks', 'labels', 'points', 'keypoints'].filter((name) => found[name]);
  if (boxes.length + masks.length + points.length === 0 && arrays.length === 0) {
    throw new UsageError(
      `showResults: the task predicts ${Object.keys(found).join(', ') || 'nothing'}; let it predict logits, boxes, masks or points, or use showPredictions with a Detector or Segmenter`,
    );
  }
  return [
    { image: painted(image, truth.overlay, style.side), title: 'true' },
    { image: painted(image, guess.overlay, style.side), title: 'predicted' },
  ];
}
