import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import type { ConvShape, Layers } from './layers.ts';
import type { Net } from './nets.ts';

/** Counts what a network's convolutions and products take, without computing them: its values are shapes. */
class CountLayers implements Layers<Shape> {
  flops = 0;
  weights = 0;

  conv(_name: string, x: Shape, out: number, shape: ConvShape = {}): Shape {
    const { kernel = 3, stride = 1, padding = 0, bias = false, depthwise = false } = shape;
    const [n = 0, h = 0, w = 0, c = 0] = x;
    const size = (from: number) => Math.floor((from + 2 * padding - kernel) / stride) + 1;
    const y = [n, size(h), size(w), out];
    const taps = kernel * kernel * (depthwise ? 1 : c);
    this.flops += 2 * numel(y) * taps;
    this.weights += taps * out + (bias ? out : 0);
    return y;
  }
  up(_name: string, [n = 0, h = 0, w = 0, c = 0]: Shape, out: number): Shape {
    const y = [n, 2 * h, 2 * w, out];
    this.flops += 2 * numel(y) * c;
    this.weights += 4 * c * out + out;
    return y;
  }
  batchNorm(_name: string, x: Shape): Shape {
    this.weights += 4 * x.at(-1)!;
    return x;
  }
  groupNorm(_name: string, x: Shape): Shape {
    this.weights += 2 * x.at(-1)!;
    return x;
  }
  linear(_name: string, [n = 0, c = 0]: Shape, out: number): Shape {
    this.flops += 2 * n * c * out;
    this.weights += c * out + out;
    return [n, out];
  }
  relu(x: Shape): Shape {
    return x;
  }
  relu6(x: Shape): Shape {
    return x;
  }
  add(a: Shape): Shape {
    return a;
  }
  maxPool([n = 0, h = 0, w = 0, c = 0]: Shape, kernel: number, stride: number, padding: number): Shape {
    const size = (from: number) => Math.floor((from + 2 * padding - kernel) / stride) + 1;
    return [n, size(h), size(w), c];
  }
  pool([n = 0, , , c = 0]: Shape): Shape {
    return [n, c];
  }
  concat(parts: readonly Shape[]): Shape {
    return [...parts[0]!.slice(0, 3), parts.reduce((sum, part) => sum + part[3]!, 0)];
  }
  enlarge([n = 0, h = 0, w = 0, c = 0]: Shape): Shape {
    return [n, 2 * h, 2 * w, c];
  }
  normalize(x: Shape): Shape {
    return x;
  }
  rows(levels: readonly Shape[], values: number): Shape {
    const n = levels[0]![0]!;
    return [n, levels.reduce((sum, level) => sum + numel(level) / (n * values), 0), values];
  }
}

/** Operations of convolutions and matrix products, numbers of weights, and the outputs' shapes. */
export function countNet(net: Net, images: Shape): { flops: number; weights: number; outputs: Shape[] } {
  const layers = new CountLayers();
  const outputs = net<Shape>(layers, images);
  return { flops: layers.flops, weights: layers.weights, outputs };
}
