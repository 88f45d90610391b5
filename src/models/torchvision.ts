import { UsageError } from '../errors.ts';
import { type FasterRCNN, type FasterRCNNConfig, fasterrcnn, torchvisionRCNN } from './fasterRcnn.ts';
import { type FCN, fcn } from './fcn.ts';
import { MASK_DEFAULTS, type MaskRCNN, maskrcnn } from './maskRcnn.ts';
import { MobileNetV2 } from './mobilenet.ts';
import { IMAGENET } from './preprocess.ts';
import { RESNETS, ResNet, type ResNetName } from './resnet.ts';
import { type RetinaNet, retinanet } from './retinanet.ts';
import { VIT_B_16, VisionTransformer } from './vit.ts';

/** A model as torchvision has it, and its kind. */
export type TorchvisionModel =
  | {
      readonly kind: 'detect';
      readonly model: RetinaNet | FasterRCNN | MaskRCNN;
      /**
       * Torchvision's label for Fovea's label 0: 1 for Faster and Mask R-CNN, whose class 0 there is the background; 0 for
       * RetinaNet.
       */
      readonly firstLabel: 0 | 1;
    }
  | { readonly kind: 'segment'; readonly model: FCN }
  | { readonly kind: 'classify'; readonly model: ResNet | MobileNetV2 | VisionTransformer };

/** The arguments of a builder. They are read one by one, so that those left over are known. */
class Arguments {
  readonly #builder: string;
  readonly #left: Map<string, unknown>;

  constructor(builder: string, given: Readonly<Record<string, unknown>>) {
    this.#builder = builder;
    this.#left = new Map(Object.entries(given));
  }

  number(name: string, otherwise: number): number {
    const value = this.#left.get(name) ?? otherwise;
    this.#left.delete(name);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new UsageError(`${this.#builder}: ${name} is ${JSON.stringify(value)}; give a number`);
  }

  /** A whole number of at least 1. */
  count(name: string, otherwise: number): number {
    const value = this.number(name, otherwise);
    if (Number.isInteger(value) && value > 0) return value;
    throw new UsageError(`${this.#builder}: ${name} is ${value}; give a whole number from 1 on`);
  }

  /** True or false; false where it is null or left out. */
  flag(name: string): boolean {
    const value = this.#left.get(name) ?? false;
    this.#left.delete(name);
    if (typeof value === 'boolean') return value;
    throw new UsageError(`${this.#builder}: ${name} is ${JSON.stringify(value)}; give true or false`);
  }

  three(name: string, otherwise: readonly [number, number, number]): readonly [number, number, number] {
    const value = this.#left.get(name) ?? otherwise;
    this.#left.delete(name);
    const fits = Array.isArray(value) && value.length === 3 && value.every(Number.isFinite);
    if (fits) return value as unknown as [number, number, number];
    throw new UsageError(`${this.#builder}: ${name} is ${JSON.stringify(value)}; give three numbers`);
  }

