import { UsageError } from '../errors.ts';
import { type DeepLabV3, deeplabv3 } from './deeplab.ts';
import { EFFICIENTNETS, EfficientNet, type EfficientNetName } from './efficientnet.ts';
import { type FasterRCNN, type FasterRCNNConfig, fasterrcnn, type RCNNBackbone } from './fasterRcnn.ts';
import { type FCN, fcn } from './fcn.ts';
import { type FCOS, fcos } from './fcos.ts';
import { KEYPOINT_DEFAULTS, type KeypointRCNN, keypointrcnn } from './keypointRcnn.ts';
import { type LRASPP, lraspp } from './lraspp.ts';
import { MASK_DEFAULTS, type MaskRCNN, maskrcnn } from './maskRcnn.ts';
import { MobileNetV2 } from './mobilenet.ts';
import { MobileNetV3 } from './mobilenetV3.ts';
import { RESNETS, ResNet, type ResNetName } from './resnet.ts';
import { type RetinaNet, retinanet } from './retinanet.ts';
import { RPN_DEFAULTS } from './rpn.ts';
import { type SSD, ssd300, ssdlite320 } from './ssd.ts';
import { Arguments, detectorArguments, type RCNNDefaults, rcnnArguments } from './torchvisionArguments.ts';
import { VGG, type VGGName, VGGS } from './vgg.ts';
import { VIT_B_16, VisionTransformer } from './vit.ts';

/** A detector that torchvision has too. */
export type TorchvisionDetector = RetinaNet | FCOS | SSD | FasterRCNN | MaskRCNN | KeypointRCNN;
/** A segmenter that torchvision has too. */
export type TorchvisionSegmenter = FCN | DeepLabV3 | LRASPP;
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
       * Torchvision's label for Fovea's label 0: 1 for SSD and the R-CNNs, whose class 0 there is the background; 0 for
       * RetinaNet and FCOS.
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

function buildSSD(make: typeof ssd300, args: Arguments): SSD {
  const { normalization, foregroundIou, positiveFraction, detect } = make({ numClasses: 1 }).config;
  const config = {
    normalization: args.normalization(normalization),
    numClasses: args.count('num_classes', 91) - 1,
    foregroundIou: args.number('iou_thresh', foregroundIou),
    positiveFraction: args.number('positive_fraction', positiveFraction),
    detect: {
      scoreThreshold: args.number('score_thresh', detect?.scoreThreshold ?? 0.01),
      iouThreshold: args.number('nms_thresh', detect?.iouThreshold ?? 0.45),
      maxDetections: args.count('detections_per_img', detect?.maxDetections ?? 200),
      candidates: args.count('topk_candidates', detect?.candidates ?? 400),
    },
  };
  args.end();
  return make(config);
}

function buildFCOS(backbone: ResNetName, args: Arguments): FCOS {
  const config = {
    ...detectorArguments(args),
    numClasses: args.count('num_classes', 91),
    centerSamplingRadius: args.number('center_sampling_radius', 1.5),
    detect: {
      scoreThreshold: args.number('score_thresh', 0.2),
      iouThreshold: args.number('nms_thresh', 0.6),
      maxDetections: args.count('detections_per_img', 100),
      candidates: args.count('topk_candidates', 1000),
    },
  };
  args.end();
  return fcos(backbone, config);
}

/** torchvision's fasterrcnn_mobilenet_v3_large_320_fpn. */
const SMALL_IMAGES: RCNNDefaults = {
  resize: { minSize: 320, maxSize: 640 },
  rpn: {
    preNmsTopN: { ...RPN_DEFAULTS.preNmsTopN, testing: 150 },
    postNmsTopN: { ...RPN_DEFAULTS.postNmsTopN, testing: 150 },
  },
};

/** The largest number of regions per image that learn masks or keypoints; torchvision has no limit. */
const MOST_REGIONS = 128;

const mostForeground = ({ box }: FasterRCNNConfig): number =>
  Math.min(Math.floor(box.batchSizePerImage * box.positiveFraction), MOST_REGIONS);

function buildKeypointRCNN(backbone: ResNetName, args: Arguments): KeypointRCNN {
  const config = rcnnArguments(backbone, args, { numClasses: 2 });
  const numKeypoints = args.count('num_keypoints', KEYPOINT_DEFAULTS.numKeypoints);
  args.end();
  return keypointrcnn(backbone, {
    ...config,
    keypoint: { numKeypoints, maxRegions: mostForeground(config) },
  });
}

function buildMaskRCNN(backbone: ResNetName, args: Arguments): MaskRCNN {
  const config = rcnnArguments(backbone, args);
  args.end();
  return maskrcnn(backbone, {
    ...config,
    mask: { ...MASK_DEFAULTS, maxRegions: mostForeground(config) },
  });
}

function buildFasterRCNN(backbone: RCNNBackbone, args: Arguments, defaults?: RCNNDefaults): FasterRCNN {
  const config = rcnnArguments(backbone, args, defaults);
  args.end();
  return fasterrcnn(backbone, config);
}

function buildFCN(backbone: ResNetName, args: Arguments): FCN {
  const config = { numClasses: args.count('num_classes', 21), auxiliary: args.flag('aux_loss') };
  args.end();
  return fcn(backbone, config);
}

function buildDeepLabV3(backbone: ResNetName | 'mobilenet_v3_large', args: Arguments): DeepLabV3 {
  const config = { numClasses: args.count('num_classes', 21), auxiliary: args.flag('aux_loss') };
  args.end();
  return deeplabv3(backbone, config);
}

