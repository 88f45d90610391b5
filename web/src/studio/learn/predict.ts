/** What a model finds in one picture, as plain data. */
import type { Classification, Detection, GpuImage, Segmentation } from 'fovea';
import { type FloatImage, scaleAnnotation } from 'fovea/data';
import type { ImageSize } from 'fovea/vision';
import type { RunningModel } from './modelShelf.ts';

export interface PredictOptions {
  /** Detections with this score or less are left out. Default 0.05; more where the model has no lower ones. */
  readonly scoreThreshold?: number;
  /** How many classes a classifier names at most. Default 10. */
  readonly topK?: number;
}

/** What was found, in pixels of the picture. */
export type Found =
  | { readonly task: 'detect'; readonly detections: readonly Detection[] }
  /** The map may be smaller than the picture, where that is larger than can be decoded. */
  | { readonly task: 'segment'; readonly map: Segmentation; readonly classNames: readonly string[] }
  /** By falling probability. */
  | { readonly task: 'classify'; readonly classes: readonly Classification[] };

export type Prediction = Found & {
  /** The picture's size, to which positions refer. */
  readonly width: number;
  readonly height: number;
  /** Milliseconds that the model took; the first picture of a size compiles the program for it. */
  readonly spent: number;
};

const LEAST_SCORE = 0.05;
const MOST_CLASSES = 10;

/** Detections of a picture that was shrunk, at the size of the picture. */
export function scaledDetections(
  detections: readonly Detection[],
  from: ImageSize,
  to: ImageSize,
): readonly Detection[] {
  if (from.width === to.width && from.height === to.height) return detections;
  const { width, height } = from;
  const shapes = detections.map((found) => ({ ...found, groupId: null }));
  return scaleAnnotation({ width, height, shapes }, to).shapes.map(({ box, label, score, mask }) => ({
    ...{ box, label, score: score! },
    ...(mask ? { mask } : {}),
  }));
}

/**
 * Runs a model on a picture.
 *
 * @param image The pixels, which may be fewer than those of the picture; or an image on the model's GPU.
 * @param size The picture's size.
 */
export async function predict(
  model: RunningModel,
  image: FloatImage | GpuImage,
  { width, height }: ImageSize,
  { scoreThreshold = LEAST_SCORE, topK = MOST_CLASSES }: PredictOptions = {},
): Promise<Prediction> {
  const began = performance.now();
  const found = await find();
  return { ...found, width, height, spent: performance.now() - began };

  async function find(): Promise<Found> {
    switch (model.task) {
      case 'detect': {
        const least = Math.max(scoreThreshold, model.run.leastScore ?? 0);
        const detections = await model.run.detect(image, { scoreThreshold: least });
        return { task: 'detect', detections: scaledDetections(detections, image, { width, height }) };
      }
      case 'segment':
        return {
          task: 'segment',
          map: await model.run.segment(image),
          classNames: model.run.classNames,
        };
      case 'classify': {
        const most = Math.min(topK, model.run.classNames.length);
        return { task: 'classify', classes: await model.run.classify(image, { topK: most }) };
      }
    }
  }
}
