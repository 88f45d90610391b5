export { type AutocastOptions, autocast } from './autocast.ts';
export { backward, grad } from './backward.ts';
export { type CheckpointOutputs, checkpoint } from './checkpoint.ts';
export { evaluate } from './evaluate.ts';
export * from './functions/activations.ts';
export * from './functions/attention.ts';
export * from './functions/boxes.ts';
export * from './functions/boxLosses.ts';
export * from './functions/conv.ts';
export * from './functions/creation.ts';
export * from './functions/einsum.ts';
export * from './functions/elementwise.ts';
export * from './functions/gridSample.ts';
export * from './functions/indexing.ts';
export * from './functions/logical.ts';
export * from './functions/losses.ts';
export type { Operand } from './functions/operands.ts';
export * from './functions/pyramid.ts';
export * from './functions/reduce.ts';
export * from './functions/shape.ts';
export * from './functions/silhouette.ts';
export { defineOperation, type OperationOf, type OperationOptions } from './operation.ts';
export {
  type ElementwiseOperation,
  elementwiseOperation,
  type SecondDerivatives,
} from './operations/elementwise.ts';
export { assign } from './recorder.ts';
export { State } from './state.ts';
export {
  apply,
  type Computer,
  full,
  type GradientContext,
  type GradientRule,
  type InputsOf,
  type Operation,
  Tensor,
  tensor,
  zeros,
} from './tensor.ts';
export type { DetachOptions, TensorOptions } from './tensorOptions.ts';
export { noGrad } from './tracking.ts';
export type { NestedNumbers } from './values.ts';
