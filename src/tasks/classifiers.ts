import { UsageError } from '../errors.ts';
import { CifarResNet, type CifarResNetConfig } from '../models/cifarResnet.ts';
import { EfficientNet, type EfficientNetConfig } from '../models/efficientnet.ts';
import { MobileNetV2, type MobileNetV2Config } from '../models/mobilenet.ts';
import { MobileNetV3, type MobileNetV3Config } from '../models/mobilenetV3.ts';
import { type ClassifierConfig, ResNet, SMALL_RESNET } from '../models/resnet.ts';
import { VGG, type VGGConfig } from '../models/vgg.ts';
import { VisionTransformer, type ViTConfig, vitConfig } from '../models/vit.ts';
import { type Architecture, architecture, type NewModelOptions } from './architecture.ts';

/** The side in pixels of the images that torchvision's classifiers are trained on. */
const IMAGE_SIZE = 224;

/** What all classifiers have in common. */
const SHARED = {
  task: 'classify',
  sizeMultiple: () => 1,
  imageSize: () => IMAGE_SIZE,
  numClasses: ({ numClasses = 0 }: { readonly numClasses?: number }) => numClasses,
  lossNames: ['classification'],
} as const;

/** The number of classes. Throws UsageError for anchors, which a classifier has no use for. */
function classesOf(name: string, { numClasses, anchors }: NewModelOptions): number {
  if (!anchors) return numClasses;
  throw new UsageError(`${name}: is a classifier, which has no anchors; leave anchors out`);
}

/** A width as the factor of a network whose first stage has `first` channels. */
const factor = (width: number | undefined, first: number) =>
  width === undefined ? {} : { widthMult: width / first };

/** Classifiers of whole images, by the names that model files and `--model` use. */
export const CLASSIFIERS = {
  resnet: architecture<ClassifierConfig>({
    ...SHARED,
    defaultConfig: (options) => ({
      ...SMALL_RESNET,
      ...(options.width === undefined ? {} : { width: options.width }),
      numClasses: classesOf('resnet', options),
    }),
    build: (config, seed) => new ResNet({ ...config, seed }),
  }),
  'resnet-cifar': architecture<CifarResNetConfig>({
    ...SHARED,
    defaultConfig: (options) => ({
      ...(options.width === undefined ? {} : { width: options.width }),
      numClasses: classesOf('resnet-cifar', options),
    }),
    build: (config, seed) => new CifarResNet({ ...config, seed }),
    imageSize: () => 32,
  }),
  'mobilenet-v2': architecture<MobileNetV2Config>({
    ...SHARED,
    defaultConfig: (options) => ({
      ...factor(options.width ?? 16, 32),
      numClasses: classesOf('mobilenet-v2', options),
    }),
    build: (config, seed) => new MobileNetV2({ ...config, seed }),
  }),
  'mobilenet-v3': architecture<MobileNetV3Config>({
    ...SHARED,
    defaultConfig: (options) => ({
      variant: 'small',
      ...factor(options.width, 16),
      numClasses: classesOf('mobilenet-v3', options),
    }),
    build: (config, seed) => new MobileNetV3({ ...config, seed }),
  }),
  efficientnet: architecture<EfficientNetConfig>({
    ...SHARED,
    defaultConfig: (options) => ({
      ...factor(options.width ?? 16, 32),
      numClasses: classesOf('efficientnet', options),
    }),
    build: (config, seed) => new EfficientNet({ ...config, seed }),
  }),
  vgg: architecture<VGGConfig>({
    ...SHARED,
    defaultConfig: (options) => ({
      depth: [1, 1, 1, 1, 1],
      width: options.width ?? 16,
      hidden: 16 * (options.width ?? 16),
      batchNorm: true,
      numClasses: classesOf('vgg', options),
    }),
    build: (config, seed) => new VGG({ ...config, seed }),
  }),
  'vit-classifier': architecture<ViTConfig>({
    ...SHARED,
    defaultConfig: (options) =>
      vitConfig({
        numClasses: classesOf('vit-classifier', options),
        ...(options.cropSize === undefined ? {} : { imageSize: options.cropSize }),
        ...(options.width === undefined ? {} : { hiddenDim: 4 * options.width, mlpDim: 8 * options.width }),
      }),
    build: (config, seed) => new VisionTransformer({ ...config, seed }),
    sizeMultiple: ({ imageSize }) => imageSize,
    imageSize: ({ imageSize }) => imageSize,
  }),
} as const satisfies Record<string, Architecture>;
