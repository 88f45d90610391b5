/** `fovea/models`: detectors, segmenters and classifiers, with torchvision's names for their weights. */

export type { DarknetHeader } from '../io/darknet.ts';
export {
  CifarResNet,
  type CifarResNetBuilderOptions,
  type CifarResNetConfig,
  type CifarResNetOptions,
  resnet20,
} from './cifarResnet.ts';
export { DeepLabV3, type DeepLabV3Config, type DeepLabV3Options, deeplabv3 } from './deeplab.ts';
export type { Detections, DetectionTargets, DetectOptions, ResizeConfig } from './detection.ts';
export { DynamicUNet, type DynamicUNetConfig, type DynamicUNetOptions } from './dynamicUnet.ts';
export {
  EFFICIENTNETS,
  EfficientNet,
  type EfficientNetConfig,
  type EfficientNetName,
  type EfficientNetOptions,
  efficientnetB0,
} from './efficientnet.ts';
export { type ExpectedScoreOptions, expectedScore } from './expectedScore.ts';
export {
  FasterRCNN,
  type FasterRCNNConfig,
  type FasterRCNNLosses,
  type FasterRCNNOptions,
  fasterrcnn,
  type RCNNBackbone,
} from './fasterRcnn.ts';
export { FCN, type FCNConfig, type FCNOptions, fcn } from './fcn.ts';
export { FCOS, type FCOSConfig, type FCOSLevel, type FCOSOptions, fcos } from './fcos.ts';
export type { ExtraLevels } from './fpn.ts';
export {
  type KeypointConfig,
  type KeypointDetections,
  KeypointRCNN,
  type KeypointRCNNConfig,
  type KeypointRCNNOptions,
  type KeypointTargets,
  keypointrcnn,
} from './keypointRcnn.ts';
export { LRASPP, type LRASPPConfig, type LRASPPOptions, lraspp } from './lraspp.ts';
export {
  type MaskConfig,
  type MaskDetections,
  MaskRCNN,
  type MaskRCNNConfig,
  type MaskRCNNOptions,
  type MaskTargets,
  maskrcnn,
} from './maskRcnn.ts';
export { MobileNetV2, type MobileNetV2Config, type MobileNetV2Options, mobilenetV2 } from './mobilenet.ts';
export {
  MobileNetV3,
  type MobileNetV3BuilderOptions,
  type MobileNetV3Config,
  type MobileNetV3FeaturesConfig,
  type MobileNetV3Options,
  mobilenetV3Large,
  mobilenetV3Small,
} from './mobilenetV3.ts';
export {
  type PanopticDetections,
  PanopticFPN,
  type PanopticFPNConfig,
  type PanopticFPNOptions,
  type PanopticOptions,
  type PanopticTargets,
  panopticFpn,
  type SemanticConfig,
} from './panopticFpn.ts';
export { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
export {
  type ClassifierConfig,
  RESNETS,
  ResNet,
  type ResNetBuilderOptions,
  type ResNetConfig,
  type ResNetName,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50,
  SMALL_RESNET,
} from './resnet.ts';
export { RetinaNet, type RetinaNetConfig, type RetinaNetOptions, retinanet } from './retinanet.ts';
export type { BoxConfig } from './roiHeads.ts';
export type { Proposals, RPNConfig } from './rpn.ts';
export type { SegmentationLossConfig, SegmentationLossOptions, SegmentationOutputs } from './segmentation.ts';
export {
  SSD,
  type SSDConfig,
  type SSDDetectOptions,
  type SSDOptions,
  type SSDPredictions,
  ssd300,
  ssdlite320,
} from './ssd.ts';
export type { SSDMobileNetConfig, SSDVGGConfig } from './ssdBackbones.ts';
export {
  type AnyDetections,
  type DetectingModel,
  type MergingModel,
  type TestTimeAugmentationOptions,
  testTimeAugmentation,
} from './testTimeAugmentation.ts';
export {
  type TorchvisionClassifier,
  type TorchvisionDetector,
  type TorchvisionModel,
  type TorchvisionSegmenter,
  torchvisionModel,
} from './torchvision.ts';
export { UNet, type UNetConfig, type UNetOptions } from './unet.ts';
export { VGG, type VGGConfig, type VGGName, type VGGOptions, VGGS, vgg16 } from './vgg.ts';
export {
  VIT_B_16,
  VIT_TINY,
  VisionTransformer,
  type ViTBuilderOptions,
  type ViTConfig,
  type ViTOptions,
  ViTSegmenter,
  vitB16,
} from './vit.ts';
export {
  type FromDarknetOptions,
  YOLO,
  type YOLOConfig,
  type YOLOOptions,
  yoloFastest,
  yolov3,
  yolov3Tiny,
} from './yolo.ts';
export { type YOLOv3Options, yoloFastestCfg, yolov3Cfg, yolov3TinyCfg } from './yoloPresets.ts';
