import { expectArguments } from '../arguments.ts';
import type { Sample } from '../data/dataset.ts';
import { expectOptions } from '../options.ts';
import type { Box, Point } from '../vision/boxes.ts';
import {
  type DetectionEvaluation,
  DetectionEvaluator,
  detectForEvaluation,
  detectorFields,
} from './detectionEvaluator.ts';
import type { Detection, ObjectDetector, PixelSegmenter, Segmentation } from './infer.ts';
import { type SegmentationEvaluation, SegmentationEvaluator } from './segmentationEvaluator.ts';

/** One image of an evaluation, and what was found in it. */
export interface EvaluatedImage<Found, S extends Sample = Sample> {
  /** The number of the image, from 0. */
  readonly index: number;
  readonly sample: S;
  /** The detections, or the segmentation. */
  readonly found: Found;
}

/** Labelled images: a list, or an iterable that reads one after another, so that they need not be in memory at once. */
export type Samples<S extends Sample = Sample> = readonly S[] | AsyncIterable<S>;

/** Options of `evaluateDetector` and `evaluateSegmenter`: what is evaluated. */
export interface EvaluateOptions<Found = unknown, S extends Sample = Sample> {
  /**
   * Selects objects, labelled or detected, by the centre (x, y) of their box in pixels. The others are ignored; for a
   * segmenter, so are their pixels. Default: all.
   */
  readonly objects?: (centre: Point) => boolean;
  /** For a segmenter: pixels outside of this box are ignored. Default: all count. */
  readonly region?: Box;
  /** Called after each image with what was found in it, which is not kept. The next image waits for it. */
  readonly onImage?: (image: EvaluatedImage<Found, S>) => void | Promise<void>;
}

/** The samples in their order. Throws UsageError for what is no sample. */
async function* eachOf<S extends Sample>(call: string, samples: Samples<S>): AsyncGenerator<S, void> {
  const kind = { image: 'object', annotation: 'object' } as const;
  const isStream = Object(samples) === samples && Symbol.asyncIterator in samples;
  if (!isStream) expectArguments(call, { samples }, { samples: [kind] });
  for await (const sample of samples) {
    if (isStream) expectArguments(call, { sample }, { sample: kind });
    yield sample;
  }
}

/**
 * Computes the average precision of a detector on labelled images, by COCO's rules: at IoU 0.5, and the mean over IoU
 * 0.5 to 0.95. Shapes of a group are one object, as in training. Crowds and difficult objects need not be detected.
 * Detections with a score over 0.01 are evaluated, or over `detector.leastScore` where that is more. Of models of objects and regions
 * the panoptic quality is computed too, with their own threshold for objects.
 *
 * @param detector The detector.
 * @param samples Labelled images.
 * @param options Which objects are evaluated. Default: all.
 */
export async function evaluateDetector<S extends Sample>(
  detector: ObjectDetector,
  samples: Samples<S>,
  options: EvaluateOptions<readonly Detection[], S> = {},
): Promise<DetectionEvaluation> {
  expectOptions('evaluateDetector', options, ['objects', 'region', 'onImage']);
  expectArguments(
    'evaluateDetector',
    { detector },
    { detector: { classNames: ['text'], detect: 'function' } },
  );
  const { onImage, objects } = options;
  const panoptic = !objects;
  const evaluator = new DetectionEvaluator({ ...detectorFields(detector), ...(objects ? { objects } : {}) });
  let index = 0;
  for await (const sample of eachOf('evaluateDetector', samples)) {
    const found = await detectForEvaluation(detector, sample.image, { panoptic });
    await onImage?.({ index, sample, found: found.detections });
    evaluator.add(sample, found);
    index++;
  }
  return evaluator.result();
}

/**
 * Computes intersection over union and Dice coefficient of a segmenter on labelled images, over the pixels of all images.
 *
 * @param segmenter The segmenter.
 * @param samples Labelled images.
 * @param options Which objects and pixels are evaluated. Default: all.
 */
export async function evaluateSegmenter<S extends Sample>(
  segmenter: PixelSegmenter,
  samples: Samples<S>,
  options: EvaluateOptions<Segmentation, S> = {},
): Promise<SegmentationEvaluation> {
  expectOptions('evaluateSegmenter', options, ['objects', 'region', 'onImage']);
  expectArguments(
    'evaluateSegmenter',
    { segmenter },
    { segmenter: { classNames: ['text'], segment: 'function' } },
  );
  const { onImage, objects, region } = options;
  const { classNames } = segmenter;
  const chosen = { ...(objects ? { objects } : {}), ...(region ? { region } : {}) };
  const evaluator = new SegmentationEvaluator({ classNames, ...chosen });
  let index = 0;
  for await (const sample of eachOf('evaluateSegmenter', samples)) {
    const found = await segmenter.segment(sample.image);
    evaluator.add(sample, found);
    await onImage?.({ index, sample, found });
    index++;
  }
  return evaluator.result();
}
