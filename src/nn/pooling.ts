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
import { Module } from './module.ts';

/** The maximum of each window of x [N,H,W,C] (PyTorch's MaxPool2d). */
export class MaxPool2d extends Module {
  readonly #kernelSize: Pair;
  readonly #options: MaxPoolOptions;

  /**
   * @param kernelSize Pixels of a window: one number, or [height, width].
   * @param options Defaults: stride kernelSize, padding 0, dilation 1, ceilMode false.
   */
  constructor(kernelSize: Pair, options: MaxPoolOptions = {}) {
    super();
    this.#kernelSize = kernelSize;
    this.#options = withDefaults('MaxPool2d', options, {
      stride: undefined,
      padding: 0,
      dilation: 1,
      ceilMode: false,
    });
  }

  /**
   * Pools x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.#kernelSize, this.#options);
  }
}

/** The mean of each window of x [N,H,W,C] (PyTorch's AvgPool2d). */
export class AvgPool2d extends Module {
  readonly #kernelSize: Pair;
  readonly #options: AvgPoolOptions;

  /**
   * @param kernelSize Pixels of a window: one number, or [height, width].
   * @param options Defaults: stride kernelSize, padding 0, ceilMode false, countIncludePad true.
   */
  constructor(kernelSize: Pair, options: AvgPoolOptions = {}) {
    super();
    this.#kernelSize = kernelSize;
    this.#options = withDefaults('AvgPool2d', options, {
      stride: undefined,
      padding: 0,
      ceilMode: false,
      countIncludePad: true,
      divisorOverride: undefined,
    });
  }

  /**
   * Pools x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.#kernelSize, this.#options);
  }
}

/** Means over a grid of cells that covers x [N,H,W,C], whatever its size (PyTorch's AdaptiveAvgPool2d). */
export class AdaptiveAvgPool2d extends Module {
  readonly #outputSize: Pair;

  /** @param outputSize Cells of the result: one number, or [height, width]. 1 gives the mean of the whole map. */
  constructor(outputSize: Pair) {
    super();
    this.#outputSize = outputSize;
  }

  /**
   * Pools x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.#outputSize);
  }
}

/** Resizes x [N,H,W,C] (PyTorch's Upsample). */
export class Upsample extends Module {
  readonly #options: InterpolateOptions;

  /** @param options `size` in pixels or `scaleFactor`, and `mode`: nearest (the default), bilinear or bicubic. */
  constructor(options: InterpolateOptions) {
    super();
    this.#options = withDefaults('Upsample', options, {
      size: undefined,
      scaleFactor: undefined,
      recomputeScaleFactor: false,
      mode: 'nearest',
      alignCorners: false,
    });
  }

  /**
   * Resizes x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    return interpolate(x, this.#options);
  }
}

/**
 * Joins dimensions into one (PyTorch's Flatten). A map [N,H,W,C] becomes [N,H W C]; PyTorch's [N,C,H,W] becomes [N,C H W], so
 * give the `Linear` after it `pixels: H * W` where its weights come from PyTorch.
 */
export class Flatten extends Module {
  readonly #startDim: number;
  readonly #endDim: number;

  /**
   * @param startDim The first dimension that is joined. Default 1.
   * @param endDim The last one; negative ones count from the end. Default -1.
   */
  constructor(startDim = 1, endDim = -1) {
    super();
    this.#startDim = startDim;
    this.#endDim = endDim;
  }

  /**
   * Joins the dimensions. A view: costs nothing.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return flatten(x, this.#startDim, this.#endDim);
  }
}
