import { roundToHalf } from '../../half.ts';
import type { OpName } from '../../kernels/ops.ts';
import { type DType, numel, type Shape, type TensorSpec } from '../../shape.ts';

/** An input of a case. It is filled from a generator seeded by the case's name, so every run sees the same numbers. */
export interface InputSpec {
  /** The shape of the input. */
  readonly shape: Shape;
  /** The type of its elements. */
  readonly dtype: DType;
  /** Returns the values, given random numbers in [0, 1) and how many values there are. */
  readonly fill: (random: () => number, length: number) => ArrayLike<number>;
}

/** One case of a kernel: inputs, attributes, and the inputs whose gradients are checked. */
export interface CaseRow {
  /** The name of the case; it seeds the inputs. */
  readonly name: string;
  /** The inputs by name. */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** The attributes of the operation. Default: its own defaults. */
  readonly attrs?: object;
  /** Inputs to check the gradient of, through the graph's rule: finite differences, then the GPU. */
  readonly grad?: readonly string[];
  /** Absolute tolerance: |got - want| <= atol + rtol * |want|. Default 1e-5. */
  readonly atol?: number;
  /** Relative tolerance; see `atol`. Default 1e-4. */
  readonly rtol?: number;
}

/** One case of the built-in table. */
export interface Case extends CaseRow {
  /** The operation. */
  readonly op: OpName;
}

/** Normally distributed values with mean 0 and standard deviation `scale`. Default 1. */
export const normal = (shape: Shape, scale = 1): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from({ length }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - random()));
      return Math.fround(scale * radius * Math.cos(2 * Math.PI * random()));
    }),
});

/** Uniform values from low to high. Default 0 to 1. */
export const uniform = (shape: Shape, low = 0, high = 1): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) => Array.from({ length }, () => Math.fround(low + (high - low) * random())),
});

/**
 * Distinct values, spread evenly over low..high and shuffled: for operations with kinks or ties (max, relu,
 * sort), where finite differences need every pair of values to be farther apart than the step.
 */
export const distinct = (shape: Shape, low = -2, high = 2): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) => {
    const values = Array.from({ length }, (_, i) => Math.fround(low + ((high - low) * (i + 0.5)) / length));
    for (let i = length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
    return values;
  },
});

/** Integers from low to high - 1. */
export const integers = (shape: Shape, low: number, high: number, dtype: DType = 'i32'): InputSpec => ({
  shape,
  dtype,
  fill: (random, length) => Array.from({ length }, () => low + Math.floor((high - low) * random())),
});

/** The given values. */
export const values = (shape: Shape, list: readonly number[], dtype: DType = 'f32'): InputSpec => ({
  shape,
  dtype,
  fill: () => list,
});

/** Boxes (x1, y1, x2, y2) inside a square of this extent, sides a tenth to a half of it. */
export const boxes = (shape: Shape, extent: number): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) => {
    const list: number[] = [];
    for (let i = 0; i < length / 4; i++) {
      const [w, h] = [extent * (0.1 + 0.4 * random()), extent * (0.1 + 0.4 * random())];
      const [x, y] = [(extent - w) * random(), (extent - h) * random()];
      list.push(x, y, x + w, y + h);
    }
    return list.map(Math.fround);
  },
});

/** mulberry32 over a hash of the name. */
export function randomOf(name: string): () => number {
  let state = 2166136261;
  for (const char of name) state = Math.imul(state ^ char.charCodeAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A tensor on the host; of dtype f16 its data are exact halves in a Float32Array. */
export interface HostTensor extends TensorSpec {
  readonly data: Float32Array | Int32Array | Uint32Array;
}

export type HostTensors = Readonly<Record<string, HostTensor>>;

const LARGEST_HALF = 65504;

/** The nearest half; of numbers beyond all halves the largest, so that what is finite stays so. */
function nearestHalf(value: number): number {
  return Number.isFinite(value) ? roundToHalf(Math.min(Math.max(value, -LARGEST_HALF), LARGEST_HALF)) : value;
}

/** Values as the dtype can hold them. */
export function hostTensor({ shape, dtype }: TensorSpec, list: ArrayLike<number>): HostTensor {
  if (dtype === 'i32') return { shape, dtype, data: Int32Array.from(list) };
  if (dtype === 'u32') return { shape, dtype, data: Uint32Array.from(list) };
  const data = Float32Array.from(list);
  return { shape, dtype, data: dtype === 'f16' ? data.map(nearestHalf) : data };
}

/** The inputs of a row. */
export function fillInputs(op: string, row: CaseRow): HostTensors {
  const random = randomOf(`${op}/${row.name}`);
  return Object.fromEntries(
    Object.entries(row.inputs).map(([name, spec]) => [
      name,
      hostTensor(spec, spec.fill(random, numel(spec.shape))),
    ]),
  );
}