  end(): void {
    const names = [...this.#left.keys()];
    if (names.length === 0) return;
    throw new UsageError(`${this.#builder}: the argument ${names.join(', ')} is not supported; leave it out`);
  }
}

/** The arguments that all of torchvision's detectors take. */
function detectorArguments(args: Arguments) {
  return {
    normalization: {
      mean: args.three('image_mean', IMAGENET.mean),
      std: args.three('image_std', IMAGENET.std),
    },
    resize: { minSize: args.count('min_size', 800), maxSize: args.count('max_size', 1333) },
  };
}

function buildRetinaNet(backbone: ResNetName, args: Arguments): RetinaNet {
  const config = {
    ...detectorArguments(args),
    numClasses: args.count('num_classes', 91),
    foregroundIou: args.number('fg_iou_thresh', 0.5),
    backgroundIou: args.number('bg_iou_thresh', 0.4),
    detect: {
      scoreThreshold: args.number('score_thresh', 0.05),
      iouThreshold: args.number('nms_thresh', 0.5),
      maxDetections: args.count('detections_per_img', 300),
      candidates: args.count('topk_candidates', 1000),
    },
  };
  args.end();
  return retinanet(backbone, config);
}

/** The arguments of Faster and Mask R-CNN. torchvision's num_classes counts the background. */
function rcnnArguments(backbone: ResNetName, args: Arguments): FasterRCNNConfig {
  const { rpn, box, ...rest } = torchvisionRCNN(backbone);
  const topN = (when: string, which: 'preNmsTopN' | 'postNmsTopN') => ({
    training: args.count(`rpn_${when}_nms_top_n_train`, rpn[which].training),
    testing: args.count(`rpn_${when}_nms_top_n_test`, rpn[which].testing),
  });
  const foregroundIou = args.number('box_fg_iou_thresh', box.foregroundIou);
  const backgroundIou = args.number('box_bg_iou_thresh', foregroundIou);
  if (backgroundIou !== foregroundIou) {
    throw new UsageError(
      `${backbone} R-CNN: box_bg_iou_thresh ${backgroundIou} differs from box_fg_iou_thresh ${foregroundIou}; give both the same value, since Fovea has one threshold for both`,
    );
  }
  return {
    ...rest,
    ...detectorArguments(args),
    numClasses: args.count('num_classes', 91) - 1,
    rpn: {
      ...rpn,
      preNmsTopN: topN('pre', 'preNmsTopN'),
      postNmsTopN: topN('post', 'postNmsTopN'),
      nmsThreshold: args.number('rpn_nms_thresh', rpn.nmsThreshold),
      scoreThreshold: args.number('rpn_score_thresh', rpn.scoreThreshold),
      foregroundIou: args.number('rpn_fg_iou_thresh', rpn.foregroundIou),
      backgroundIou: args.number('rpn_bg_iou_thresh', rpn.backgroundIou),
      batchSizePerImage: args.count('rpn_batch_size_per_image', rpn.batchSizePerImage),
      positiveFraction: args.number('rpn_positive_fraction', rpn.positiveFraction),
    },
    box: {
      ...box,
      foregroundIou,
      batchSizePerImage: args.count('box_batch_size_per_image', box.batchSizePerImage),
      positiveFraction: args.number('box_positive_fraction', box.positiveFraction),
    },
    detect: {
      scoreThreshold: args.number('box_score_thresh', 0.05),
      iouThreshold: args.number('box_nms_thresh', 0.5),
      maxDetections: args.count('box_detections_per_img', 100),
    },
  };
}

/** The largest number of regions per image that learn masks; torchvision has no limit. */
const MOST_MASKS = 128;

function buildMaskRCNN(backbone: ResNetName, args: Arguments): MaskRCNN {
  const config = rcnnArguments(backbone, args);
  args.end();
  const foreground = Math.floor(config.box.batchSizePerImage * config.box.positiveFraction);
  return maskrcnn(backbone, {
    ...config,
    mask: { ...MASK_DEFAULTS, maxRegions: Math.min(foreground, MOST_MASKS) },
  });
}

function buildFasterRCNN(backbone: ResNetName, args: Arguments): FasterRCNN {
  const config = rcnnArguments(backbone, args);
  args.end();
  return fasterrcnn(backbone, config);
}

function buildFCN(backbone: ResNetName, args: Arguments): FCN {
  const config = { numClasses: args.count('num_classes', 21), auxiliary: args.flag('aux_loss') };
  args.end();
  return fcn(backbone, config);
}

function buildResNet(backbone: ResNetName, args: Arguments): ResNet {
  const numClasses = args.count('num_classes', 1000);
  args.end();
  return new ResNet({ ...RESNETS[backbone], numClasses });
}

function buildViT(args: Arguments): VisionTransformer {
  const config = {
    ...VIT_B_16,
    numClasses: args.count('num_classes', 1000),
    imageSize: args.count('image_size', VIT_B_16.imageSize),
  };
  args.end();
  return new VisionTransformer(config);
}

function buildMobileNet(args: Arguments): MobileNetV2 {
  const config = { numClasses: args.count('num_classes', 1000), widthMult: args.number('width_mult', 1) };
  args.end();
  return new MobileNetV2(config);
}

/**
 * Makes the model that a builder of torchvision makes, with random weights. Load torchvision's weights with
 * `model.loadStateDict(await loadWeights(file))`.
 *
 * Labels: Fovea's are 0 to numClasses - 1 in every model. RetinaNet, FCN and the classifiers number classes as torchvision
 * does, and numClasses is num_classes (FCN's class 0 is the background). Faster and Mask R-CNN of torchvision count the
 * background as class 0, so numClasses is num_classes - 1 and torchvision's label is Fovea's plus 1: `firstLabel`.
 * @param builder torchvision's name: resnet18, 34, 50, 101; mobilenet_v2; vit_b_16; fcn_resnet50 (or another ResNet); and
 * retinanet_, fasterrcnn_ and maskrcnn_resnet50_fpn (or another ResNet).
 * @param given Arguments by torchvision's names, with its defaults: `{ num_classes: 91 }`. Throws UsageError for a builder or
 * an argument that Fovea does not know.
 */
export function torchvisionModel(
  builder: string,
  given: Readonly<Record<string, unknown>> = {},
): TorchvisionModel {
  const args = new Arguments(builder, given);
  if (builder === 'vit_b_16') return { kind: 'classify', model: buildViT(args) };
  if (builder === 'mobilenet_v2') return { kind: 'classify', model: buildMobileNet(args) };
  const parts = /^(?:(retinanet|fasterrcnn|maskrcnn|fcn)_)?(resnet\d+)(_fpn)?$/.exec(builder);
  const [, family, backbone, fpn] = parts ?? [];
  const detector = family !== undefined && family !== 'fcn';
  if (!backbone || !(backbone in RESNETS) || detector !== (fpn !== undefined)) {
    throw new UsageError(
      `torchvisionModel: no builder ${JSON.stringify(builder)}; there are ${Object.keys(RESNETS).join(', ')}, mobilenet_v2, vit_b_16, fcn_resnet50, and retinanet_, fasterrcnn_ and maskrcnn_resnet50_fpn, each with other ResNets too`,
    );
  }
  const name = backbone as ResNetName;
  if (family === 'retinanet') return { kind: 'detect', model: buildRetinaNet(name, args), firstLabel: 0 };
  if (family === 'fasterrcnn') return { kind: 'detect', model: buildFasterRCNN(name, args), firstLabel: 1 };
  if (family === 'maskrcnn') return { kind: 'detect', model: buildMaskRCNN(name, args), firstLabel: 1 };
  if (family === 'fcn') return { kind: 'segment', model: buildFCN(name, args) };
  return { kind: 'classify', model: buildResNet(name, args) };
}
