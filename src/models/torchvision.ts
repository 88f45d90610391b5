import { UsageError } from '../errors.ts';
import { EFFICIENTNETS, EfficientNet, type EfficientNetName } from './efficientnet.ts';
import { type FasterRCNN, fasterrcnn } from './fasterRcnn.ts';
import { type FCN, fcn } from './fcn.ts';
import { MASK_DEFAULTS, type MaskRCNN, maskrcnn } from './maskRcnn.ts';
import { MobileNetV2 } from './mobilenet.ts';
import { MobileNetV3 } from './mobilenetV3.ts';
import { RESNETS, ResNet, type ResNetName } from './resnet.ts';
import { type RetinaNet, retinanet } from './retinanet.ts';
import { Arguments, detectorArguments, rcnnArguments } from './torchvisionArguments.ts';
import { VGG, type VGGName, VGGS } from './vgg.ts';
import { VIT_B_16, VisionTransformer } from './vit.ts';

/** A detector that torchvision has too. */
export type TorchvisionDetector = RetinaNet | FasterRCNN | MaskRCNN;
/** A segmenter that torchvision has too. */
export type TorchvisionSegmenter = FCN;
/** A classifier that torchvision has too. */
export type TorchvisionClassifier =
  | ResNet
  | MobileNetV2
  | MobileNetV3
  | EfficientNet
  | VGG
  | VisionTransformer;

/** A model as torchvision has it, and its kind. */
export type TorchvisionModel =
  | {
      readonly kind: 'detect';
      readonly model: TorchvisionDetector;
      /**
       * Torchvision's label for Fovea's label 0: 1 for Faster and Mask R-CNN, whose class 0 there is the background; 0 for
       * RetinaNet.
       */
      readonly firstLabel: 0 | 1;
    }
  | { readonly kind: 'segment'; readonly model: TorchvisionSegmenter }
  | { readonly kind: 'classify'; readonly model: TorchvisionClassifier };

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

function buildMobileNetV2(args: Arguments): MobileNetV2 {
  const config = {
    numClasses: args.count('num_classes', 1000),
    widthMult: args.number('width_mult', 1),
    dropout: args.number('dropout', 0.2),
  };
  args.end();
  return new MobileNetV2(config);
}

function buildMobileNetV3(variant: 'large' | 'small', args: Arguments): MobileNetV3 {
  const config = {
    variant,
    numClasses: args.count('num_classes', 1000),
    widthMult: args.number('width_mult', 1),
    reducedTail: args.flag('reduced_tail'),
    dilated: args.flag('dilated'),
    dropout: args.number('dropout', 0.2),
  };
  args.end();
  return new MobileNetV3(config);
}

function buildEfficientNet(name: EfficientNetName, args: Arguments): EfficientNet {
  const config = {
    ...EFFICIENTNETS[name],
    numClasses: args.count('num_classes', 1000),
    dropout: args.number('dropout', EFFICIENTNETS[name].dropout),
    stochasticDepth: args.number('stochastic_depth_prob', 0.2),
  };
  args.end();
  return new EfficientNet(config);
}

function buildVGG(name: VGGName, args: Arguments): VGG {
  const config = {
    ...VGGS[name],
    numClasses: args.count('num_classes', 1000),
    dropout: args.number('dropout', 0.5),
  };
  args.end();
  return new VGG(config);
}

const namesOf = <Name extends string>(table: Readonly<Record<Name, unknown>>) => Object.keys(table) as Name[];

const isResNet = (name: string): name is ResNetName => Object.hasOwn(RESNETS, name);

/** The builders of classifiers. */
const CLASSIFIERS = new Map<string, (args: Arguments) => TorchvisionClassifier>([
  ...namesOf(RESNETS).map((name) => [name, (args: Arguments) => buildResNet(name, args)] as const),
  ...namesOf(VGGS).map((name) => [name, (args: Arguments) => buildVGG(name, args)] as const),
  ...namesOf(EFFICIENTNETS).map(
    (name) => [name, (args: Arguments) => buildEfficientNet(name, args)] as const,
  ),
  ['mobilenet_v2', buildMobileNetV2] as const,
  ['mobilenet_v3_large', (args: Arguments) => buildMobileNetV3('large', args)] as const,
  ['mobilenet_v3_small', (args: Arguments) => buildMobileNetV3('small', args)] as const,
  ['vit_b_16', buildViT] as const,
]);

/**
 * Makes the model that a builder of torchvision makes, with random weights. Load torchvision's weights with
 * `model.loadStateDict(await loadWeights(file))`.
 *
 * Labels: Fovea's are 0 to numClasses - 1 in every model. RetinaNet, FCN and the classifiers number classes as torchvision
 * does, and numClasses is num_classes (FCN's class 0 is the background). Faster and Mask R-CNN of torchvision count the
 * background as class 0, so numClasses is num_classes - 1 and torchvision's label is Fovea's plus 1: `firstLabel`.
 * @param builder torchvision's name: those of RESNETS, VGGS and EFFICIENTNETS; mobilenet_v2, mobilenet_v3_large and _small;
 * vit_b_16; fcn_resnet50 (or another ResNet); and retinanet_, fasterrcnn_ and maskrcnn_resnet50_fpn (or another ResNet).
 * @param given Arguments by torchvision's names, with its defaults: `{ num_classes: 91 }`. Throws UsageError for a builder or
 * an argument that Fovea does not know.
 */
export function torchvisionModel(
  builder: string,
  given: Readonly<Record<string, unknown>> = {},
): TorchvisionModel {
  const args = new Arguments(builder, given);
  const classifier = CLASSIFIERS.get(builder);
  if (classifier) return { kind: 'classify', model: classifier(args) };
  const [, family = '', name = ''] = /^(retinanet|fasterrcnn|maskrcnn|fcn)_(.+)$/.exec(builder) ?? [];
  const backbone = family === 'fcn' ? name : name.replace(/_fpn$/, '');
  if (!isResNet(backbone) || (family !== 'fcn' && backbone === name)) {
    throw new UsageError(
      `torchvisionModel: no builder ${JSON.stringify(builder)}; there are ${[...CLASSIFIERS.keys()].join(', ')}, fcn_resnet50, and retinanet_, fasterrcnn_ and maskrcnn_resnet50_fpn, each with other ResNets too`,
    );
  }
  if (family === 'retinanet') return { kind: 'detect', model: buildRetinaNet(backbone, args), firstLabel: 0 };
  if (family === 'fasterrcnn')
    return { kind: 'detect', model: buildFasterRCNN(backbone, args), firstLabel: 1 };
  if (family === 'maskrcnn') return { kind: 'detect', model: buildMaskRCNN(backbone, args), firstLabel: 1 };
  return { kind: 'segment', model: buildFCN(backbone, args) };
}
