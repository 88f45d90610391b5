import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { torchvisionModel } from '../models/torchvision.ts';
import { withDefaults } from '../options.ts';
import { ARCHITECTURES, MODEL_NAMES, type ModelName } from '../tasks/architectures.ts';
import { classifierName, presetOf } from '../tasks/classifierWeights.ts';
import { buildModel, preprocessingOf, type TrainedModel } from '../tasks/modelFile.ts';
import { defaultSettings } from '../tasks/settings.ts';
import { builtBy } from './pretrained.ts';

/** Options of `namedModel`. */
export interface NamedModelOptions {
  /** Of Fovea's own: the side in pixels of the images that it is for, where its parts depend on that. Default 128. */
  readonly cropSize?: number;
}

/** Class names that are numbers. */
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

const isOwn = (name: string): name is ModelName => Object.hasOwn(ARCHITECTURES, name);

/** Whether `namedModel` has a model of this name. */
export function hasNamedModel(name: string): boolean {
  expectArguments('hasNamedModel', { name }, { name: 'text' });
  if (isOwn(name)) return true;
  try {
    torchvisionModel(name);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/**
 * A new model with random weights by its name: one that `fovea train` trains by default (`retinanet`, `unet`), for one class, or one of
 * torchvision's with its usual number of classes (`resnet18`, `retinanet_resnet50_fpn`).
 *
 * @throws UsageError for a name that neither has.
 */
export function namedModel(name: string, options: NamedModelOptions = {}): TrainedModel {
  expectArguments('namedModel', { name }, { name: 'text' });
  const { cropSize } = withDefaults('namedModel', options, { cropSize: 128 });
  if (isOwn(name)) {
    const settings = defaultSettings(name, [], { classNames: ['object'], cropSize });
    const { config, classNames } = settings;
    const preprocessing = preprocessingOf(settings);
    return { name, model: buildModel(name, config, 0), classNames, preprocessing };
  }
  if (!hasNamedModel(name)) {
    throw new UsageError(
      `namedModel: no model ${JSON.stringify(name)}; choose ${MODEL_NAMES.join(', ')}, or one of torchvision's, such as resnet18 or fasterrcnn_resnet50_fpn`,
    );
  }
  const built = torchvisionModel(name);
  if (built.kind === 'classify') {
    const { model } = built;
    const classNames = numbered(1000);
    return { name: classifierName(model), model, classNames, preprocessing: presetOf(name, model) };
  }
  const { name: architecture, model, firstLabel } = builtBy(name, {});
  const classNames = numbered(ARCHITECTURES[architecture].numClasses(model.config as never) + firstLabel);
  const preprocessing = built.kind === 'detect' ? ({ resize: 'model' } as const) : { minSide: 520 };
  return { name: architecture, model, classNames: classNames.slice(firstLabel), preprocessing };
}
