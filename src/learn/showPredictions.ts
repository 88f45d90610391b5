import { expectArguments } from '../arguments.ts';
import { IGNORE_INDEX } from '../data/cropTargets.ts';
import type { Sample } from '../data/dataset.ts';
import type { FloatImage } from '../data/image.ts';
import { shrinkSample } from '../data/resize.ts';
import { annotationOverlay, detectionOverlay } from '../draw/annotationOverlay.ts';
import type { UndrawnText } from '../draw/glyphs.ts';
import type { GridImage } from '../draw/imageGrid.ts';
import type { Overlay } from '../draw/overlay.ts';
import type { RgbaImage } from '../draw/painter.ts';
import { DataError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { evaluateDetector } from '../tasks/evaluate.ts';
import type { Detection, ObjectDetector, PixelSegmenter } from '../tasks/infer.ts';
import { labelMap } from '../tasks/labelMap.ts';
import { detectionErrors } from '../vision/metrics/detectionErrors.ts';
import { labelMasks } from './batchImages.ts';
import { expectSizes, gridOf, painted } from './tiles.ts';

/** Options of `showPredictions`. */
export interface ShowPredictionsOptions {
  /** How many images are shown at most. Default 9. */
  readonly maxItems?: number;
  /** Pairs of images per row. Default 1. */
  readonly columns?: number;
  /** Images are shrunk to this longer side, in pixels. Default 640. */
  readonly side?: number;
  /** Shows the images with the most errors, worst first; of a segmenter, with the most wrong pixels. Default false: in the order given. */
  readonly worstFirst?: boolean;
  /** Leaves out detections with a lower score. Default 0.5. */
  readonly scoreThreshold?: number;
  /** Receives names in scripts that have no glyphs here: see `ShowBatchOptions`. Default: their characters become boxes. */
  readonly undrawn?: UndrawnText[];
}

/** An image with its two overlays. */
interface Judged {
  readonly sample: Sample;
  readonly truth: Overlay;
  readonly found: Overlay;
  /** What is written above what was predicted. */
  readonly title: string;
  readonly errors: number;
}

/**
 * Shows what a detector or a segmenter finds in whole images, beside what is labelled. Above each image is its name, and what is wrong:
 * a detector's errors by the types of `detectionErrors`, a segmenter's share of right pixels.
 *
 * @param model A `Detector` or `Segmenter`.
 * @param samples Labelled images.
 * @param options How many, which first, and their size.
 * @returns Pairs of images in a grid: for `drawOnCanvas` of fovea/draw in a page, or its `encodePng`.
 * @throws DataError without a sample.
 */
export async function showPredictions(
  model: ObjectDetector | PixelSegmenter,
  samples: readonly Sample[],
  options: ShowPredictionsOptions = {},
): Promise<RgbaImage> {
  expectArguments(
    'showPredictions',
    { model, samples },
    { model: { classNames: ['text'] }, samples: [{ name: 'text', image: 'object', annotation: 'object' }] },
  );
  const filled = withDefaults('showPredictions', options, {
    maxItems: 9,
    columns: 1,
    side: 640,
    worstFirst: false,
    scoreThreshold: 0.5,
    undrawn: undefined,
  });
  const { maxItems, columns, side, worstFirst, scoreThreshold, undrawn } = filled;
  expectSizes('showPredictions', { maxItems, columns, side });
  if (samples.length === 0) throw new DataError('showPredictions: there are no samples; give at least one');
  const judged =
    'detect' in model
      ? await judgeDetector(model, samples, scoreThreshold)
      : await judgeSegmenter(model, samples);
  const shown = worstFirst ? judged.toSorted((a, b) => b.errors - a.errors) : judged;
  const tiles = shown.slice(0, maxItems).flatMap(({ sample, truth, found, title }): GridImage[] => [
    { ...tile(sample, truth, filled), title: `${sample.name}: true` },
    { ...tile(sample, found, filled), title },
  ]);
  return gridOf(tiles, { columns: 2 * columns, ...(undrawn ? { undrawn } : {}) });
}

/** An image of a sample, shrunk, with what is drawn on it. */
function tile(
  sample: Sample,
  overlay: Overlay,
  { side, undrawn }: Required<Pick<ShowPredictionsOptions, 'side'>> & Pick<ShowPredictionsOptions, 'undrawn'>,
): Pick<GridImage, 'image' | 'texts'> {
  return painted(rgbaOf(shrinkSample(sample, side).image), overlay, sample.image, undrawn);
}

function rgbaOf({ width, height, data }: FloatImage): RgbaImage {
  const out = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = 255 * data[3 * i + c]!;
  }
  return { width, height, data: out };
}

async function judgeDetector(
  detector: ObjectDetector,
  samples: readonly Sample[],
  scoreThreshold: number,
): Promise<Judged[]> {
  const { classNames } = detector;
  const detections: (readonly Detection[])[] = [];
  const { images } = await evaluateDetector(detector, samples, {
    onImage: ({ found }) => void detections.push(found),
  });
  const { images: judged } = detectionErrors(images, { classes: classNames, scoreThreshold });
  return samples.map((sample, i) => {
    const { counts, total, correct } = judged[i]!;
    const wrong = Object.entries(counts).flatMap(([type, count]) => (count > 0 ? [`${count} ${type}`] : []));
    return {
      sample,
      truth: annotationOverlay(sample.annotation, { classNames, dashed: true }),
      found: detectionOverlay(
        detections[i]!.filter(({ score }) => score >= scoreThreshold),
        sample.image,
        { classNames },
      ),
      title: `predicted: ${[`${correct} right`, ...wrong].join(', ')}`,
      errors: total,
    };
  });
}

async function judgeSegmenter(segmenter: PixelSegmenter, samples: readonly Sample[]): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const sample of samples) {
    const { labels } = await segmenter.segment(sample.image);
    const truth = labelMap(sample.annotation, segmenter.classNames);
    let [right, counted] = [0, 0];
    for (let i = 0; i < truth.length; i++) {
      if (truth[i] === IGNORE_INDEX) continue;
      counted++;
      if (truth[i] === labels[i]) right++;
    }
    judged.push({
      sample,
      truth: { masks: labelMasks(truth) },
      found: { masks: labelMasks(labels) },
      title: `predicted: ${((100 * right) / Math.max(1, counted)).toFixed(1)}% of the pixels right`,
      errors: (counted - right) / Math.max(1, counted),
    });
  }
  return judged;
}
