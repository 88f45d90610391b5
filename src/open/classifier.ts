import { DataError, ShapeError, StateDictError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { EFFICIENTNETS } from '../models/efficientnet.ts';
import { MobileNetV3 } from '../models/mobilenetV3.ts';
import { ResNet } from '../models/resnet.ts';
import { type TorchvisionClassifier, torchvisionModel } from '../models/torchvision.ts';
import { VGGS } from '../models/vgg.ts';
import { VisionTransformer, type ViTConfig } from '../models/vit.ts';
import { architectureIn, configFromWeights } from '../tasks/weightConfig.ts';
import { backboneIn, titleOf, WeightShapes } from '../tasks/weightShapes.ts';

/** A classifier of torchvision with its weights. It takes images in 0..1 and normalises them itself. */
export interface OpenedClassifier {
  /** torchvision's name of it, such as `resnet18`, or what it is like. */
  readonly title: string;
  readonly model: TorchvisionClassifier;
  /** Its classes, in the order of its logits. */
  readonly classNames: readonly string[];
  /** The height and width of its images in torchvision's training: 224, or what the weights of a vision transformer are for. */
  readonly imageSize: number;
}

/** The last layer of each kind of classifier, and torchvision's names of those that have it; of ResNets the shapes say more. Later layers first. */
const HEADS: readonly (readonly [layer: string, builders: readonly string[]])[] = [
  ['fc', []],
  ['heads.head', ['vit_b_16']],
  ['classifier.6', Object.keys(VGGS)],
  ['classifier.3', ['mobilenet_v3_large', 'mobilenet_v3_small']],
  ['classifier.1', ['mobilenet_v2', ...Object.keys(EFFICIENTNETS)]],
];

type Candidate = () => readonly [title: string, model: TorchvisionClassifier];

/** The classifiers that weights may be of: torchvision's own, then those of other widths. No weight is drawn for them. */
function* candidatesFor(
  weights: LoadedWeights,
  shapes: WeightShapes,
  builders: readonly string[],
  numClasses: number,
): Generator<Candidate> {
  for (const builder of builders) yield () => [builder, named(builder, { num_classes: numClasses })!];
  const backbone = backboneIn(shapes);
  const options = { numClasses, seed: 0 };
  if (backbone?.kind === 'resnet' && backbone.prefix === '') {
    yield () => [titleOf(backbone), new ResNet({ ...backbone.config, ...options })];
  }
  if (backbone?.kind === 'mobilenet' && backbone.prefix === 'features.') {
    yield () => [titleOf(backbone), new MobileNetV3({ ...backbone.config, ...options })];
  }
  if (!shapes.layer('heads.head')) return;
  const vit = configFromWeights('vit', weights, numClasses - 1) as ViTConfig | undefined;
  if (vit) yield () => ['vision transformer', new VisionTransformer({ ...vit, dice: undefined, seed: 0 })];
}

/** The classifier that a builder of torchvision makes; undefined for a detector or segmenter. */
function named(builder: string, args: Readonly<Record<string, unknown>>): TorchvisionClassifier | undefined {
  const built = torchvisionModel(builder, args);
  return built.kind === 'classify' ? built.model : undefined;
}

/**
 * The classifier whose weights these are; undefined where they are of a detector, a segmenter, or none that is known.
 *
 * @param weights What `loadWeights` gave: a whole state dict.
 * @param options torchvision's name of the builder (default: told by the shapes), and the names of the classes.
 * @throws UsageError for a builder that there is not; ShapeError and StateDictError for weights of another one than `arch`; DataError for
 * another number of names.
 */
export function classifierIn(
  weights: LoadedWeights,
  { arch, names }: { readonly arch?: string; readonly names?: readonly string[] },
): OpenedClassifier | undefined {
  const shapes = new WeightShapes(weights);
  const [head, builders] = HEADS.find(([layer]) => shapes.layer(layer)) ?? ['', []];
  const numClasses = shapes.layer(head)?.out;
  const opened = (title: string, model: TorchvisionClassifier): OpenedClassifier => {
    model.eval();
    const count = numClasses ?? 0;
    if (names && names.length !== count) {
      throw new DataError(
        `${weights.source}: has ${count} classes, but there are ${names.length} names; give the names that it was trained with`,
      );
    }
    const classNames = names ?? Array.from({ length: count }, (_, i) => String(i));
    const imageSize = model instanceof VisionTransformer ? model.config.imageSize : 224;
    return { title, model, classNames, imageSize };
  };
  if (arch !== undefined) {
    const model = named(arch, numClasses === undefined ? {} : { num_classes: numClasses });
    model?.loadStateDict(weights, { copy: false });
    return model && opened(arch, model);
  }
  if (numClasses === undefined || architectureIn(weights) !== undefined) return undefined;
  for (const candidate of candidatesFor(weights, shapes, builders, numClasses)) {
    const [title, model] = candidate();
    try {
      model.loadStateDict(weights, { copy: false });
      return opened(title, model);
    } catch (error) {
      if (!(error instanceof StateDictError || error instanceof ShapeError)) throw error;
    }
  }
  return undefined;
}
