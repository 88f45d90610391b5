import { gelu, leakyRelu, relu, sigmoid, silu, tanh } from '../graph/functions/elementwise.ts';
import { softmax } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { heeded } from './heeded.ts';
import { Module } from './module.ts';

/** max(x, 0); the gradient at 0 is 0 (PyTorch's ReLU). */
export class ReLU extends Module {
  /**
   * Applies the function to each element.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** x where positive, else negativeSlope x (PyTorch's LeakyReLU). */
export class LeakyReLU extends Module {
  /** What negative values are multiplied by. A captured step is captured again when it has changed. */
  declare negativeSlope: number;

  /** @param negativeSlope Default 0.01. */
  constructor(negativeSlope = 0.01) {
    super();
    heeded<LeakyReLU>(this, { negativeSlope });
  }

  /**
   * Applies the function to each element.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }
}

/** x sigmoid(x) (PyTorch's SiLU, also called swish). */
export class SiLU extends Module {
  /**
   * Applies the function to each element.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** x times the distribution function of the normal distribution at x, exact by erf (PyTorch's GELU without `approximate`). */
export class GELU extends Module {
  /**
   * Applies the function to each element.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return gelu(x);
  }
}

/** 1 / (1 + exp(-x)) (PyTorch's Sigmoid). */
export class Sigmoid extends Module {
  /**
   * Applies the function to each element.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent (PyTorch's Tanh). */
export class Tanh extends Module {
  /**
   * Applies the function to each element.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** exp(x) divided by its sum along a dimension (PyTorch's Softmax). */
export class Softmax extends Module {
  /** The dimension along which the results add up to 1. A captured step is captured again when it has changed. */
  declare dim: number;

  /**
   * @param dim The dimension along which the results add up to 1; negative ones count from the end. Default -1, the channels.
   */
  constructor(dim = -1) {
    super();
    heeded<Softmax>(this, { dim });
  }

  /**
   * Applies softmax along the dimension.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
  }
}

/**
 * Returns x unchanged (PyTorch's Identity): replaces a layer of a `Sequential` without changing the indices of the
 * others.
 */
export class Identity extends Module {
  /**
   * Returns x.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    return x;
  }
}
