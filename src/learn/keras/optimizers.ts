import { UsageError } from '../../errors.ts';
import { Adam, AdamW } from '../../nn/optimizers/adam.ts';
import { Lion } from '../../nn/optimizers/lion.ts';
import type { Optimizer } from '../../nn/optimizers/optimizer.ts';
import { RMSprop } from '../../nn/optimizers/rmsprop.ts';
import { SGD } from '../../nn/optimizers/sgd.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { LayerGroup } from '../groups.ts';

/** Optimizers by Keras's names. */
export type KerasOptimizerName = 'sgd' | 'rmsprop' | 'adam' | 'adamw' | 'lion';

/** An optimizer with settings. What is left out has Keras's default. */
export interface KerasOptimizerOptions {
  readonly name: KerasOptimizerName;
  /** The learning rate. Default 1e-3; of sgd 0.01. */
  readonly learningRate?: number;
  /** sgd and rmsprop: the momentum. Default 0. */
  readonly momentum?: number;
  /** sgd: Nesterov's momentum. Default false. */
  readonly nesterov?: boolean;
  /** adamw and lion: the weight decay. Default 0.004 of adamw, 0 of lion. It leaves biases and norms alone, unlike Keras's. */
  readonly weightDecay?: number;
  /** The highest norm of all gradients together (Keras's `global_clipnorm`). Default: no limit. */
  readonly globalClipnorm?: number;
}

/** An optimizer: its name, its name and settings, or a function that makes one of the layer groups. */
export type KerasOptimizer =
  | KerasOptimizerName
  | KerasOptimizerOptions
  | ((groups: readonly LayerGroup[]) => Optimizer);

/** Keras's epsilon. */
const EPS = 1e-7;

/** What each optimizer takes. */
const TAKES: Readonly<Record<KerasOptimizerName, readonly (keyof KerasOptimizerOptions)[]>> = {
  sgd: ['momentum', 'nesterov'],
  rmsprop: ['momentum'],
  adam: [],
  adamw: ['weightDecay'],
  lion: ['weightDecay'],
};

/** Makes an optimizer. Throws UsageError for one that is unknown, and for settings that it does not take. */
export function makeKerasOptimizer(optimizer: KerasOptimizer, groups: readonly LayerGroup[]): Optimizer {
  if (typeof optimizer === 'function') return optimizer(groups);
  const given = typeof optimizer === 'string' ? { name: optimizer } : optimizer;
  const call = 'KerasModel.compile: optimizer';
  const { name, learningRate, momentum, nesterov, weightDecay, globalClipnorm } = withDefaults(call, given, {
    name: given?.name,
    learningRate: given?.name === 'sgd' ? 0.01 : 1e-3,
    momentum: 0,
    nesterov: false,
    weightDecay: given?.name === 'adamw' ? 0.004 : 0,
    globalClipnorm: undefined,
  });
  expectOneOf('KerasModel.compile', 'optimizer', name, Object.keys(TAKES) as KerasOptimizerName[]);
  const known = ['name', 'learningRate', 'globalClipnorm', ...TAKES[name]];
  const stray = Object.entries(given).find(([key, value]) => value !== undefined && !known.includes(key));
  if (stray) throw new UsageError(`${call}: ${name} takes no ${stray[0]}; it takes ${known.join(', ')}`);
  const shared = {
    lr: learningRate,
    ...(globalClipnorm === undefined ? {} : { clipNorm: globalClipnorm }),
  };
  switch (name) {
    case 'sgd':
      return new SGD(groups, { ...shared, momentum, nesterov });
    case 'rmsprop':
      return new RMSprop(groups, { ...shared, momentum, alpha: 0.9, eps: EPS });
    case 'adam':
      return new Adam(groups, { ...shared, eps: EPS });
    case 'adamw':
      return new AdamW(groups, { ...shared, weightDecay, eps: EPS });
    case 'lion':
      return new Lion(groups, { ...shared, weightDecay });
  }
}
