/**
 * Fovea: WebGPU compute kernels for vision, a graph that trains, and models. This entry point has what building and
 * training takes; `fovea/kernels` has single kernels for your own WebGPU programs.
 */

export { type AdapterChoice, type AdapterDescription, Device, type OpenOptions } from './device/device.ts';
export * from './errors.ts';
export * from './graph/index.ts';
export type { WayName } from './kernels/alternatives.ts';
export {
  borrowGpu,
  type CaptureProgress,
  type DebugOptions,
  Gpu,
  openGpu,
  type Result,
  type Results,
  type Run,
  type Step,
  type TuneOptions,
  type Validator,
} from './plan/gpu.ts';
export type { ProgramStats } from './plan/program.ts';
export type { Tuned, TuneProgress } from './plan/tuner.ts';
export type { DType, Shape, TensorSpec } from './shape.ts';
export * from './tasks/index.ts';
