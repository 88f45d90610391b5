import { expectArguments } from '../arguments.ts';
import { withDefaults } from '../options.ts';
import { predictionProgram, trainingProgram } from '../tasks/programs.ts';
import { type RecipeOptions, recipeOf } from '../tasks/recipe.ts';
import type { TaskModel } from '../tasks/step.ts';
import { type Trace, trace } from './profile.ts';

/** The images that a model's program is recorded for. */
export interface TraceImages {
  /** Height and width of the network's input in pixels, which the architecture must be able to take. */
  readonly size: readonly [height: number, width: number];
  /** Images at once. Default 1. */
  readonly batchSize?: number;
}

/** How a training step is recorded. */
export interface TraceTrainingOptions extends TraceImages {
  /** The optimizer and its settings, as for `defaultSettings`. Default: AdamW, with clipped gradients. */
  readonly recipe?: RecipeOptions;
  /** Patterns of names of parameters that are not trained. Default: none. */
  readonly freeze?: readonly string[];
}

/**
 * Records what a model computes to predict, as `Detector`, `Segmenter` and `Classifier` run it; see `trace`.
 *
 * @throws ShapeError for a size that the network cannot take.
 */
export function tracePrediction(model: TaskModel, options: TraceImages): Trace {
  expectArguments('tracePrediction', { model, options }, { model: 'object', options: { size: 'pair' } });
  const { size, batchSize } = withDefaults('tracePrediction', options, { size: options.size, batchSize: 1 });
  const { fn, inputs } = predictionProgram(model, { size, batchSize });
  return trace(fn, inputs, { module: model });
}

/**
 * Records a whole training step of a model: losses of made-up labels, gradients, and the optimizer's step; see `trace`. The model must
 * be in training (`model.train()`).
 *
 * @throws ShapeError for a size that the network cannot take; UsageError for a recipe that contradicts itself.
 */
export function traceTraining(model: TaskModel, options: TraceTrainingOptions): Trace {
  expectArguments('traceTraining', { model, options }, { model: 'object', options: { size: 'pair' } });
  const { recipe, freeze, ...images } = withDefaults('traceTraining', options, {
    ...{ size: options.size, batchSize: 1, recipe: {}, freeze: [] },
  });
  const settings = { ...recipeOf('traceTraining', 0.003, recipe), freeze };
  const { fn, inputs } = trainingProgram(model, settings, images);
  return trace(fn, inputs, { module: model });
}
