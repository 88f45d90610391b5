import { type Detection, type Gpu, type PanopticImage, type Segmentation, UsageError } from 'fovea';
import type { ImageSize } from 'fovea/data';
import { colorAt, detectionOverlay } from 'fovea/draw';
import type { OpenedModel } from 'fovea/open';
import { type AugmentationOptions, augmentationOf } from './augmentation.ts';
import type { LoadedImage } from './images.ts';
import {
  classesIn,
  classMask,
  classShapes,
  detectionOutlines,
  detectionShapes,
  panopticDetections,
  regionOutlines,
  regionShapes,
} from './predictions.ts';
import type { ResultFormat } from './resultOptions.ts';
import type { Found } from './results.ts';
import { stuffOf } from './stuff.ts';

/** What a model found in an image, as plain data. */
export type Prediction =
  | { readonly task: 'detect'; readonly detections: readonly Detection[] }
  | { readonly task: 'panoptic'; readonly panoptic: PanopticImage }
  | { readonly task: 'segment'; readonly segmentation: Segmentation };

/** Runs a model on an image. */
export type Predictor = (image: LoadedImage) => Promise<Prediction>;

/** What is asked of a detector. */
export interface DetectOptions extends AugmentationOptions {
  readonly threshold?: number;
  readonly format?: ResultFormat;
}

/** The classes that are regions, of models that find them too. */
export const stuffClasses = ({ trained }: OpenedModel): readonly string[] =>
  trained ? stuffOf(trained.name, trained.model.config, trained.classNames) : [];

/** Throws UsageError for options that a detector cannot follow, as its file alone says. */
export function expectDetectable(model: string, opened: OpenedModel, options: DetectOptions): void {
  const augmentation = augmentationOf(options);
  const { leastScore: least = 0 } = opened;
  const { threshold, format } = options;
  if (threshold !== undefined && threshold < least) {
    throw new UsageError(
      `--threshold: ${model} was exported with ${least}, and has no detection of a lower score; give at least ${least}, or export it again with --threshold ${threshold}`,
    );
  }
  if (format !== 'panoptic') return;
  if (stuffClasses(opened).length === 0) {
    throw new UsageError(
      `--format panoptic: ${model} finds objects alone, not regions; train a panopticfpn, or choose another format`,
    );
  }
  if (augmentation) {
    throw new UsageError(
      '--scales, --flip and --merge are for boxes, not for --format panoptic; leave them out',
    );
  }
}

/** Opens a detector on a device. Throws UsageError for options that it cannot follow. */
export function detectPredictor(
  gpu: Gpu,
  model: string,
  opened: OpenedModel,
  options: DetectOptions,
): Predictor {
  const { threshold, format } = options;
  const augmentation = augmentationOf(options);
  const scoreThreshold = threshold ?? Math.max(0.3, opened.leastScore ?? 0);
  const detector = opened.detector(gpu, { name: model, ...(augmentation ? { augmentation } : {}) });
  if (format === 'masks' && !detector.hasMasks) {
    throw new UsageError(`--format masks: ${model} finds boxes, not masks; choose another format`);
  }
  return async (image) => {
    if (format === 'panoptic' && detector.panoptic) {
      // A threshold that was given is for the segments too.
      const instances = threshold === undefined ? {} : { instanceThreshold: threshold };
      const { panoptic } = await detector.panoptic(image, { scoreThreshold, ...instances });
      return { task: 'panoptic', panoptic };
    }
    return { task: 'detect', detections: await detector.detect(image, { scoreThreshold }) };
  };
}

/** Opens a segmenter on a device. */
export function segmentPredictor(gpu: Gpu, model: string, opened: OpenedModel): Predictor {
  const segmenter = opened.segmenter(gpu, { name: model });
  return async (image) => ({ task: 'segment', segmentation: await segmenter.segment(image) });
}

/** `3 coin, 1 token`, or `2 regions of coin`. */
const tally = (labels: readonly string[], of = ''): string => {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const text = (label: string, count: number) =>
    of === '' ? `${count} ${label}` : `${count} ${of}${count === 1 ? '' : 's'} of ${label}`;
  return [...counts].map(([label, count]) => text(label, count)).join(', ') || 'nothing found';
};

function foundObjects(
  detections: readonly Detection[],
  size: ImageSize,
  classNames: readonly string[],
): Found {
  return {
    shapes: detectionShapes(detections),
    outlines: () => detectionOutlines(detections),
    overlay: () => detectionOverlay(detections, size, { classNames }),
    summary: tally(detections.map(({ label }) => label)),
  };
}

function foundRegions(
  segmentation: Segmentation,
  format: ResultFormat | undefined,
  classNames: readonly string[],
): Found {
  const regions = regionShapes(segmentation, classNames);
  return {
    // A mask of classes has every pixel; other formats have regions, without specks.
    shapes: format === 'masks' ? classShapes(segmentation, classNames) : regions,
    outlines: () => regionOutlines(segmentation, classNames),
    overlay: () => ({
      masks: classesIn(segmentation).map((c) => ({
        mask: classMask(segmentation.labels, c),
        color: colorAt(c),
      })),
    }),
    summary: tally(
      regions.map(({ label }) => label),
      'region',
    ),
  };
}

/** What is written and drawn of a prediction, for an image of this size. */
export function foundOf(
  prediction: Prediction,
  size: ImageSize,
  {
    classNames,
    format,
  }: { readonly classNames: readonly string[]; readonly format?: ResultFormat | undefined },
): Found {
  switch (prediction.task) {
    case 'detect':
      return foundObjects(prediction.detections, size, classNames);
    case 'segment':
      return foundRegions(prediction.segmentation, format, classNames);
    case 'panoptic': {
      const { panoptic } = prediction;
      return { ...foundObjects(panopticDetections(panoptic), size, classNames), panoptic };
    }
  }
}
