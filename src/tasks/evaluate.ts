import type { AnnotatedShape, Annotation } from '../data/annotation.ts';
import type { Sample } from '../data/dataset.ts';
import { paintPatch } from '../data/maskPatch.ts';
import { objectsOf } from '../data/objects.ts';
import { rasterizePolygon } from '../data/polygon.ts';
import type { Box } from '../vision/boxes.ts';
import {
  CocoEvaluator,
  type CocoSummary,
  ConfusionMatrix,
  type DetectionImage,
  type DetectionResult,
  evaluateDetections,
} from '../vision/metrics/index.ts';
import { type Rle, rleEncode } from '../vision/rle.ts';
import { architectureOf } from './architectures.ts';
import type { Detection, Detector, Segmentation, Segmenter } from './infer.ts';

/** Pixels that count for nothing. */
export const IGNORE = 255;

/** The true class of every pixel, as a network is to say it: 0 background, else class index + 1; IGNORE where nobody labelled. */
export function labelMap(annotation: Annotation, classNames: readonly string[]): Uint8Array {
  const labels = new Uint8Array(annotation.width * annotation.height);
  for (const shape of annotation.shapes) {
    const value = classNames.indexOf(shape.label) + 1;
    paint(labels, annotation, shape, value);
  }
  if (annotation.unlabelled) paintPatch(labels, annotation.unlabelled, annotation, IGNORE);
  return labels;
}

function paint(
  labels: Uint8Array,
  { width, height }: Annotation,
  shape: Annotation['shapes'][number],
  value: number,
): void {
  if (shape.mask) {
    paintPatch(labels, shape.mask, { width, height }, value);
    return;
  }
  const [x1, y1, x2, y2] = shape.box;
  const points = shape.points ?? [
    [x1, y1],
    [x2, y1],
    [x2, y2],
    [x1, y2],
  ];
  rasterizePolygon(points as [number, number][], width, height).forEach((inside, i) => {
    if (inside) labels[i] = value;
  });
}

/** What of an image is judged: everything by default. */
export interface Scope {
  /** Objects, true and found, whose centre is not in here do not count. */
  readonly objects?: (centre: readonly [number, number]) => boolean;
  /** Pixels outside do not count. */
  readonly pixels?: Box;
}

const centreOf = (box: Box): [number, number] => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];

/** The pixels of an object's shapes. */
function objectRle(shapes: readonly AnnotatedShape[], annotation: Annotation): Rle {
  const mask = new Uint8Array(annotation.width * annotation.height);
  for (const shape of shapes) paint(mask, annotation, shape, 1);
  return rleEncode(mask, annotation.width, annotation.height);
}

export interface DetectionEvaluation {
  readonly result: DetectionResult<string>;
  /** COCO's numbers, by size too. */
  readonly coco: CocoSummary<string>;
  /** The same by masks, of models that find them. */
  readonly segm: CocoSummary<string> | undefined;
  /** For each sample, what was judged: objects and detections in scope. */
  readonly images: readonly DetectionImage<string>[];
  /** For each sample, in order: what was found, in scope or not. */
  readonly detections: readonly (readonly Detection[])[];
}

/**
 * Average precision on labelled images (COCO's rules: at IoU .5, and the mean over .5 to .95). Shapes of a group
 * are one object, as in training. Crowds and difficult objects need not be found.
 */
export async function evaluateDetector(
  detector: Detector,
  samples: readonly Sample[],
  { objects = () => true }: Scope = {},
  onImage?: (done: number) => void,
): Promise<DetectionEvaluation> {
  const detections: Detection[][] = [];
  for (const sample of samples) {
    detections.push(await detector.detect(sample.image, { scoreThreshold: 0.01 }));
    onImage?.(detections.length);
  }
  const masks = architectureOf(detector.trained.name).masks ?? false;
  const images = samples.map(({ annotation }, i) => ({
    groundTruth: objectsOf(annotation.shapes)
      .filter(({ box }) => objects(centreOf(box)))
      .map(({ label, box, area, crowd, difficult, shapes }) => ({
        label,
        box,
        ...(masks ? { mask: objectRle(shapes, annotation) } : {}),
        ...(area === undefined ? {} : { area }),
        iscrowd: crowd ?? false,
        ignore: difficult ?? false,
      })),
    predictions: detections[i]!.filter(({ box }) => objects(centreOf(box))).map(({ mask, ...found }) => {
      const shape = { label: found.label, box: found.box, groupId: null };
      const pixels = () => objectRle(mask ? [{ ...shape, mask }] : [], annotation);
      return { ...found, ...(masks ? { mask: pixels() } : {}) };
    }),
  }));
  const classes = detector.trained.classNames;
  const evaluator = new CocoEvaluator({ classes });
  for (const image of images) evaluator.add(image);
  const segm = masks ? new CocoEvaluator({ classes, iouType: 'segm' }) : undefined;
  for (const image of segm ? images : []) segm!.add(image);
  return {
    result: evaluateDetections(images, { classes }),
    coco: evaluator.summarize(),
    segm: segm?.summarize(),
    images,
    detections,
  };
}

export interface SegmentationEvaluation {
  /** Means over the classes that occur, the background left out. */
  readonly iou: number;
  readonly dice: number;
  readonly pixelAccuracy: number;
  /** The mean IoU with the background counted as a class, as benchmarks report it. */
  readonly meanIou: number;
  readonly perClass: readonly { readonly label: string; readonly iou: number; readonly dice: number }[];
  /** Of pixels: 0 is the background, then the classes. */
  readonly confusion: ConfusionMatrix;
  readonly segmentations: readonly Segmentation[];
}

/** Intersection over union and Dice of pixels on labelled images. */
export async function evaluateSegmenter(
  segmenter: Segmenter,
  samples: readonly Sample[],
  { objects = () => true, pixels }: Scope = {},
  onImage?: (done: number) => void,
): Promise<SegmentationEvaluation> {
  const { classNames } = segmenter.trained;
  const confusion = new ConfusionMatrix(classNames.length + 1);
  const segmentations: Segmentation[] = [];
  for (const { image, annotation } of samples) {
    const segmentation = await segmenter.segment(image);
    segmentations.push(segmentation);
    const truth = labelMap(annotation, classNames);
    for (const { box, shapes } of objectsOf(annotation.shapes)) {
      if (!objects(centreOf(box))) for (const shape of shapes) paint(truth, annotation, shape, IGNORE);
    }
    if (pixels) {
      truth.forEach((_, i) => {
        const [x, y] = [i % annotation.width, Math.floor(i / annotation.width)];
        if (x < pixels[0] || y < pixels[1] || x >= pixels[2] || y >= pixels[3]) truth[i] = IGNORE;
      });
    }
    confusion.add(segmentation.labels, truth, IGNORE);
    onImage?.(segmentations.length);
  }
  const ious = confusion.iou();
  const dices = confusion.dice();
  const perClass = classNames.map((label, i) => ({ label, iou: ious[i + 1]!, dice: dices[i + 1]! }));
  const present = perClass.filter(({ iou }) => !Number.isNaN(iou));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1);
  return {
    iou: mean(present.map(({ iou }) => iou)),
    dice: mean(present.map(({ dice }) => dice)),
    pixelAccuracy: confusion.pixelAccuracy,
    meanIou: confusion.meanIou,
    perClass,
    confusion,
    segmentations,
  };
}
