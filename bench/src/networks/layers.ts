/** What a convolution is besides its channels. Defaults: 3x3, stride 1, no padding, no bias, not depthwise. */
export interface ConvShape {
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
  readonly depthwise?: boolean;
}

/**
 * The layers that the networks here are made of, as each library has them: a network is written once, over these. Weights
 * go by the names of Fovea's state dicts. Images are [N,H,W,C] to the reader; a library may hold them otherwise.
 */
export interface Layers<T> {
  conv(name: string, x: T, out: number, shape?: ConvShape): T;
  /** Transposed convolution 2x2 of stride 2, with bias. */
  up(name: string, x: T, out: number): T;
  batchNorm(name: string, x: T): T;
  /** Groups of eight channels. */
  groupNorm(name: string, x: T): T;
  /** x: [N,C]. */
  linear(name: string, x: T, out: number): T;
  relu(x: T): T;
  relu6(x: T): T;
  add(a: T, b: T): T;
  maxPool(x: T, kernel: number, stride: number, padding: number): T;
  /** The mean over all pixels: [N,C]. */
  pool(x: T): T;
  /** Along channels. */
  concat(parts: readonly T[]): T;
  /** Each pixel four times. */
  enlarge(x: T): T;
  /** By ImageNet's mean and standard deviation. */
  normalize(x: T): T;
  /** [N,H,W,A values] to [N,H W A,values], of several levels joined. */
  rows(levels: readonly T[], values: number): T;
}

export const MEAN = [0.485, 0.456, 0.406] as const;
export const STD = [0.229, 0.224, 0.225] as const;
export const EPS = 1e-5;
/** Channels of a group in group norm. */
export const GROUP = 8;

/** Values by a state's name, in Fovea's layouts. */
export type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
