/*
 * What the bench uses of tfjs, as types: the package is installed apart from this project (bench/peers), so that its own
 * types are not there when this code is checked.
 */

export type TfValues = Float32Array | Int32Array | Uint8Array;

export interface TfTensor {
  readonly shape: number[];
  readonly dtype: string;
  readonly dataId: object;
  data(): Promise<TfValues>;
  dispose(): void;
}

export interface TfVariable extends TfTensor {
  readonly name: string;
  assign(value: TfTensor): void;
}

export interface TfOptimizer {
  applyGradients(grads: Record<string, TfTensor>): void;
  dispose(): void;
}

type Size = number | [number, number];
type Pad = 'same' | 'valid' | number;
type Unary = (x: TfTensor) => TfTensor;
type Binary = (a: TfTensor | number, b: TfTensor | number) => TfTensor;
type Reduce = (x: TfTensor, axis?: number | number[], keepDims?: boolean) => TfTensor;

export interface Tf {
  readonly version_core: string;
  findBackendFactory(name: string): unknown;
  removeBackend(name: string): void;
  registerBackend(name: string, factory: () => unknown): boolean;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  env(): { set(flag: string, value: boolean | number): void; get(flag: string): boolean | number };
  engine(): {
    startScope(): void;
    endScope(result?: unknown): void;
    runKernel(name: string, inputs: Record<string, TfTensor>, attrs: object): TfTensor;
  };
  keep(x: TfTensor): TfTensor;
  tidy<T>(fn: () => T): T;
  dispose(container: unknown): void;
  disposeVariables(): void;
  tensor(values: TfValues | number[], shape?: readonly number[], dtype?: string): TfTensor;
  scalar(value: number): TfTensor;
  variable(initial: TfTensor, trainable?: boolean, name?: string): TfVariable;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  conv2d(
    x: TfTensor,
    filter: TfTensor,
    strides: Size,
    pad: Pad,
    dataFormat?: 'NHWC',
    dilations?: Size,
  ): TfTensor;
  depthwiseConv2d(x: TfTensor, filter: TfTensor, strides: Size, pad: Pad): TfTensor;
  conv2dTranspose(x: TfTensor, filter: TfTensor, outputShape: number[], strides: Size, pad: Pad): TfTensor;
  batchNorm(
    x: TfTensor,
    mean: TfTensor,
    variance: TfTensor,
    offset: TfTensor,
    scale: TfTensor,
    eps: number,
  ): TfTensor;
  moments(x: TfTensor, axis: number[], keepDims?: boolean): { mean: TfTensor; variance: TfTensor };
  maxPool(x: TfTensor, filterSize: Size, strides: Size, pad: Pad): TfTensor;
  mirrorPad(x: TfTensor, paddings: [number, number][], mode: 'reflect'): TfTensor;
  readonly image: {
    resizeBilinear(
      x: TfTensor,
      size: [number, number],
      alignCorners?: boolean,
      halfPixel?: boolean,
    ): TfTensor;
    resizeNearestNeighbor(x: TfTensor, size: [number, number]): TfTensor;
    nonMaxSuppressionAsync(
      boxes: TfTensor,
      scores: TfTensor,
      maxOutputSize: number,
      iouThreshold: number,
      scoreThreshold: number,
    ): Promise<TfTensor>;
  };
  readonly losses: { softmaxCrossEntropy(onehot: TfTensor, logits: TfTensor): TfTensor };
  readonly train: {
    adam(lr: number, beta1: number, beta2: number, eps: number): TfOptimizer;
    momentum(lr: number, momentum: number): TfOptimizer;
  };
  topk(x: TfTensor, k: number, sorted?: boolean): { values: TfTensor; indices: TfTensor };
  gather(x: TfTensor, indices: TfTensor, axis?: number, batchDims?: number): TfTensor;
  oneHot(labels: TfTensor, depth: number): TfTensor;
  concat(tensors: TfTensor[], axis: number): TfTensor;
  split(x: TfTensor, parts: number, axis: number): TfTensor[];
  reshape(x: TfTensor, shape: readonly number[]): TfTensor;
  transpose(x: TfTensor, perm?: number[]): TfTensor;
  cast(x: TfTensor, dtype: string): TfTensor;
  add: Binary;
  sub: Binary;
  mul: Binary;
  div: Binary;
  mod: Binary;
  maximum: Binary;
  minimum: Binary;
  pow: Binary;
  floorDiv: Binary;
  relu: Unary;
  relu6: Unary;
  sigmoid: Unary;
  softplus: Unary;
  exp: Unary;
  rsqrt: Unary;
  log: Unary;
  neg: Unary;
  abs: Unary;
  sum: Reduce;
  mean: Reduce;
  grad(fn: (x: TfTensor) => TfTensor): (x: TfTensor, dy?: TfTensor) => TfTensor;
  grads(fn: (...x: TfTensor[]) => TfTensor): (x: TfTensor[], dy?: TfTensor) => TfTensor[];
  variableGrads(
    fn: () => TfTensor,
    variables?: TfVariable[],
  ): {
    value: TfTensor;
    grads: Record<string, TfTensor>;
  };
}

/** tfjs's WebGPU backend, as far as the bench touches it. */
export interface TfBackend {
  commandEncoder: unknown;
  endComputePassEncoder(): void;
  submitQueue(): void;
  readonly bufferManager: { freeBuffers: Map<string, GPUBuffer[]>; numFreeBuffers: number };
}

/** What bench/peers/tfjs.js exports. */
export interface TfBundle {
  readonly tf: Tf;
  readonly WebGPUBackend: new (device: GPUDevice, info: GPUAdapterInfo) => TfBackend;
}
