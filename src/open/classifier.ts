import { DataError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import {
  type ClassifierIn,
  classesIn,
  classifierName,
  classifierOf,
  presetOf,
  torchvisionClassifier,
} from '../tasks/classifierWeights.ts';
import type { TrainedModel } from '../tasks/modelFile.ts';
import type { CropPreprocessing } from '../tasks/preprocessing.ts';
import { architectureIn } from '../tasks/weightConfig.ts';
import { WeightShapes } from '../tasks/weightShapes.ts';

/** A classifier that others have trained. */
export interface OpenedClassifier extends Pick<ClassifierIn, 'title' | 'builder'> {
  readonly trained: TrainedModel & { readonly preprocessing: CropPreprocessing };
}

/** The classifier of a builder, or of all that are known; undefined where the weights are of none. */
function found(weights: LoadedWeights, arch: string | undefined): ClassifierIn | undefined {
  if (arch === undefined) return architectureIn(weights) === undefined ? classifierOf(weights) : undefined;
  const model = torchvisionClassifier(arch, classesIn(new WeightShapes(weights)));
  model?.loadStateDict(weights, { copy: false });
  return model && { title: arch, builder: arch, model };
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
  const classifier = found(weights, arch);
  if (!classifier) return undefined;
  const { title, builder, model } = classifier;
  model.eval();
  const count = classesIn(new WeightShapes(weights)) ?? 0;
  if (names && names.length !== count) {
    throw new DataError(
      `${weights.source}: has ${count} classes, but there are ${names.length} names; give the names that it was trained with`,
    );
  }
  const classNames = names ?? Array.from({ length: count }, (_, i) => String(i));
  const preprocessing = presetOf(title, model);
  return {
    title,
    ...(builder === undefined ? {} : { builder }),
    trained: { name: classifierName(model), model, classNames, preprocessing },
  };
}
