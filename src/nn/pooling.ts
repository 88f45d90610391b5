import {
  type AvgPoolOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  type InterpolateOptions,
  interpolate,
  type MaxPoolOptions,
  maxPool2d,
} from '../graph/functions/conv.ts';
import { flatten } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import type { Pair } from '../shape.ts';
import { heeded } from './heeded.ts';
import { Module } from './module.ts';

/** The maximum of each window of x [N,H,W,C] (PyTorch's MaxPool2d). */
export class MaxPool2d extends Module {
  /** Pixels of a window. A captured step is captured again when this or another of these settings has changed. */
  declare kernelSize: Pair;
  /** Pixels between windows; undefined for kernelSize. */
  declare stride: Pair | undefined;
  /** Pixels on each side that no maximum is taken of. */
  declare padding: Pair;
  /** Pixels from one tap of a window to the next. */
  declare dilation: Pair;
  /** Whether the sizes of the result are rounded up. */
  declare ceilMode: boolean;

  /**
   * @param kernelSize Pixels of a window: one number, or [height, width].
   * @param options Defaults: stride kernelSize, padding 0, dilation 1, ceilMode false.
   */
  constructor(kernelSize: Pair, options: MaxPoolOptions = {}) {
    super();
    const settings = withDefaults('MaxPool2d', options, {
      stride: undefined,
      padding: 0,
      dilation: 1,
      ceilMode: false,
    });
    heeded<MaxPool2d>(this, { kernelSize, ...settings });
  }

  /**
   * Pools x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return maxPool2d(x, kernelSize, { stride, padding, dilation, ceilMode });
  }
}

/** The mean of each window of x [N,H,W,C] (PyTorch's AvgPool2d). */
export class AvgPool2d extends Module {
  /** Pixels of a window. A captured step is captured again when this or another of these settings has changed. */
  declare kernelSize: Pair;
  /** Pixels between windows; undefined for kernelSize. */
  declare stride: Pair | undefined;
  /** Zeros on each side. */
  declare padding: Pair;
  /** Whether the sizes of the result are rounded up. */
  declare ceilMode: boolean;
  /** Whether the zeros on the sides count. */
  declare countIncludePad: boolean;
  /** What sums are divided by; undefined for the size of the window. */
  declare divisorOverride: number | undefined;

  /**
   * @param kernelSize Pixels of a window: one number, or [height, width].
   * @param options Defaults: stride kernelSize, padding 0, ceilMode false, countIncludePad true.
   */
  constructor(kernelSize: Pair, options: AvgPoolOptions = {}) {
    super();
    const settings = withDefaults('AvgPool2d', options, {
      stride: undefined,
      padding: 0,
      ceilMode: false,
      countIncludePad: true,
      divisorOverride: undefined,
    });
    heeded<AvgPool2d>(this, { kernelSize, ...settings });
  }

  /**
   * Pools x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool2d(x, kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride });
  }
}

/** Means over a grid of cells that covers x [N,H,W,C], whatever its size (PyTorch's AdaptiveAvgPool2d). */
export class AdaptiveAvgPool2d extends Module {
  /** Cells of the result. A captured step is captured again when it has changed. */
  declare outputSize: Pair;

  /** @param outputSize Cells of the result: one number, or [height, width]. 1 gives the mean of the whole map. */
  constructor(outputSize: Pair) {
    super();
    heeded<AdaptiveAvgPool2d>(this, { outputSize });
  }

  /**
   * Pools x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/** Resizes x [N,H,W,C] (PyTorch's Upsample). */
export class Upsample extends Module {
  /** Height and width of the result. A captured step is captured again when this or another of these settings has changed. */
  declare size: Pair | undefined;
  /** Pixels of the result for one of x. */
  declare scaleFactor: Pair | undefined;
  /** Whether positions follow from the sizes. */
  declare recomputeScaleFactor: boolean;
  /** How pixels are interpolated. */
  declare mode: 'nearest' | 'bilinear' | 'bicubic';
  /** Whether the corner pixels are aligned. */
  declare alignCorners: boolean;
  /** Whether a bilinear filter widens where it shrinks. */
  declare antialias: boolean;

  /** @param options `size` in pixels or `scaleFactor`, and `mode`: nearest (the default), bilinear or bicubic. */
  constructor(options: InterpolateOptions) {
    super();
    const settings = withDefaults('Upsample', options, {
      size: undefined,
      scaleFactor: undefined,
      recomputeScaleFactor: false,
      mode: 'nearest',
      alignCorners: false,
      antialias: false,
    });
    heeded<Upsample>(this, settings);
  }

  /**
   * Resizes x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    const { size, scaleFactor, recomputeScaleFactor, mode, alignCorners, antialias } = this;
    const target = {
      ...(size === undefined ? {} : { size }),
      ...(scaleFactor === undefined ? {} : { scaleFactor }),
    };
    return interpolate(x, { ...target, recomputeScaleFactor, mode, alignCorners, antialias });
  }
}

/**
 * Joins dimensions into one (PyTorch's Flatten). A map [N,H,W,C] becomes [N,H W C]; PyTorch's [N,C,H,W] becomes [N,C H W], so
 * give the `Linear` after it `pixels: H * W` where its weights come from PyTorch.
 */
export class Flatten extends Module {
  /** The first dimension that is joined. A captured step is captured again when this or endDim has changed. */
  declare startDim: number;
  /** The last one. */
  declare endDim: number;

  /**
   * @param startDim The first dimension that is joined. Default 1.
   * @param endDim The last one; negative ones count from the end. Default -1.
   */
  constructor(startDim = 1, endDim = -1) {
    super();
    heeded<Flatten>(this, { startDim, endDim });
  }

  /**
   * Joins the dimensions. A view: costs nothing.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return flatten(x, this.startDim, this.endDim);
  }
}
