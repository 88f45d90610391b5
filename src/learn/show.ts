import { expectArguments, shownValue } from '../arguments.ts';
import { type Batch, isLoader, type Loader } from '../data/loader.ts';
import type { UndrawnText } from '../draw/glyphs.ts';
import { enlarged, type GridImage } from '../draw/imageGrid.ts';
import type { Overlay } from '../draw/overlay.ts';
import type { RgbaImage } from '../draw/painter.ts';
import { UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { arrayOf } from '../tasks/metrics.ts';
import { type BatchStyle, classesOf, imageOf, overlayOf } from './batchImages.ts';
import { Learner } from './learner.ts';
import { predicted } from './predicted.ts';
import { expectSizes, gridOf, painted } from './tiles.ts';

/** Options of `showBatch`. */
export interface ShowBatchOptions {
  /** The names of the classes. Default: their numbers. */
  readonly classNames?: readonly string[];
  /** How many items are shown at most. Default 9. */
  readonly maxItems?: number;
  /** Images per row. Default: about as many as rows. */
  readonly columns?: number;
  /** The side in pixels to which small images are enlarged, approximately: by a whole factor. Default 256. */
  readonly side?: number;
  /** What the batch calls its images, [N, H, W, 3] or [N, H, W, 1]. Default `images`. */
  readonly images?: string;
  /** What was subtracted from each channel, to be added again. Default 0: values in 0..1 are shown as they are. */
  readonly mean?: readonly number[];
  /** What each channel was divided by, to be multiplied again. Default 1. */
  readonly std?: readonly number[];
  /**
   * Receives names in scripts that have no glyphs here, for `drawOnCanvas` of fovea/draw, or for the caller to draw. Default: their characters become
   * boxes.
   */
  readonly undrawn?: UndrawnText[];
}

/** Options of `showResults`. */
export interface ShowResultsOptions<Item, B extends Batch> extends ShowBatchOptions {
  /** What is predicted. Default: the Learner's `valid`, or else `train`. */
  readonly loader?: Loader<Item, B>;
  /** What `Task.predict` calls the scores of classes, [N, K] or [N, H, W, K]. Default `logits`. */
  readonly prediction?: string;
}

/** How batches are shown. */
type Style = Omit<BatchStyle, 'dashed'> &
  Required<Pick<ShowBatchOptions, 'maxItems' | 'side' | 'images'>> &
  Pick<ShowBatchOptions, 'columns' | 'undrawn'>;

const DEFAULTS = {
  classNames: undefined,
  maxItems: 9,
  columns: undefined,
  side: 256,
  images: 'images',
  mean: [0],
  std: [1],
  undrawn: undefined,
};

/** An image with what is drawn on it, enlarged so that lines and names are finer than its pixels. */
function tile(
  image: RgbaImage,
  overlay: Overlay,
  { side, undrawn }: Pick<Style, 'side' | 'undrawn'>,
): Pick<GridImage, 'image' | 'texts'> {
  const factor = Math.max(1, Math.round(side / Math.max(image.width, image.height)));
  return painted(enlarged(image, factor), overlay, image, undrawn);
}

/**
 * Shows what a model is fed with: the images of a batch, after augmentation, with what the batch says of them drawn on them. Drawn are
 * `boxes` [N, G, 4] with `labels` [N, G] and `counts` [N]; `masks` [N, G, H, W]; `ignored` [N, K, 4], grey; `points` or `keypoints` [N, P, 2] or [N, G, P,
 * 3], without those that are 0 in `visible` [N, P]; `labels` [N, H, W], the class of each pixel (0: the background), or [N], that of the
 * image.
 *
 * @param given A batch, or a loader, whose first batches are shown.
 * @param options Names, size, and how images were normalised.
 * @returns The images in a grid: for `drawOnCanvas` of fovea/draw in a page, or its `encodePng`.
 * @throws UsageError for a batch without images, ShapeError for shapes that are not those above.
 */
export async function showBatch<Item, B extends Batch>(
  given: B | Loader<Item, B>,
  options: ShowBatchOptions = {},
): Promise<RgbaImage> {
  const style = withDefaults('showBatch', options, DEFAULTS);
  return gridOf(await tilesOfBatch('showBatch', given, style), style);
}

/**
 * The images that `showBatch` puts into a grid, one by one, for a page of your own.
 *
 * @param given A batch, or a loader, whose first batches are shown.
 * @param options Names, size, and how images were normalised. `columns` has no effect.
 * @returns Each image with what is drawn on it; with the name of its class as its title where it has one.
 * @throws UsageError for a batch without images, ShapeError for shapes that `showBatch` does not take.
 */
export async function batchImages<Item, B extends Batch>(
  given: B | Loader<Item, B>,
  options: ShowBatchOptions = {},
): Promise<GridImage[]> {
  return tilesOfBatch('batchImages', given, withDefaults('batchImages', options, DEFAULTS));
}

async function tilesOfBatch<Item, B extends Batch>(
  call: string,
  given: B | Loader<Item, B>,
  style: Style,
): Promise<GridImage[]> {
  const { maxItems, side } = style;
  expectSizes(call, { maxItems, side });
  expectArguments(call, { given }, { given: 'object' });
  const tiles: GridImage[] = [];
  for await (const batch of batchesOf(given)) {
    const pixels = arrayOf(call, batch, style.images, 'the batch');
    const count = Math.min(pixels.shape[0] ?? 0, maxItems - tiles.length);
    for (let n = 0; n < count; n++) {
      const { overlay, title } = overlayOf(call, batch, n, { ...style, dashed: false });
      const shown = tile(imageOf(call, pixels, n, style), overlay, style);
      tiles.push({ ...shown, ...(title === undefined ? {} : { title }) });
    }
    if (tiles.length >= maxItems) break;
  }
  return tiles;
}

async function* batchesOf<Item, B extends Batch>(given: B | Loader<Item, B>): AsyncGenerator<Batch, void> {
  if (isLoader<Item, B>(given)) for await (const { batch } of given.batches(0)) yield batch;
  else yield given;
}

/** Colours of what is right and what is wrong, on a dark strip. */
const [RIGHT, WRONG] = ['#3fb950', '#ff7b72'];

/**
 * Shows what a model predicts of a batch, beside the truth. Classes of images are titles: `dog: cat 0.83` was a dog. Of label maps, boxes, masks and points
 * there are two images each, the truth with dashed lines.
 *
 * @param learner The Learner. Its task predicts `logits`, or the arrays that `showBatch` draws, with `scores` [N, G].
 * @param options What is predicted, names and size.
 * @returns The images in a grid: for `drawOnCanvas` of fovea/draw in a page, or its `encodePng`.
 * @throws UsageError where nothing is predicted that can be drawn; ShapeError for shapes that are not those.
 */
export async function showResults<Item, M extends Module, B extends Batch>(
  learner: Learner<Item, M, B>,
  options: ShowResultsOptions<Item, B> = {},
): Promise<RgbaImage> {
  if (!(learner instanceof Learner)) {
    throw new UsageError(`showResults: learner is ${shownValue(learner)}; give a Learner`);
  }
  const { loader, prediction, ...style } = withDefaults('showResults', options, {
    ...DEFAULTS,
    loader: learner.valid ?? learner.train,
    prediction: 'logits',
  });
  const { maxItems, side, images } = style;
  expectSizes('showResults', { maxItems, side });
  const tiles: GridImage[] = [];
  let shown = 0;
  for await (const { batch, predictions } of predicted(learner, loader)) {
    const pixels = arrayOf('showResults', batch, images, 'the batch');
    const scores = predictions[prediction];
    const found = scores ? { ...predictions, ...classesOf('showResults', scores) } : predictions;
    for (let n = 0; n < (pixels.shape[0] ?? 0) && shown < maxItems; n++, shown++) {
      tiles.push(...tilesOf(imageOf('showResults', pixels, n, style), batch, found, n, style));
    }
    if (shown >= maxItems) break;
  }
  const pairs = tiles.length > shown;
  const perRow = Math.ceil(Math.sqrt(shown / (pairs ? 2 : 1)));
  return gridOf(tiles, { ...style, columns: style.columns ?? perRow * (pairs ? 2 : 1) });
}

/** One image with its class and the one predicted as its title, or two: the truth and what was predicted. */
function tilesOf(image: RgbaImage, batch: Batch, found: Batch, n: number, style: Style): GridImage[] {
  const truth = overlayOf('showResults', batch, n, { ...style, dashed: true });
  const guess = overlayOf('showResults', found, n, { ...style, dashed: false });
  if (guess.title !== undefined) {
    const share = found.probabilities?.data[n];
    const right = truth.title === guess.title;
    const title = `${truth.title}: ${guess.title}${share === undefined ? '' : ` ${share.toFixed(2)}`}`;
    return [{ ...tile(image, {}, style), title, color: right ? RIGHT! : WRONG! }];
  }
  const { boxes = [], masks = [], points = [] } = guess.overlay;
  const arrays = ['boxes', 'masks', 'labels', 'points', 'keypoints'].filter((name) => found[name]);
  if (boxes.length + masks.length + points.length === 0 && arrays.length === 0) {
    throw new UsageError(
      `showResults: the task predicts ${Object.keys(found).join(', ') || 'nothing'}; let it predict logits, boxes, masks or points, or use showPredictions with a Detector or Segmenter`,
    );
  }
  return [
    { ...tile(image, truth.overlay, style), title: 'true' },
    { ...tile(image, guess.overlay, style), title: 'predicted' },
  ];
}
