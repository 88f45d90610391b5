import { expectArguments } from '../arguments.ts';
import { ShapeError, StateDictError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { CifarResNet, type CifarResNetConfig } from '../models/cifarResnet.ts';
import { EFFICIENTNETS, EfficientNet } from '../models/efficientnet.ts';
import { MobileNetV2 } from '../models/mobilenet.ts';
import { MobileNetV3 } from '../models/mobilenetV3.ts';
import { RESNETS, ResNet } from '../models/resnet.ts';
import { torchvisionModel } from '../models/torchvision.ts';
import { VGG, VGGS } from '../models/vgg.ts';
import { VIT_B_16, VisionTransformer, type ViTConfig, vitConfig } from '../models/vit.ts';
import type { ModelName } from './architectures.ts';
import { type CropPreprocessing, cropPreprocessing } from './preprocessing.ts';
import type { ClassificationModel } from './step.ts';
import { backboneIn, titleOf, WeightShapes } from './weightShapes.ts';

/** The configuration of a vision transformer, read off the shapes of its weights. */
export function vitIn(
  shapes: WeightShapes,
  { tensors }: LoadedWeights,
  numClasses: number,
): ViTConfig | undefined {
  const patches = shapes.layer('conv_proj');
  const numLayers = shapes.count((i) => `encoder.layers.encoder_layer_${i}.self_attention.out_proj`);
  const mlp =
    shapes.layer('encoder.layers.encoder_layer_0.mlp.0') ??
    shapes.layer('encoder.layers.encoder_layer_0.mlp.linear_1');
  const tokens = tensors.get('encoder.pos_embedding')?.shape[1];
  if (!patches || !mlp || tokens === undefined) return undefined;
  const { out: hiddenDim, kernel: patchSize } = patches;
  // No shape says how many heads there are: torchvision's have 64 values each, 80 of ViT-H.
  const perHead = hiddenDim % 64 === 0 && hiddenDim !== 1280 ? 64 : 80;
  return vitConfig({
    ...VIT_B_16,
    numClasses,
    imageSize: Math.round(Math.sqrt(tokens - 1)) * patchSize,
    patchSize,
    numLayers,
    numHeads: hiddenDim % perHead === 0 ? hiddenDim / perHead : 1,
    hiddenDim,
    mlpDim: mlp.out,
  });
}

/** The configuration of a ResNet for small images, read off the shapes of its weights. */
function cifarIn(shapes: WeightShapes, numClasses: number): CifarResNetConfig | undefined {
  const stem = shapes.layer('conv1');
  if (stem?.kernel !== 3 || !shapes.layer('linear')) return undefined;
  const depth = [1, 2, 3].map((i) => shapes.count((n) => `layer${i}.${n}.conv1`));
  if (depth.some((blocks) => blocks === 0)) return undefined;
  return {
    numClasses,
    depth: depth as unknown as NonNullable<CifarResNetConfig['depth']>,
    ...(stem.out === 16 ? {} : { width: stem.out }),
    ...(shapes.layer('layer2.0.shortcut.0') ? { shortcut: 'conv' as const } : {}),
  };
}

/** The last layer of each kind of classifier, and torchvision's names of those that have it; of ResNets the shapes say more. Later layers first. */
const HEADS: readonly (readonly [layer: string, builders: readonly string[]])[] = [
  ['fc', []],
  ['linear', []],
  ['heads.head', ['vit_b_16']],
  ['classifier.6', Object.keys(VGGS)],
  ['classifier.3', ['mobilenet_v3_large', 'mobilenet_v3_small']],
  ['classifier.1', ['mobilenet_v2', ...Object.keys(EFFICIENTNETS)]],
];

/** Makes a classifier. */
type Candidate = () => ClassifierIn;

/** The classifiers that weights may be of: torchvision's own, then those of other widths. No weight is drawn for them. */
function* candidatesFor(
  weights: LoadedWeights,
  shapes: WeightShapes,
  builders: readonly string[],
  numClasses: number,
): Generator<Candidate> {
  for (const builder of builders) {
    yield () => ({ title: builder, builder, model: torchvisionClassifier(builder, numClasses)! });
  }
  const options = { numClasses, seed: 0 };
  const cifar = cifarIn(shapes, numClasses);
  if (cifar) {
    const layers = 2 + 2 * (cifar.depth ?? []).reduce((a, b) => a + b, 0);
    yield () => ({
      title: `ResNet-${layers} for small images`,
      model: new CifarResNet({ ...cifar, seed: 0 }),
    });
  }
  const backbone = backboneIn(shapes);
  if (backbone?.kind === 'resnet' && backbone.prefix === '') {
    const title = titleOf(backbone);
    yield () => ({
      title,
      ...(Object.hasOwn(RESNETS, title) ? { builder: title } : {}),
      model: new ResNet({ ...backbone.config, ...options }),
    });
  }
  if (backbone?.kind === 'mobilenet' && backbone.prefix === 'features.') {
    yield () => ({
      title: titleOf(backbone),
      model: new MobileNetV3({ ...backbone.config, ...options }),
    });
  }
  if (!shapes.layer('heads.head')) return;
  const vit = vitIn(shapes, weights, numClasses);
  if (vit) {
    yield () => ({ title: 'vision transformer', model: new VisionTransformer({ ...vit, seed: 0 }) });
  }
}

/** The classifier that a builder of torchvision makes; undefined for a detector or segmenter. */
export function torchvisionClassifier(
  builder: string,
  numClasses: number | undefined,
): ClassificationModel | undefined {
  const built = torchvisionModel(builder, numClasses === undefined ? {} : { num_classes: numClasses });
  return built.kind === 'classify' ? built.model : undefined;
}

/** The architecture of a classifier. */
export function classifierName(model: ClassificationModel): ModelName {
  if (model instanceof ResNet) return 'resnet';
  if (model instanceof CifarResNet) return 'resnet-cifar';
  if (model instanceof MobileNetV2) return 'mobilenet-v2';
  if (model instanceof MobileNetV3) return 'mobilenet-v3';
  if (model instanceof EfficientNet) return 'efficientnet';
  return model instanceof VGG ? 'vgg' : 'vit-classifier';
}

/** The sides of torchvision's presets that are not 256 and 224: those of larger EfficientNets. */
const PRESETS: Readonly<Record<string, CropPreprocessing>> = {
  efficientnet_b1: { resizeSize: 256, cropSize: 240 },
  efficientnet_b2: { resizeSize: 288, cropSize: 288 },
  efficientnet_b3: { resizeSize: 320, cropSize: 300 },
  efficientnet_b4: { resizeSize: 384, cropSize: 380 },
  efficientnet_b5: { resizeSize: 456, cropSize: 456 },
  efficientnet_b6: { resizeSize: 528, cropSize: 528 },
  efficientnet_b7: { resizeSize: 600, cropSize: 600 },
};

/** How images are prepared for a classifier that others have trained. */
export function presetOf(title: string, model: ClassificationModel): CropPreprocessing {
  if (model instanceof CifarResNet) return { resizeSize: 32, cropSize: 32 };
  if (model instanceof VisionTransformer) return cropPreprocessing(model.config.imageSize);
  return PRESETS[title] ?? cropPreprocessing(224);
}

/** The number of classes of a classifier, by its last layer; undefined where there is none that is known. */
export const classesIn = (shapes: WeightShapes): number | undefined =>
  HEADS.map(([layer]) => shapes.layer(layer)).find((layer) => layer)?.out;

/** A classifier of weights. */
export interface ClassifierIn {
  /** torchvision's name of it, such as `resnet18`, or what it is like. */
  readonly title: string;
  /** torchvision's builder of it; undefined for a classifier that torchvision does not have. */
  readonly builder?: string;
  /** The classifier with these weights; their arrays are used, not copied. */
  readonly model: ClassificationModel;
}

/** The classifier that these weights belong to; undefined unless every weight has its place in a known architecture. */
export function classifierOf(weights: LoadedWeights): ClassifierIn | undefined {
  const shapes = new WeightShapes(weights);
  const [head, builders] = HEADS.find(([layer]) => shapes.layer(layer)) ?? ['', []];
  const numClasses = shapes.layer(head)?.out;
  if (numClasses === undefined) return undefined;
  for (const candidate of candidatesFor(weights, shapes, builders, numClasses)) {
    const found = candidate();
    try {
      found.model.loadStateDict(weights, { copy: false });
      return found;
    } catch (error) {
      if (!(error instanceof StateDictError || error instanceof ShapeError)) throw error;
    }
  }
  return undefined;
}

/** The architecture of a classifier whose weights these are; undefined for others. */
export function classifierArchitecture(weights: LoadedWeights): ModelName | undefined {
  expectArguments('classifierArchitecture', { weights }, { weights: { tensors: 'map' } });
  const found = classifierOf(weights);
  return found && classifierName(found.model);
}

/**
 * The configuration of a classifier that as many of the weights as possible fit: those of a classifier of the same architecture, or of a
 * detector or segmenter around a ResNet or MobileNetV3. Undefined where nothing can be told.
 */
export function classifierConfig(name: ModelName, weights: LoadedWeights, numClasses: number): unknown {
  const found = classifierOf(weights);
  if (found) return classifierName(found.model) === name ? { ...found.model.config, numClasses } : undefined;
  const backbone = backboneIn(new WeightShapes(weights));
  const kind = backbone?.kind === 'resnet' ? 'resnet' : 'mobilenet-v3';
  return backbone && kind === name ? { ...backbone.config, numClasses } : undefined;
}
