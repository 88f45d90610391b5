/**
 * Training: the Learner, its callbacks, schedules in use, validation, and what there is to learn (`Task`).
 *
 * @module
 */

export {
  type Batch,
  type BatchingOptions,
  type Collate,
  type CollateContext,
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  type HostTensor,
  type LoadedBatch,
  type Loader,
} from '../data/loader.ts';
export { ClassLoader, type ClassLoaderOptions, type ClassTensors } from '../tasks/classLoader.ts';
export {
  balancedClassWeights,
  type ClassLossOptions,
  type ClassTask,
  type ClassTaskOptions,
  classifyTask,
} from '../tasks/classTask.ts';
export {
  CropLoader,
  type CropLoaderOptions,
  type DetectTensors,
  type SegmentTensors,
} from '../tasks/cropLoader.ts';
export {
  type CropTaskOptions,
  detectTask,
  type SegmentTaskOptions,
  segmentTask,
} from '../tasks/cropTasks.ts';
export {
  type MattingModel,
  type MattingTask,
  type MattingTaskOptions,
  type MattingTensors,
  mattingTask,
} from '../tasks/mattingTask.ts';
export {
  type AccuracyOptions,
  accuracy,
  type MetricNames,
  meanAbsoluteError,
  meanSquaredError,
} from '../tasks/metrics.ts';
export {
  type PointsModel,
  type PointsTask,
  type PointsTaskOptions,
  type PointsTensors,
  pointsTask,
} from '../tasks/pointsTask.ts';
export type { Judgement, Metric, Task, TensorsOf } from '../tasks/task.ts';
export type { BestEpoch } from './best.ts';
export type { Callback, LearnerCheckpoint, TrainingState } from './callback.ts';
export { CSVLogger, type CSVLoggerOptions } from './callbacks/csvLogger.ts';
export { EarlyStopping, type EarlyStoppingOptions } from './callbacks/earlyStopping.ts';
export { LambdaCallback } from './callbacks/lambdaCallback.ts';
export { ModelCheckpoint, type ModelCheckpointOptions } from './callbacks/modelCheckpoint.ts';
export type { MonitorMode } from './callbacks/monitor.ts';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './callbacks/reduceLROnPlateau.ts';
export { TensorBoard, type TensorBoardOptions } from './callbacks/tensorBoard.ts';
export { TerminateOnNaN } from './callbacks/terminateOnNaN.ts';
export type { FitResult } from './fit.ts';
export type { FitControls } from './fitControls.ts';
export type { StepRates } from './fitPlan.ts';
export { bestWeights } from './fitProgress.ts';
export { type LayerGroup, layerGroups } from './groups.ts';
export { History, type Logs, type StepLogs } from './history.ts';
export {
  type Confused,
  Interpretation,
  type InterpretationOptions,
  type InterpretedItem,
} from './interpretation.ts';
export type { KerasBatch, Samples } from './keras/data.ts';
export type {
  KerasFunction,
  KerasLoss,
  KerasLossName,
  KerasLossOptions,
  KerasMetric,
  KerasMetricName,
} from './keras/losses.ts';
export { KerasModel } from './keras/model.ts';
export type { KerasOptimizer, KerasOptimizerName, KerasOptimizerOptions } from './keras/optimizers.ts';
export type {
  CompileOptions,
  FitLoaderOptions,
  KerasEvaluateOptions,
  KerasFitOptions,
  ValidationData,
} from './keras/options.ts';
export { Learner, type LearnerOptions, type MakeOptimizer } from './learner.ts';
export { logged } from './logged.ts';
export type { LrFinding, LrFindOptions } from './lrFind.ts';
export type { FineTuneOptions, FitFlatCosOptions, FitOneCycleOptions, FitOptions } from './plans.ts';
export {
  type PlotLossOptions,
  type PlotOptions,
  plotLoss,
  plotLrFind,
  plotRates,
} from './plots.ts';
export { type Rate, type RateSlice, slice } from './rates.ts';
export {
  batchImages,
  type ShowBatchOptions,
  type ShowResultsOptions,
  showBatch,
  showResults,
} from './show.ts';
export { type ShowPredictionsOptions, showPredictions } from './showPredictions.ts';
export type { Trained } from './trained.ts';
export type { UpdateOptions } from './update.ts';
