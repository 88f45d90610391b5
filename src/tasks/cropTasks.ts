import { expectArguments } from '../arguments.ts';
import type { Sample } from '../data/dataset.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { knownArchitecture, type ModelName } from './architectures.ts';
import type { DetectTensors, SegmentTensors } from './cropLoader.ts';
import { evaluateDetector, evaluateSegmenter } from './evaluate.ts';
import { Detector, Segmenter } from './infer.ts';
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

const nameOf = ({ name }: Sample): string => name;

/**
 * Finding objects: the losses of the model on the crops of a `CropLoader`, judged by average precision on whole images, as `ap` (the mean
 * over IoU 0.5 to 0.95) and `ap50`, and of models of regions too by panoptic quality, as `pq`.
 */
export function detectTask(options: CropTaskOptions): Task<Sample, DetectionModel, DetectTensors> {
  const { valid, ...trained } = checked('detectTask', options);
  let detector: Detector | undefined;
  const judge = async (gpu: Gpu, model: DetectionModel, samples: readonly Sample[]) => {
    if (detector?.trained.model !== model) detector = new Detector(gpu, { ...trained, model });
    const { coco, panoptic } = await evaluateDetector(detector, samples);
    return {
      ap: { value: coco.ap, mode: 'max' as const },
      ap50: { value: coco.ap50, mode: 'max' as const },
      ...(panoptic ? { pq: { value: panoptic.all.pq, mode: 'max' as const } } : {}),
    };
  };
  return {
    losses: detectionLosses,
    nameOf,
    ...(valid ? { judge: (gpu, model) => judge(gpu, model, valid) } : {}),
  };
}

/**
 * Classifying every pixel: the losses of the model on the crops of a `CropLoader`, judged on whole images by the mean intersection over union of
 * the classes, as `iou`, and Dice coefficient, as `dice`.
 */
export function segmentTask(options: SegmentTaskOptions): Task<Sample, SegmentationModel, SegmentTensors> {
  const { valid, classWeights, ...trained } = checked('segmentTask', options, ['classWeights']);
  let segmenter: Segmenter | undefined;
  const judge = async (gpu: Gpu, model: SegmentationModel, samples: readonly Sample[]) => {
    if (segmenter?.trained.model !== model) segmenter = new Segmenter(gpu, { ...trained, model });
    const { iou, dice } = await evaluateSegmenter(segmenter, samples);
    return { iou: { value: iou, mode: 'max' as const }, dice: { value: dice, mode: 'max' as const } };
  };
  return {
    losses: (model, batch) => segmentationLosses(model, batch, { classWeights }),
    nameOf,
    ...(valid ? { judge: (gpu, model) => judge(gpu, model, valid) } : {}),
  };
}
