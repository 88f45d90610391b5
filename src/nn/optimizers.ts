/** All optimizers. */
export { accumulate } from './optimizers/accumulate.ts';
export { Adam, type AdamOptions, AdamW } from './optimizers/adam.ts';
export { OptimizerGroup, type ParameterGroup } from './optimizers/groups.ts';
export { Lion, type LionOptions } from './optimizers/lion.ts';
export { Optimizer, type OptimizerOptions, type StepOptions } from './optimizers/optimizer.ts';
export { RMSprop, type RMSpropOptions } from './optimizers/rmsprop.ts';
export { SGD, type SGDOptions } from './optimizers/sgd.ts';
