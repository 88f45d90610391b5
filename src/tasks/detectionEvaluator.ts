import { expectArguments } from '../arguments.ts';
import type { AnnotatedShape, Annotation } from '../data/annotation.ts';
import type { Sample } from '../data/dataset.ts';
import type { FloatImage } from '../data/image.ts';
import { objectsOf } from '../data/objects.ts';
import { withDefaults } from '../options.ts';
import type { Box, Point } from '../vision/boxes.ts';
import { CocoEvaluator } from '../vision/metrics/coco.ts';
import type { CocoSummary } from '../vision/metrics/cocoSummary.ts';
import {
  type DetectionImage,
  type DetectionResult,
  evaluateDetections,
} from '../vision/metrics/detection.ts';
import { PanopticQuality, type PanopticResult } from '../vision/metrics/panoptic.ts';
import { type Rle, rleEncode } from '../vision/rle.ts';
import type { GpuImage } from './gpuImage.ts';
import type { Detection, ObjectDetector } from './infer.ts';
import { paint } from './labelMap.ts';
import { type PanopticImage, panopticTruth } from './panoptic.ts';

/** The centre of a box. */
export const centreOf = (box: Box): Point => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];

/** The mask of an object. */
function objectRle(shapes: readonly AnnotatedShape[], annotation: Annotation): Rle {
  const mask = new Uint8Array(annotation.width * annotation.height);
  for (const shape of shapes) paint(mask, annotation, shape, 1);
  return rleEncode(mask, annotation);
}

/** Regions to ignore as crowds of every class: what is detected there is neither right nor wrong. */
const ignoredTruth = (annotation: Annotation, classes: readonly string[], masks: boolean) =>
  (annotation.ignored ?? []).flatMap((region) =>
    classes.map((label) => ({
      label,
      box: region.box,
      ...(masks ? { mask: objectRle([{ ...region, label, groupId: null }], annotation) } : {}),
      iscrowd: true,
      ignore: true,
    })),
  );

/** What `evaluateDetector` returns. */
export interface DetectionEvaluation {
  /** Average precision of boxes, with curves. */
  readonly result: DetectionResult<string>;
  /** COCO's metrics of boxes, by object size too. */
  readonly coco: CocoSummary<string>;
  /** COCO's metrics of masks; undefined for models without masks. */
  readonly segm: CocoSummary<string> | undefined;
  /** Panoptic quality; undefined for models without regions, and where `EvaluateOptions.objects` selects. */
  readonly panoptic?: PanopticResult<string>;
  /** What was evaluated for each sample: the selected objects and detections. */
  readonly images: readonly DetectionImage<string>[];
}

/** Detections with this score or less are not evaluated: they would change AP by next to nothing. */
export const EVALUATED_SCORE = 0.01;

/** What a detector found in an image, as an evaluation takes it. */
export interface DetectionsToEvaluate {
  readonly detections: readonly Detection[];
  /** The segments, of models of objects and regions. */
  readonly panoptic?: PanopticImage;
}

/**
 * Runs a detector on an image as `evaluateDetector` does: with detections of scores down to 0.01, or `detector.leastScore` where that is more.
 *
 * @param detector The detector.
 * @param image The image.
 * @param options `panoptic`: whether models of objects and regions divide the image too. Default true.
 * @returns What `DetectionEvaluator.add` takes, as plain data: it may come from another process.
 */
export async function detectForEvaluation(
  detector: ObjectDetector,
  image: FloatImage | GpuImage,
  options: { readonly panoptic?: boolean } = {},
): Promise<DetectionsToEvaluate> {
  const { panoptic } = withDefaults('detectForEvaluation', options, { panoptic: true });
  expectArguments('detectForEvaluation', { detector }, { detector: { detect: 'function' } });
  const scoreThreshold = Math.max(EVALUATED_SCORE, detector.leastScore ?? 0);
  if (panoptic && detector.panoptic) return detector.panoptic(image, { scoreThreshold });
  return { detections: await detector.detect(image, { scoreThreshold }) };
}

/** What `DetectionEvaluator` needs to know. */
export interface DetectionEvaluatorOptions {
  /** The classes of objects. */
  readonly classNames: readonly string[];
  /** Whether detections have masks. Default false. */
  readonly hasMasks?: boolean;
  /** The classes of regions ("stuff"), of models that find them too: what is labelled so is no object. Default: none. */
  readonly stuff?: readonly string[];
  /** Whether panoptic quality is computed, of `found.panoptic`. Default false. */
  readonly panoptic?: boolean;
  /** Selects objects by the centre of their box, as for `evaluateDetector`. There is no panoptic quality then. Default: all. */
  readonly objects?: (centre: Point) => boolean;
}

