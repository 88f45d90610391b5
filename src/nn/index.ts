/** `fovea/nn`: modules, initial weights, optimizers, gradient scaling, averaged weights and schedules, named as in PyTorch. */

export type { Layout, TorchLayout } from '../io/layout.ts';
export {
  GELU,
  Identity,
  LeakyReLU,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
} from './activations.ts';
export { type AttendOptions, MultiheadAttention, type MultiheadAttentionOptions } from './attention.ts';
export { type Layer, ModuleDict, ModuleList, Sequential, type UnaryModule } from './containers.ts';
export { Dropout, Dropout2d, StochasticDepth, type StochasticDepthMode } from './dropout.ts';
export { EMA, type EMAOptions } from './ema.ts';
export { createFeatureExtractor, type FeatureExtractor } from './featureExtractor.ts';
export { GradScaler, type GradScalerOptions } from './gradScaler.ts';
export { constant, type KaimingOptions, kaimingNormal, type NormalOptions, normal } from './init.ts';
export {
  Conv2d,
  type Conv2dOptions,
  ConvTranspose2d,
  type ConvTranspose2dOptions,
  Embedding,
  type EmbeddingOptions,
  Linear,
  type LinearOptions,
} from './layers.ts';
export type { LoadEntry, LoadOptions, LoadReport, LoadSource } from './loadState.ts';
export { Buffer, type Download, Module, Parameter, type StateEntry } from './module.ts';
export {
  BatchNorm2d,
  type BatchNormOptions,
  FrozenBatchNorm2d,
  GroupNorm,
  LayerNorm,
  type Norm,
  type NormKind,
  type NormOptions,
} from './norms.ts';
export {
  Adam,
  type AdamOptions,
  AdamW,
  accumulate,
  Lion,
  type LionOptions,
  Optimizer,
  OptimizerGroup,
  type OptimizerOptions,
  type ParameterGroup,
  RMSprop,
  type RMSpropOptions,
  SGD,
  type SGDOptions,
  type StepOptions,
} from './optimizers.ts';
export { AdaptiveAvgPool2d, AvgPool2d, Flatten, MaxPool2d, Upsample } from './pooling.ts';
export { type Generator, type GeneratorOption, generator, manualSeed, type SeedOptions } from './random.ts';
export { RandomState } from './randomState.ts';
export {
  type Anneal,
  type CosineRestartsOptions,
  type CyclicalMode,
  type CyclicalOptions,
  cosineRestarts,
  cyclical,
  type ExponentialDecayOptions,
  exponentialDecay,
  type FlatCosOptions,
  flatCos,
  type MomentumSchedule,
  type MultiStepDecayOptions,
  multiStepDecay,
  type OneCycleOptions,
  oneCycle,
  type PlateauOptions,
  type PlateauState,
  type PolynomialDecayOptions,
  polynomialDecay,
  ReduceLROnPlateau,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
  type WarmupCosineOptions,
  type WarmupOptions,
  warmup,
  warmupCosine,
} from './schedules.ts';
export type { Summary, SummaryRow } from './summary.ts';
