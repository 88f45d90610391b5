import type { Caps } from '../device/caps.ts';
import { ShapeError } from '../errors.ts';
import { expectDType, expectRank, formatSpec, type Pair, type TensorSpec } from '../shape.ts';
import block1 from '../wgsl/lib/block_1.wgsl';
import block4 from '../wgsl/lib/block_4.wgsl';
import { foldGrid, wgslType } from './kernel.ts';

/** (height, width), as attributes hold kernel sizes, strides, paddings and output sizes. */
export type Size2 = readonly [number, number];

/** One number for both axes, or (height, width); what is neither, `expectSize2` refuses. */
export const size2 = (value: Pair): Size2 => (typeof value === 'number' ? [value, value] : value);

/** The four sizes of an image batch `[N,H,W,C]` of floats. Throws ShapeError where it is something else. */
export function imageDims(op: string, name: string, spec: TensorSpec): [number, number, number, number] {
  expectRank(op, name, spec, 4, '[N,H,W,C]');
  expectDType(op, name, spec, 'f32', 'f16');
  return spec.shape as unknown as [number, number, number, number];
}

/** As imageDims, but throws where there are images and not one pixel in them to read. */
export function pixelDims(op: string, name: string, spec: TensorSpec): [number, number, number, number] {
  const dims = imageDims(op, name, spec);
  if (dims[1] === 0 || dims[2] === 0) {
    throw new ShapeError(
      `${op}: ${formatSpec(name, spec)} has no pixels; height and width must be 1 or more`,
    );
  }
  return dims;
}

/** Throws unless the attribute is a whole number of at least `min`. */
export function expectInteger(op: string, name: string, value: number, min: number): void {
  if (!Number.isInteger(value) || value < min) {
    throw new ShapeError(`${op}: ${name} must be a whole number of ${min} or more, got ${value}`);
  }
}

/** Throws unless the attribute is (height, width) in whole numbers of at least `min`. */
export function expectSize2(op: string, name: string, value: Size2, min: number): void {
  if (value?.length !== 2 || !value.every((part) => Number.isInteger(part) && part >= min)) {
    throw new ShapeError(
      `${op}: ${name} must be [height, width] in whole numbers of ${min} or more, got [${value}]`,
    );
  }
}

/** Throws unless dy is `[n, height, width, channels]`, what the forward operation returns. */
export function expectGradient(op: string, dy: TensorSpec, shape: readonly (number | undefined)[]): void {
  if (
    dy.shape.length !== shape.length ||
    shape.some((size, i) => size !== undefined && size !== dy.shape[i])
  ) {
    const want = shape.map((size, i) => size ?? dy.shape[i]);
    throw new ShapeError(`${op}: ${formatSpec('dy', dy)} must be [${want}], the forward output's shape`);
  }
}

/** What slides over an axis in pooling. */
export interface PoolAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly ceil: boolean;
}

/**
 * The number of windows on an axis, as PyTorch counts them (ATen/native/Pool.h, pooling_output_shape): with
 * ceil mode the last window may hang over the end, but must begin inside the input or its left padding.
 * Throws where the padding is more than half of the kernel, or where not one window fits.
 */
export function poolOutputSize(
  op: string,
  input: number,
  { kernel, stride, padding, dilation, ceil }: PoolAxis,
): number {
  if (padding * 2 > kernel) {
    throw new ShapeError(
      `${op}: padding ${padding} is more than half of kernelSize ${kernel}; use ${Math.floor(kernel / 2)} or less, or pad x first`,
    );
  }
  const room = input + 2 * padding - dilation * (kernel - 1) - 1;
  let size = Math.floor((room + (ceil ? stride - 1 : 0)) / stride) + 1;
  if (ceil && (size - 1) * stride >= input + padding) size--;
  if (size < 1) {
    throw new ShapeError(
      `${op}: a window of ${dilation * (kernel - 1) + 1} (kernelSize ${kernel}, dilation ${dilation}) does not fit into ${input} pixels with padding ${padding}`,
    );
  }
  return size;
}

/** Lanes of one invocation: 4 where channels come in fours, so that loads, weights and index sums are shared. */
export const lanesOf = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);

/** WGSL's type of so many lanes. */
export const laneType = (lanes: 1 | 4, type: string): string => (lanes === 4 ? `vec4<${type}>` : type);

/**
 * `T`: what a buffer of this spec holds; `VI`, `VU`, `B`: i32, u32 and bool in as many lanes. `V`, the
 * values, comes with the epilogue.
 */
export const laneTypes = (lanes: 1 | 4, spec: TensorSpec): Record<string, string> => ({
  T: laneType(lanes, wgslType(spec.dtype)),
  VI: laneType(lanes, 'i32'),
  VU: laneType(lanes, 'u32'),
  B: laneType(lanes, 'bool'),
});

/** The value type of so many lanes, for `Dispatch.epilogue` or as alias `V`. */
export const laneValue = (lanes: 1 | 4): 'f32' | 'vec4f' => (lanes === 4 ? 'vec4f' : 'f32');

/**
 * Below so many invocations, smaller ones fill the adapter better than shared work saves: a large GPU holds
 * hundreds of thousands, a software adapter a few dozen.
 */
export const FILLED = { subgroup: 1 << 10, tile: 1 << 15 };

/** How an output is dealt out to invocations that own a block of lanes (lib/block_1.wgsl, block_4.wgsl). */
export interface Blocks {
  readonly lanes: 1 | 4;
  readonly snippet: string;
  /** Invocations. */
  readonly total: number;
  /** Channels, in lanes. */
  readonly channels: number;
  /** Lanes from one part of a block to the next. */
  readonly gap: number;
}

/** Blocks of 16 channels where these fill the adapter, for kernels whose work on a pixel serves all channels. */
export function blocksOf(
  { family }: Caps,
  elements: number,
  channels: number,
  lanes = lanesOf(channels),
): Blocks {
  const parts = lanes === 4 && channels % 16 === 0 && elements / 16 >= FILLED[family] ? 4 : 1;
  return {
    lanes,
    snippet: parts === 4 ? block4 : block1,
    total: elements / lanes / parts,
    channels: channels / lanes,
    gap: channels / lanes / parts,
  };
}

/** Rows of an image batch dealt out to workgroups, for kernels that walk down rows (`rows` of them, a segment). */
export interface Bands {
  /** Workgroups side by side, which have the same rows. */
  readonly across: number;
  /** Segments of an image. */
  readonly segments: number;
  readonly rows: number;
  readonly grid: readonly [number, number, number];
}

/** Segments as long as fill the adapter, of `height` rows in all, each with `width` invocations. */
export function bandsOf({ family }: Caps, images: number, height: number, width: number): Bands {
  const across = Math.ceil(width / 64);
  const wanted = Math.ceil(FILLED[family] / Math.max(images * across * 64, 1));
  const rows = Math.max(Math.floor(height / wanted), Math.min(4, height), 1);
  const segments = Math.ceil(height / rows);
  return { across, segments, rows, grid: foldGrid(across * segments * images * 64) };
}
