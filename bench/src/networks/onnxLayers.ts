import { toOrt } from '../layout.ts';
import type { OnnxGraph } from '../peers/onnx.ts';
import type { Layout } from '../workload.ts';
import { type ConvShape, EPS, GROUP, type Layers, MEAN, STD, type Weights } from './layers.ts';

const two = (value: number): number[] => [value, value];

/** ONNX nodes as layers, for inference. Images are [N,C,H,W]; weights are part of the model. */
export class OnnxLayers implements Layers<string> {
  readonly #graph: OnnxGraph;
  readonly #weights: Weights;

  constructor(graph: OnnxGraph, weights: Weights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  #of(name: string, layout: Layout = 'plain', dims?: readonly number[]): string {
    const { shape, data } = this.#weights.get(name)!;
    const given = toOrt(data, shape, layout);
    return this.#graph.constant(given.data as Float32Array, dims ?? given.dims);
  }

  conv(name: string, x: string, _out: number, shape: ConvShape = {}): string {
    const { kernel = 3, stride = 1, padding = 0, bias = false, depthwise = false } = shape;
    const inputs = [x, this.#of(`${name}.weight`, 'filter'), ...(bias ? [this.#of(`${name}.bias`)] : [])];
    return this.#graph.node('Conv', inputs, {
      kernel_shape: two(kernel),
      strides: two(stride),
      pads: [padding, padding, padding, padding],
      group: depthwise ? this.#weights.get(`${name}.weight`)!.shape[3]! : 1,
    });
  }
  up(name: string, x: string): string {
    const inputs = [x, this.#of(`${name}.weight`, 'filter'), this.#of(`${name}.bias`)];
    return this.#graph.node('ConvTranspose', inputs, { kernel_shape: two(2), strides: two(2) });
  }
  batchNorm(name: string, x: string): string {
    const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
      this.#of(`${name}.${part}`),
    );
    return this.#graph.node('BatchNormalization', [x, ...parts], { epsilon: { float: EPS } });
  }
  groupNorm(name: string, x: string): string {
    const channels = this.#weights.get(`${name}.weight`)!.shape[0]!;
    const groups = channels / GROUP;
    const shape = this.#graph.node('Shape', [x]);
    const flat = this.#graph.node('Reshape', [x, this.#graph.constant([0, groups, -1])]);
    const ones = this.#graph.constant(new Float32Array(groups).fill(1));
    const zeros = this.#graph.constant(new Float32Array(groups));
    const even = this.#graph.node('InstanceNormalization', [flat, ones, zeros], { epsilon: { float: EPS } });
    const image = this.#graph.node('Reshape', [even, shape]);
    const each = (part: string) => this.#of(`${name}.${part}`, 'plain', [channels, 1, 1]);
    return this.#graph.node('Add', [this.#graph.node('Mul', [image, each('weight')]), each('bias')]);
  }
  linear(name: string, x: string): string {
    return this.#graph.node('Gemm', [x, this.#of(`${name}.weight`), this.#of(`${name}.bias`)]);
  }
  relu(x: string): string {
    return this.#graph.node('Relu', [x]);
  }
  relu6(x: string): string {
    return this.#graph.node('Clip', [x, this.#graph.scalar(0), this.#graph.scalar(6)]);
  }
  add(a: string, b: string): string {
    return this.#graph.node('Add', [a, b]);
  }
  maxPool(x: string, kernel: number, stride: number, padding: number): string {
    return this.#graph.node('MaxPool', [x], {
      kernel_shape: two(kernel),
      strides: two(stride),
      pads: [padding, padding, padding, padding],
    });
  }
  pool(x: string): string {
    return this.#graph.node('Flatten', [this.#graph.node('GlobalAveragePool', [x])]);
  }
  concat(parts: readonly string[]): string {
    return this.#graph.node('Concat', parts, { axis: 1 });
  }
  enlarge(x: string): string {
    const scales = this.#graph.constant(Float32Array.of(1, 1, 2, 2));
    return this.#graph.node('Resize', [x, '', scales], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
  }
  normalize(x: string): string {
    const each = (values: readonly number[]) => this.#graph.constant(Float32Array.from(values), [3, 1, 1]);
    return this.#graph.node('Div', [this.#graph.node('Sub', [x, each(MEAN)]), each(STD)]);
  }
  rows(levels: readonly string[], values: number): string {
    const shape = this.#graph.constant([0, -1, values]);
    const rows = levels.map((level) =>
      this.#graph.node('Reshape', [this.#graph.node('Transpose', [level], { perm: [0, 2, 3, 1] }), shape]),
    );
    return this.#graph.node('Concat', rows, { axis: 1 });
  }
}
