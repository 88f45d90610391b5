/** All schedules of learning rates and momentum. */
export {
  type CosineRestartsOptions,
  cosineRestarts,
  type FlatCosOptions,
  flatCos,
  type WarmupCosineOptions,
  warmupCosine,
} from './schedules/cosine.ts';
export { type CyclicalMode, type CyclicalOptions, cyclical } from './schedules/cyclical.ts';
export {
  type ExponentialDecayOptions,
  exponentialDecay,
  type MultiStepDecayOptions,
  multiStepDecay,
  type PolynomialDecayOptions,
  polynomialDecay,
  type StepDecayOptions,
  stepDecay,
} from './schedules/decay.ts';
export { type OneCycleOptions, oneCycle } from './schedules/oneCycle.ts';
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from './schedules/plateau.ts';
export type { Anneal, MomentumSchedule, Schedule } from './schedules/schedule.ts';
export { type WarmupOptions, warmup } from './schedules/warmup.ts';
