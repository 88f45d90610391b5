import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { DeepLabV3 } from '../models/deeplab.ts';
import { FasterRCNN, type FasterRCNNConfig } from '../models/fasterRcnn.ts';
import { FCN } from '../models/fcn.ts';
import { FCOS } from '../models/fcos.ts';
import { KEYPOINT_DEFAULTS, KeypointRCNN } from '../models/keypointRcnn.ts';
import { LRASPP } from '../models/lraspp.ts';
import { MaskRCNN } from '../models/maskRcnn.ts';
import { RetinaNet } from '../models/retinanet.ts';
import { SSD } from '../models/ssd.ts';
import { torchvisionModel } from '../models/torchvision.ts';
import type { LoadReport } from '../nn/loadState.ts';
import { expectOptions } from '../options.ts';
import { ARCHITECTURES, type ModelName } from '../tasks/architectures.ts';
import { buildModel, type TrainedModel } from '../tasks/modelFile.ts';
import type { TaskModel } from '../tasks/step.ts';
import { architectureIn, configFromWeights } from '../tasks/weightConfig.ts';
import { WeightShapes } from '../tasks/weightShapes.ts';
import { classesOf } from './classNames.ts';

/** Whether class 0 is the background, which Fovea's detectors do not count. */
const WITH_BACKGROUND: readonly ModelName[] = ['fasterrcnn', 'maskrcnn', 'ssdlite'];

interface Built {
  readonly name: ModelName;
  readonly model: TaskModel;
  /** torchvision's label of Fovea's first class. */
  readonly firstLabel: 0 | 1;
}

/** The architecture's name of a model of torchvision. Undefined for one that tasks do not know. */
function nameOf(model: object): ModelName | undefined {
  // Mask R-CNN is a Faster R-CNN, too.
  if (model instanceof MaskRCNN) return 'maskrcnn';
  if (model instanceof FasterRCNN) return 'fasterrcnn';
  if (model instanceof RetinaNet) return 'retinanet';
  if (model instanceof FCOS) return 'fcos';
  if (model instanceof SSD) return 'ssdlite';
  if (model instanceof FCN) return 'fcn';
  if (model instanceof DeepLabV3) return 'deeplabv3';
  return model instanceof LRASPP ? 'lraspp' : undefined;
}

/** What a builder of torchvision makes. */
export function builtBy(builder: string, args: Readonly<Record<string, unknown>>): Built {
  const built = torchvisionModel(builder, args);
  const name = nameOf(built.model);
  if (built.kind !== 'classify' && name) {
    return { name, model: built.model, firstLabel: built.kind === 'detect' ? built.firstLabel : 1 };
  }
  throw new UsageError(
    `${builder}: is a classifier; give a detector or segmenter, or open it with openModel`,
  );
}

/** Keypoint R-CNN as torchvision's, around the parts of a Faster R-CNN. Undefined where the weights have no keypoints. */
function keypointRCNNIn(shapes: WeightShapes, config: FasterRCNNConfig): KeypointRCNN | undefined {
  const last = shapes.layer('roi_heads.keypoint_predictor.kps_score_lowres');
  const first = shapes.layer('roi_heads.keypoint_head.0');
  if (!last || !first) return undefined;
  const depth = shapes.count((i) => `roi_heads.keypoint_head.${2 * i}`);
  // Of a transposed convolution the weight is [I,O,kh,kw].
  const keypoint = { ...KEYPOINT_DEFAULTS, numKeypoints: last.in, width: first.out, depth };
  return new KeypointRCNN({ ...config, keypoint, seed: 0 });
}

/** The number of classes that a head is for, if it differs: biases have as many values, or a multiple. */
function classesIn({ mismatched }: LoadReport, assumed: number): number | undefined {
  const biases = mismatched.filter(({ given, wanted }) => given.length === 1 && wanted.length === 1);
  const counts = new Set(biases.map(({ given, wanted }) => (given[0]! * assumed) / wanted[0]!));
  const [count] = counts;
  return counts.size === 1 && Number.isInteger(count) ? count : undefined;
}

/** Options of `fromTorchvision`. */
export interface FromTorchvisionOptions {
  /** torchvision's name of the builder, such as `fasterrcnn_resnet50_fpn`. Default: as the shapes of the weights say. */
  readonly arch?: string;
  /**
   * The names of the classes, with or without that of the background. Default: those of COCO for 91 classes and of VOC for 21,
   * as torchvision's own weights have them, else numbers.
   */
  readonly names?: readonly string[];
}

/**
 * Makes a detector or segmenter of torchvision's weights, for `new Detector`, `new Segmenter` and `train`. Images are resized and
 * normalised as torchvision does it: of detectors in the model, of segmenters to a shorter side of 520 pixels.
 *
 * @param weights What `loadWeights` gave: a whole state dict.
 * @param options The builder, and the names of the classes.
 * @throws UsageError where the architecture cannot be told or is none that can be run; DataError for another number of names;
 * ShapeError and StateDictError for weights of another architecture.
 */
export function fromTorchvision(weights: LoadedWeights, options: FromTorchvisionOptions = {}): TrainedModel {
  expectArguments(
    'fromTorchvision',
    { weights, options },
    { weights: { tensors: 'map', other: 'map' }, options: 'object' },
  );
  expectOptions('fromTorchvision', options, ['arch', 'names']);
  expectArguments('fromTorchvision', { options }, { options: { 'arch?': 'text', 'names?': ['text'] } });
  const { arch, names } = options;
  const { source } = weights;
  const told = arch === undefined ? architectureIn(weights) : undefined;
  if (arch === undefined && !told) {
    throw new UsageError(
      `${source}: is no model of Fovea (it has no fovea.model metadata), and its names and shapes tell no architecture of torchvision; name that, as in --arch fasterrcnn_resnet50_fpn or --arch resnet50`,
    );
  }
  const shapes = new WeightShapes(weights);
  const auxiliary = shapes.hasPrefix('aux_classifier.');
  const build = (classes: number): Built => {
    if (arch !== undefined) {
      const aux = auxiliary && /^(fcn|deeplabv3)_/.test(arch) ? { aux_loss: true } : {};
      return builtBy(arch, { num_classes: classes, ...aux });
    }
    const name = told!;
    const segments = ARCHITECTURES[name].task === 'segment';
    const firstLabel = segments || WITH_BACKGROUND.includes(name) ? 1 : 0;
    const config = configFromWeights(name, weights, classes - firstLabel);
    const keypoints = name === 'fasterrcnn' ? keypointRCNNIn(shapes, config as FasterRCNNConfig) : undefined;
    if (keypoints) return { name, model: keypoints, firstLabel };
    return { name, model: buildModel(name, config, 0), firstLabel };
  };
  // The head's shapes tell the number of classes, compared with those for another number.
  const assumed = 31;
  const first = build(assumed);
  const trial = first.model.loadStateDict(weights, { strict: false, skipMismatched: true });
  const count = classesIn(trial, assumed) ?? assumed;
  const { name, model, firstLabel } = count === assumed ? first : build(count);
  model.eval();
  model.loadStateDict(weights);
  const all = classesOf(source, count, names);
  const classNames = all.slice(firstLabel);
  const { task } = ARCHITECTURES[name];
  if (classNames.length === 0) throw new DataError(`${source}: has no class but the background`);
  return {
    name,
    model,
    classNames,
    preprocessing: task === 'detect' ? { resize: 'model' } : { minSide: 520 },
  };
}
