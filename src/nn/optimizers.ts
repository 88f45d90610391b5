/** All optimizers. */
export { Adam, type AdamOptions, AdamW } from './optimizers/adam.ts';
export { OptimizerGroup, type ParameterGroup } from './optimizers/groups.ts';
export { Optimizer, type OptimizerOptions } from './optimizers/optimizer.ts';
export { SGD, type SGDOptions } from './optimizers/sgd.ts';
