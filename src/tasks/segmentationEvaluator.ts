import { expectArguments } from '../arguments.ts';
import { IGNORE_INDEX } from '../data/cropTargets.ts';
import type { Sample } from '../data/dataset.ts';
import { objectsOf } from '../data/objects.ts';
import { withDefaults } from '../options.ts';
import type { Box, Point } from '../vision/boxes.ts';
import { ConfusionMatrix } from '../vision/metrics/confusion.ts';
import { centreOf } from './detectionEvaluator.ts';
import type { Segmentation } from './infer.ts';
import { labelMap, paint } from './labelMap.ts';

/** What `evaluateSegmenter` returns. */
export interface SegmentationEvaluation {
  /** Mean intersection over union of the classes that occur, without the background, 0..1. */
  readonly iou: number;
  /** Mean Dice coefficient of the classes that occur, without the background, 0..1. */
  readonly dice: number;
  /** Fraction of pixels classified correctly, 0..1. */
  readonly pixelAccuracy: number;
  /** Mean intersection over union with the background counted as a class, as benchmarks report it. */
  readonly meanIou: number;
  /** Intersection over union and Dice of each class; NaN for a class that does not occur. */
  readonly perClass: readonly { readonly label: string; readonly iou: number; readonly dice: number }[];
  /** Confusion matrix of pixels: the background first, then the classes. */
  readonly confusion: ConfusionMatrix;
}

/** What `SegmentationEvaluator` needs to know. */
export interface SegmentationEvaluatorOptions {
  /** The classes, without the background: labels from 1 on. */
  readonly classNames: readonly string[];
  /** Selects objects by the centre of their box; pixels of the others are ignored. Default: all. */
  readonly objects?: (centre: Point) => boolean;
  /** Pixels outside of this box are ignored. Default: all count. */
  readonly region?: Box;
}

/**
 * Evaluates segmentations that were made elsewhere, as in other processes or by another framework: `evaluateSegmenter` without the segmenter. The
 * same label maps give the same numbers.
 */
export class SegmentationEvaluator {
  readonly #classes: readonly string[];
  readonly #objects: (centre: Point) => boolean;
  readonly #region: Box | undefined;
  readonly #confusion: ConfusionMatrix;

  /**
   * @param options The classes, and which objects and pixels are evaluated.
   * @throws UsageError for options that cannot be.
   */
  constructor(options: SegmentationEvaluatorOptions) {
    const call = 'SegmentationEvaluator';
    const { classNames, objects, region } = withDefaults(call, options, {
      classNames: undefined as never,
      objects: undefined,
      region: undefined,
    });
    expectArguments(call, { options }, { options: { classNames: ['text'], 'objects?': 'function' } });
    this.#classes = classNames;
    this.#objects = objects ?? (() => true);
    this.#region = region;
    this.#confusion = new ConfusionMatrix(classNames.length + 1);
  }

  /**
   * Adds an image.
   *
   * @param sample Its annotation.
   * @param found The class of each of its pixels.
   * @throws ShapeError for a label map of another size.
   */
  add(sample: Pick<Sample, 'annotation'>, found: Pick<Segmentation, 'labels'>): void {
    expectArguments(
      'SegmentationEvaluator.add',
      { sample, found },
      { sample: { annotation: 'object' }, found: { labels: 'object' } },
    );
    const { annotation } = sample;
    const [truth, region] = [labelMap(annotation, this.#classes), this.#region];
    for (const { box, shapes } of objectsOf(annotation.shapes)) {
      if (!this.#objects(centreOf(box))) {
        for (const shape of shapes) paint(truth, annotation, shape, IGNORE_INDEX);
      }
    }
    if (region) {
      truth.forEach((_, i) => {
        const [x, y] = [i % annotation.width, Math.floor(i / annotation.width)];
        if (x < region[0] || y < region[1] || x >= region[2] || y >= region[3]) truth[i] = IGNORE_INDEX;
      });
    }
    this.#confusion.add(found.labels, truth, { ignoreIndex: IGNORE_INDEX });
  }

  /** The metrics of all images that were added. */
  result(): SegmentationEvaluation {
    const confusion = this.#confusion;
    const ious = confusion.iou();
    const dices = confusion.dice();
    const perClass = this.#classes.map((label, i) => ({ label, iou: ious[i + 1]!, dice: dices[i + 1]! }));
    const present = perClass.filter(({ iou }) => !Number.isNaN(iou));
    const mean = (values: readonly number[]) =>
      values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1);
    return {
      iou: mean(present.map(({ iou }) => iou)),
      dice: mean(present.map(({ dice }) => dice)),
      pixelAccuracy: confusion.pixelAccuracy,
      meanIou: confusion.meanIou,
      perClass,
      confusion,
    };
  }
}
