/**
 * Fovea: computer vision on WebGPU. This entry point has tensors, operations and gradients, and the tasks of training and
 * running detectors and segmenters. `fovea/kernels` has single kernels for your own WebGPU programs.
 *
 * @module
 */

export type { Caps } from './device/caps.ts';
export { type AdapterChoice, type AdapterDescription, Device, type OpenOptions } from './device/device.ts';
export {
  AdapterError,
  DataError,
  DeviceLimitError,
  DeviceLostError,
  FoveaError,
  GpuError,
  LifetimeError,
  NumericError,
  OutOfMemoryError,
  ShapeError,
  StateDictError,
  UsageError,
} from './errors.ts';
export * from './graph/index.ts';
export type { PyramidLevels } from './kernels/levels.ts';
export type { StrategyName } from './kernels/strategy.ts';
export { type LearnerOfOptions, learnerOf, type TaskLearner } from './learn/learnerOf.ts';
export {
  type ResumeFrom,
  type StepRecord,
  type TrainOptions,
  type TrainResult,
  train,
} from './learn/train.ts';
export {
  borrowGpu,
  type CaptureOptions,
  type DebugOptions,
  Gpu,
  openGpu,
  type TuneOptions,
  type Validator,
} from './plan/gpu.ts';
export type { Program } from './plan/program.ts';
export type { ProgramStats } from './plan/stats.ts';
export type { CaptureProgress, Result, Results, Run, Step } from './plan/step.ts';
export type { Tuned, TuneProgress } from './plan/tuner.ts';
export type { RefArray } from './reference/reference.ts';
export type { DType, HostArray, Pair, Shape, TensorSpec } from './shape.ts';
export type { Architecture, FineTuned, NewModelOptions, TaskName } from './tasks/architecture.ts';
export {
  architectureOf,
  DEFAULT_MODEL,
  MODEL_NAMES,
  type ModelName,
} from './tasks/architectures.ts';
export {
  type ClassificationEvaluation,
  ClassificationEvaluator,
  type ClassificationEvaluatorOptions,
} from './tasks/classificationEvaluator.ts';
export {
  type Classification,
  Classifier,
  type ClassifierOptions,
  type ClassifyOptions,
  type ImageClassifier,
  loadClassifier,
} from './tasks/classifier.ts';
export { classifierArchitecture } from './tasks/classifierWeights.ts';
export type { ClassWeights } from './tasks/classWeights.ts';
export { type DarknetFiles, type FromDarknetFilesOptions, fromDarknet } from './tasks/darknetModel.ts';
export {
  type DetectionEvaluation,
  DetectionEvaluator,
  type DetectionEvaluatorOptions,
  type DetectionsToEvaluate,
  detectForEvaluation,
  EVALUATED_SCORE,
} from './tasks/detectionEvaluator.ts';
export {
  type EvaluatedImage,
  type EvaluateOptions,
  evaluateDetector,
  evaluateSegmenter,
  type Samples,
} from './tasks/evaluate.ts';
export {
  type ClassifiedImage,
  type EvaluateClassifierOptions,
  evaluateClassifier,
} from './tasks/evaluateClassifier.ts';
export { fromTexture, fromVideoFrame, type VideoFrameSource } from './tasks/fromTexture.ts';
export { GpuImage } from './tasks/gpuImage.ts';
export {
  type Detection,
  Detector,
  type DetectorOptions,
  loadDetector,
  loadSegmenter,
  type ObjectDetector,
  type PanopticFound,
  type PixelSegmenter,
  type Segmentation,
  Segmenter,
  type SegmenterOptions,
} from './tasks/infer.ts';
export { labelMap } from './tasks/labelMap.ts';
export { buildModel, decodeModel, metadataOf, type TrainedModel, taskOf } from './tasks/modelFile.ts';
export type { PanopticImage, PanopticImageSegment } from './tasks/panoptic.ts';
export {
  type CropPreprocessing,
  cropPreprocessing,
  type FixedPreprocessing,
  type ModelPreprocessing,
  type Preprocessing,
  type ShorterSidePreprocessing,
  type ShrinkPreprocessing,
} from './tasks/preprocessing.ts';
export { readProgress, type TrainProgress } from './tasks/progress.ts';
export {
  OPTIMIZER_NAMES,
  type OptimizerName,
  type Recipe,
  type RecipeOptions,
  SCHEDULE_NAMES,
  type ScheduleName,
} from './tasks/recipe.ts';
export type { TaskSamples } from './tasks/samples.ts';
export {
  type SegmentationEvaluation,
  SegmentationEvaluator,
  type SegmentationEvaluatorOptions,
} from './tasks/segmentationEvaluator.ts';
export {
  DEFAULT_MAX_SIDE,
  defaultSettings,
  type SettingsOptions,
  type TrainSettings,
} from './tasks/settings.ts';
export { describeStart, type StartReport } from './tasks/startWeights.ts';
export type {
  ClassificationModel,
  DetectionModel,
  SegmentationModel,
  TaskModel,
} from './tasks/step.ts';
export type { TrainingRecord, TrainingRun } from './tasks/trainingRecord.ts';
export {
  type TaskTuneOptions,
  type TuneInferenceOptions,
  tuneInference,
  tuneTraining,
} from './tasks/tune.ts';
export { architectureIn, configFromWeights } from './tasks/weightConfig.ts';
