/**
 * Single kernels for your own WebGPU program: plan once for shapes on your device, encode into your own compute
 * pass, on your own buffers. See `EncodableKernel`.
 */
export * from './argmax.ts';
export * from './avgPool2d.ts';
export * from './batchNorm.ts';
export * from './boxCoder.ts';
export * from './boxIou.ts';
export * from './cast.ts';
export * from './concat.ts';
export * from './conv2d.ts';
export * from './convTranspose2d.ts';
export * from './crossEntropy.ts';
export { elementwiseKernels } from './elementwise.ts';
export * from './gatherRows.ts';
export * from './groupNorm.ts';
export * from './hammingDistance.ts';
export * from './imageFilters.ts';
export * from './interpolate.ts';
export {
  type BufferSource,
  type Dispatch,
  defineKernel,
  type EncodableKernel,
  type Kernel,
  type KernelPlan,
} from './kernel.ts';
export * from './matchAnchors.ts';
export * from './matmul.ts';
export * from './maxPool2d.ts';
export * from './nms.ts';
export * from './oneHot.ts';
export { kernels, type OpName } from './ops.ts';
export * from './optimizers.ts';
export * from './pack.ts';
export * from './panopticMerge.ts';
export * from './pasteMasks.ts';
export * from './rand.ts';
export * from './reduce.ts';
export * from './roiAlign.ts';
export * from './roiPool.ts';
export * from './softmax.ts';
export * from './sort.ts';
export * from './stridedCopy.ts';
export * from './topk.ts';
export * from './weightedBoxFusion.ts';
