import type { TensorSpec } from '../../shape.ts';
import type { Size2 } from '../spatial.ts';
import type { Problem } from '../strategy.ts';

export interface MaxPool2dAttrs {
  readonly kernelSize: Size2;
  /** Default: kernelSize. */
  readonly stride: Size2;
  /** Default 0. */
  readonly padding: Size2;
  /** Default 1. */
  readonly dilation: Size2;
  /** A last window may hang over the end, where it begins inside. Default false. */
  readonly ceilMode: boolean;
}

export interface MaxPool2dBackwardAttrs extends MaxPool2dAttrs {
  /** Height and width of the x that was pooled. */
  readonly inputSize: Size2;
}

export type MaxPoolProblem = Problem<
  { readonly x: TensorSpec },
  { readonly y: TensorSpec; readonly indices: TensorSpec },
  MaxPool2dAttrs
>;
export type MaxPoolBackwardProblem = Problem<
  { readonly dy: TensorSpec; readonly indices: TensorSpec },
  { readonly dx: TensorSpec },
  MaxPool2dBackwardAttrs
>;

/** Whether windows have no gaps. */
export const isDense = ({ dilation }: MaxPool2dAttrs): boolean => dilation.every((step) => step === 1);
