import type { TensorSpec } from '../../shape.ts';
import type { Size2 } from '../spatial.ts';
import type { Problem } from '../strategy.ts';

/** Attributes of `maxPool2d`; sizes are (height, width), or one number for both axes. */
export interface MaxPool2dAttrs {
  /** Height and width of the window. */
  readonly kernelSize: Size2;
  /** Pixels from one window to the next. Default: kernelSize. */
  readonly stride: Size2;
  /** Pixels of -Infinity around x on each side, at most half of kernelSize. Default 0. */
  readonly padding: Size2;
  /** Pixels from one element of a window to the next. Default 1. */
  readonly dilation: Size2;
  /** Whether a last window that begins inside of x may reach over its end. Default false. */
  readonly ceilMode: boolean;
}

/** Attributes of `maxPool2dBackward`: those of the `maxPool2d` whose gradient it computes, and the size of its input. */
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