function buildLRASPP(args: Arguments): LRASPP {
  const config = { numClasses: args.count('num_classes', 21) };
  args.end();
  return lraspp(config);
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

type Builder = (args: Arguments) => TorchvisionModel;

const classify =
  (build: (args: Arguments) => TorchvisionClassifier): Builder =>
  (args) => ({ kind: 'classify', model: build(args) });
const segment =
  (build: (args: Arguments) => TorchvisionSegmenter): Builder =>
  (args) => ({ kind: 'segment', model: build(args) });
const detect =
  (firstLabel: 0 | 1, build: (args: Arguments) => TorchvisionDetector): Builder =>
  (args) => ({ kind: 'detect', model: build(args), firstLabel });

/** Builders for each entry of a table. */
const each = <Name extends string>(
  table: Readonly<Record<Name, unknown>>,
  builder: (name: Name) => readonly [name: string, builder: Builder],
) => (Object.keys(table) as Name[]).map(builder);

/** All builders that are listed by name; the others are those of ResNets. */
const NAMED: ReadonlyMap<string, Builder> = new Map<string, Builder>([
  ...each(RESNETS, (name) => [name, classify((args) => buildResNet(name, args))]),
  ...each(VGGS, (name) => [name, classify((args) => buildVGG(name, args))]),
  ...each(EFFICIENTNETS, (name) => [name, classify((args) => buildEfficientNet(name, args))]),
  ['mobilenet_v2', classify(buildMobileNetV2)],
  ['mobilenet_v3_large', classify((args) => buildMobileNetV3('large', args))],
  ['mobilenet_v3_small', classify((args) => buildMobileNetV3('small', args))],
  ['vit_b_16', classify(buildViT)],
  ['deeplabv3_mobilenet_v3_large', segment((args) => buildDeepLabV3('mobilenet_v3_large', args))],
  ['lraspp_mobilenet_v3_large', segment(buildLRASPP)],
  ['ssd300_vgg16', detect(1, (args) => buildSSD(ssd300, args))],
  ['ssdlite320_mobilenet_v3_large', detect(1, (args) => buildSSD(ssdlite320, args))],
  ['fasterrcnn_mobilenet_v3_large_fpn', detect(1, (args) => buildFasterRCNN('mobilenet_v3_large', args))],
  [
    'fasterrcnn_mobilenet_v3_large_320_fpn',
    detect(1, (args) => buildFasterRCNN('mobilenet_v3_large', args, SMALL_IMAGES)),
  ],
]);

/** Builders that take a ResNet, by their names with resnet50. */
const ON_RESNETS: Readonly<Record<string, (backbone: ResNetName) => Builder>> = {
  fcn_resnet50: (backbone) => segment((args) => buildFCN(backbone, args)),
  deeplabv3_resnet50: (backbone) => segment((args) => buildDeepLabV3(backbone, args)),
  retinanet_resnet50_fpn: (backbone) => detect(0, (args) => buildRetinaNet(backbone, args)),
  fcos_resnet50_fpn: (backbone) => detect(0, (args) => buildFCOS(backbone, args)),
  fasterrcnn_resnet50_fpn: (backbone) => detect(1, (args) => buildFasterRCNN(backbone, args)),
  keypointrcnn_resnet50_fpn: (backbone) => detect(1, (args) => buildKeypointRCNN(backbone, args)),
  maskrcnn_resnet50_fpn: (backbone) => detect(1, (args) => buildMaskRCNN(backbone, args)),
};

const BUILDERS: ReadonlyMap<string, Builder> = new Map<string, Builder>([
  ...NAMED,
  ...Object.entries(ON_RESNETS).flatMap(([name, on]) =>
    each(RESNETS, (backbone) => [name.replace('resnet50', backbone), on(backbone)]),
  ),
]);

/**
 * Makes the model that a builder of torchvision makes, with random weights. Load torchvision's weights with
 * `model.loadStateDict(await loadWeights(file))`. Every model takes images in 0..1 and normalises them itself, classifiers and segmenters
 * too, where torchvision's transforms do that before the model.
 *
 * Labels: Fovea's are 0 to numClasses - 1 in every model. RetinaNet, FCN and the classifiers number classes as torchvision
 * does, and numClasses is num_classes (FCN's class 0 is the background). Faster and Mask R-CNN of torchvision count the
 * background as class 0, so numClasses is num_classes - 1 and torchvision's label is Fovea's plus 1: `firstLabel`.
 * @param builder torchvision's name: those of RESNETS, VGGS and EFFICIENTNETS; mobilenet_v2, mobilenet_v3_large and _small;
 * vit_b_16; fcn_resnet50, deeplabv3_resnet50 or _mobilenet_v3_large, lraspp_mobilenet_v3_large;
 * retinanet_, fcos_, fasterrcnn_, keypointrcnn_ and maskrcnn_resnet50_fpn, fasterrcnn_mobilenet_v3_large_fpn and _320_fpn; ssd300_vgg16,
 * ssdlite320_mobilenet_v3_large. In place of resnet50 there may be any of RESNETS.
 * @param given Arguments by torchvision's names, with its defaults: `{ num_classes: 91 }`. Throws UsageError for a builder or
 * an argument that Fovea does not know.
 */
export function torchvisionModel(
  builder: string,
  given: Readonly<Record<string, unknown>> = {},
): TorchvisionModel {
  const build = BUILDERS.get(builder);
  if (build) return build(new Arguments(builder, given));
  throw new UsageError(
    `torchvisionModel: no builder ${JSON.stringify(builder)}; there are ${[...NAMED.keys()].join(', ')}, ${Object.keys(ON_RESNETS).join(', ')}, each of the last with other ResNets too`,
  );
}
