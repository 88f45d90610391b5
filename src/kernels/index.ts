/**
 * Single kernels for your own WebGPU program: plan once for shapes on your device, encode into your own compute
 * pass, on your own buffers. See `EncodableKernel`.
 */

export type { Caps } from '../device/caps.ts';
export * from './boxes/boxCoder.ts';
export * from './boxes/boxIou.ts';
export * from './boxes/matchAnchors.ts';
export * from './boxes/nms.ts';
export * from './boxes/weightedBoxFusion.ts';
export * from './conv/conv2d.ts';
export * from './conv/convTranspose2d.ts';
export type { Given, GivenValue, Shaped, ShapesOf, SpecsOf } from './description.ts';
export * from './elementwise/activations.ts';
export * from './elementwise/cast.ts';
export * from './elementwise/comparison.ts';
export {
  defineElementwise,
  type ElementwiseAttrs,
  type ElementwiseBackwardKernel,
  type ElementwiseKernel,
  type Letter,
  type NameIn,
  type NamesIn,
  type RowAttrs,
} from './elementwise/elementwise.ts';
export * from './elementwise/logical.ts';
export * from './elementwise/math.ts';
export * from './elementwise/rounding.ts';
export type { ElementwiseExpression, ElementwiseRow } from './elementwise/row.ts';
export * from './elementwise/trigonometry.ts';
export {
  type GaussianBlurAttrs,
  gaussianBlur,
  gaussianBlurBackward,
  pyrDown,
  pyrDownBackward,
  pyrUp,
  pyrUpBackward,
} from './image/imageFilters.ts';
export { type InterpolateAttrs, interpolate, interpolateBackward } from './image/interpolate.ts';
export type { ResampleBackwardAttrs } from './image/resample.ts';
export type {
  BufferSource,
  Buffers,
  Dispatch,
  EncodableKernel,
  Kernel,
  KernelDescription,
  KernelPlan,
  PlannableKernel,
} from './kernel.ts';
export type { PyramidLevels } from './levels.ts';
export * from './losses/crossEntropy.ts';
export * from './losses/pointwise.ts';
export * from './matrix/cdist.ts';
export * from './matrix/hammingDistance.ts';
export * from './matrix/matmul.ts';
export * from './norm/batchNorm.ts';
export * from './norm/groupNorm.ts';
export * from './norm/localResponseNorm.ts';
export { kernels, type OpName } from './ops.ts';
export * from './optimizers/ema.ts';
export * from './optimizers/optimizers.ts';
export * from './optimizers/pack.ts';
export { type Plannable, planAsync } from './planAsync.ts';
export {
  type AdaptiveAvgPool2dAttrs,
  type AvgPool2dAttrs,
  adaptiveAvgPool2d,
  adaptiveAvgPool2dBackward,
  avgPool2d,
  avgPool2dBackward,
} from './pool/avgPool2d.ts';
export * from './pool/maxPool2d.ts';
export * from './reduce/argmax.ts';
export * from './reduce/cumulative.ts';
export * from './reduce/reduce.ts';
export * from './reduce/softmax.ts';
export * from './roi/heatmapsToKeypoints.ts';
export * from './roi/panopticMerge.ts';
export * from './roi/pasteMasks.ts';
export type { RoiAttrs } from './roi/roi.ts';
export * from './roi/roiAlign.ts';
export * from './roi/roiPool.ts';
export * from './shape/concat.ts';
export { type GatherAttrs, gather } from './shape/gather.ts';
export * from './shape/gatherRows.ts';
export * from './shape/oneHot.ts';
export * from './shape/rand.ts';
export * from './shape/scatter.ts';
export * from './shape/stridedCopy.ts';
export * from './sort/sort.ts';
export * from './sort/topk.ts';
export type { Size2 } from './spatial.ts';
export { defineKernel } from './userKernel.ts';