/** The properties of a detector that its evaluation needs. */
export const detectorFields = ({ classNames, hasMasks, stuff, panoptic }: ObjectDetector) => ({
  ...{ classNames, hasMasks },
  ...{ stuff: stuff ?? [], panoptic: panoptic !== undefined },
});

/**
 * Evaluates detections that were made elsewhere, as in other processes or by another framework: `evaluateDetector` without the detector. The
 * same detections in the same order give the same numbers.
 */
export class DetectionEvaluator {
  readonly #classes: readonly string[];
  readonly #masks: boolean;
  readonly #stuff: readonly string[];
  readonly #objects: (centre: Point) => boolean;
  readonly #quality: PanopticQuality<string> | undefined;
  readonly #images: DetectionImage<string>[] = [];

  /**
   * @param options The classes, and what is known of them.
   * @throws UsageError for options that cannot be.
   */
  constructor(options: DetectionEvaluatorOptions) {
    const call = 'DetectionEvaluator';
    const { classNames, hasMasks, stuff, panoptic, objects } = withDefaults(call, options, {
      classNames: undefined as never,
      hasMasks: false,
      stuff: [],
      panoptic: false,
      objects: undefined,
    });
    expectArguments(
      call,
      { options },
      { options: { classNames: ['text'], 'stuff?': ['text'], 'panoptic?': 'flag', 'objects?': 'function' } },
    );
    this.#classes = classNames;
    this.#masks = hasMasks;
    this.#stuff = stuff;
    this.#objects = objects ?? (() => true);
    this.#quality = panoptic && !objects ? new PanopticQuality({ things: classNames, stuff }) : undefined;
  }

  /**
   * Adds an image.
   *
   * @param sample Its annotation.
   * @param found What was found in it, with scores down to 0.01 (`EVALUATED_SCORE`).
   */
  add(sample: Pick<Sample, 'annotation'>, found: DetectionsToEvaluate): void {
    expectArguments(
      'DetectionEvaluator.add',
      { sample, found },
      { sample: { annotation: 'object' }, found: { detections: ['object'] } },
    );
    const { annotation } = sample;
    const { detections, panoptic } = found;
    if (panoptic) this.#quality?.add(panoptic, panopticTruth(annotation, this.#stuff));
    this.#images.push(this.#image(annotation, detections));
  }

  /** The metrics of all images that were added. */
  result(): DetectionEvaluation {
    const [classes, images] = [this.#classes, this.#images];
    const evaluator = new CocoEvaluator({ classes });
    for (const image of images) evaluator.add(image);
    const segm = this.#masks ? new CocoEvaluator({ classes, iouType: 'segm' }) : undefined;
    for (const image of segm ? images : []) segm!.add(image);
    return {
      result: evaluateDetections(images, { classes }),
      coco: evaluator.summarize(),
      segm: segm?.summarize(),
      ...(this.#quality ? { panoptic: this.#quality.result() } : {}),
      images,
    };
  }

  /** Objects and detections of an image as metrics take them. */
  #image(annotation: Annotation, detections: readonly Detection[]): DetectionImage<string> {
    const masks = this.#masks;
    return {
      groundTruth: [
        ...ignoredTruth(annotation, this.#classes, masks),
        ...objectsOf(annotation.shapes)
          .filter(({ label, box }) => !this.#stuff.includes(label) && this.#objects(centreOf(box)))
          .map(({ label, box, area, crowd, difficult, shapes }) => ({
            label,
            box,
            ...(masks ? { mask: objectRle(shapes, annotation) } : {}),
            ...(area === undefined ? {} : { area }),
            iscrowd: crowd ?? false,
            ignore: difficult ?? false,
          })),
      ],
      predictions: detections
        .filter(({ box }) => this.#objects(centreOf(box)))
        .map(({ mask, ...found }) => {
          const shape = { label: found.label, box: found.box, groupId: null };
          const pixels = () => objectRle(mask ? [{ ...shape, mask }] : [], annotation);
          return { ...found, ...(masks ? { mask: pixels() } : {}) };
        }),
    };
  }
}
