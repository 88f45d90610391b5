import { expectArguments } from '../arguments.ts';
import type { Batch } from '../data/batch.ts';
import type { Sample } from '../data/dataset.ts';
import { BACKGROUND } from '../data/stuff.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { knownArchitecture, type ModelName } from './architectures.ts';
import { checkClassWeights } from './classWeights.ts';
import type { DetectTensors, SegmentTensors } from './cropLoader.ts';
import { evaluateDetector, evaluateSegmenter } from './evaluate.ts';
import { Detector, Segmenter } from './infer.ts';
import type { TrainedModel } from './modelFile.ts';
import type { Preprocessing } from './preprocessing.ts';
import { type DetectionModel, detectionLosses, type SegmentationModel, segmentationLosses } from './step.ts';
import type { Task } from './task.ts';

/** What detection and segmentation are judged by. */
export interface CropTaskOptions {
  /** The architecture of the model. */
  readonly name: ModelName;
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** How whole images are prepared for the model. */
  readonly preprocessing: Preprocessing;
  /** Whole images that the model is judged by after each epoch. Default: none. */
  readonly valid?: readonly Sample[];
}

/** What segmentation is judged by, and how its classes count in the loss. */
export interface SegmentTaskOptions extends CropTaskOptions {
  /** The weight of each class in the cross-entropy, the background first. Default: all count the same. */
  readonly classWeights?: readonly number[];
}

/** The options of a task. Throws UsageError for those that cannot be used. */
function checked<Options extends CropTaskOptions>(
  call: string,
  options: Options,
  more: readonly (keyof Options & string)[] = [],
): Options {
  expectOptions(call, options, ['name', 'classNames', 'preprocessing', 'valid', ...more]);
  expectArguments(
    call,
    { options },
    { options: { name: 'text', classNames: ['text'], preprocessing: 'object' } },
  );
  knownArchitecture(call, options.name);
  return options;
}

/** What the tasks of crops share: names of images, and judging a model on whole ones, by what is made of it once. */
function cropTask<
  M extends DetectionModel | SegmentationModel,
  Made extends { readonly trained: TrainedModel },
>(
  valid: readonly Sample[] | undefined,
  make: (gpu: Gpu, model: M) => Made,
  measure: (made: Made, samples: readonly Sample[]) => Promise<Readonly<Record<string, number>>>,
): Required<Pick<Task<Sample, M, Batch>, 'nameOf'>> & Pick<Task<Sample, M, Batch>, 'judge'> {
  let made: Made | undefined;
  const judge = async (gpu: Gpu, model: M) => {
    if (made?.trained.model !== model) made = make(gpu, model);
    const measures = Object.entries(await measure(made, valid!));
    return Object.fromEntries(measures.map(([name, value]) => [name, { value, mode: 'max' as const }]));
  };
  return { nameOf: ({ name }) => name, ...(valid ? { judge } : {}) };
}

/**
 * Finding objects: the losses of the model on the crops of a `CropLoader`, judged by average precision on whole images, as `ap` (the mean
 * over IoU 0.5 to 0.95) and `ap50`, and of models of regions too by panoptic quality, as `pq`.
 */
export function detectTask(options: CropTaskOptions): Task<Sample, DetectionModel, DetectTensors> {
  const { valid, ...trained } = checked('detectTask', options);
  const make = (gpu: Gpu, model: DetectionModel) => new Detector(gpu, { ...trained, model });
  return {
    losses: detectionLosses,
    ...cropTask(valid, make, async (detector, samples) => {
      const { coco, panoptic } = await evaluateDetector(detector, samples);
      return { ap: coco.ap, ap50: coco.ap50, ...(panoptic ? { pq: panoptic.all.pq } : {}) };
    }),
  };
}

/**
 * Classifying every pixel: the losses of the model on the crops of a `CropLoader`, judged on whole images by the mean intersection over union of
 * the classes, as `iou`, and Dice coefficient, as `dice`.
 */
export function segmentTask(options: SegmentTaskOptions): Task<Sample, SegmentationModel, SegmentTensors> {
  const { valid, classWeights, ...trained } = checked('segmentTask', options, ['classWeights']);
  if (classWeights) checkClassWeights('segmentTask', [BACKGROUND, ...trained.classNames], classWeights);
  const make = (gpu: Gpu, model: SegmentationModel) => new Segmenter(gpu, { ...trained, model });
  return {
    losses: (model, batch) => segmentationLosses(model, batch, { classWeights }),
    ...cropTask(valid, make, async (segmenter, samples) => {
      const { iou, dice } = await evaluateSegmenter(segmenter, samples);
      return { iou, dice };
    }),
  };
}
