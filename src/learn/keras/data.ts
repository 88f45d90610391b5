import { type Batch, DataLoader, type HostTensor, type Loader } from '../../data/loader.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { baseOf, Tensor, tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import { expectBatch } from '../program.ts';

/** Samples along the first dimension: lists of numbers, a typed array, its elements and shape, or a tensor of values. */
export type Samples = Parameters<typeof tensor>[0] | HostTensor | Tensor;

/** A batch of a KerasModel: inputs, targets, and optionally the weight of each sample. */
export interface KerasBatch extends Batch {
  readonly x: HostTensor;
  readonly y: HostTensor;
}

/** A batch with the weights of its samples. */
export interface WeightedBatch extends KerasBatch {
  readonly weights: HostTensor;
}

/** Elements and shape of samples. Throws UsageError for anything else. */
export function samplesOf(name: string, given: Samples): HostTensor {
  if (given instanceof Tensor) {
    const { origin } = baseOf(given);
    if (origin.kind === 'constant') return { data: origin.data, shape: given.shape };
    throw new UsageError(
      `${name}: is a tensor that was computed; give one made by tensor(values), or an array`,
    );
  }
  if (!isHost(given)) {
    if (Array.isArray(given) || ArrayBuffer.isView(given)) return samplesOf(name, tensor(given));
    throw new UsageError(`${name}: is ${String(given)}; give lists of numbers, or { data, shape }`);
  }
  const { data, shape } = given;
  if (numel(shape) !== data.length) {
    throw new ShapeError(`${name}: shape [${shape}] has ${numel(shape)} elements, data ${data.length}`);
  }
  return { data, shape };
}

const isHost = (given: Samples): given is HostTensor =>
  typeof given === 'object' && given !== null && 'data' in given && 'shape' in given;

/** The samples of these numbers. */
function rowsOf({ data, shape }: HostTensor, rows: readonly number[]): HostTensor {
  const size = numel(shape.slice(1));
  const taken = data.slice(0, rows.length * size);
  rows.forEach((row, i) => {
    taken.set(data.subarray(row * size, (row + 1) * size), i * size);
  });
  return { data: taken, shape: [rows.length, ...shape.slice(1)] };
}

/** A part of samples, from one number to before another. */
export function slice({ data, shape }: HostTensor, from: number, to: number): HostTensor {
  const size = numel(shape.slice(1));
  return { data: data.subarray(from * size, to * size), shape: [to - from, ...shape.slice(1)] };
}

/** What samples are batched with. */
interface Arrays {
  readonly x: HostTensor;
  readonly y: HostTensor;
  readonly weights: HostTensor;
}

/** Arrays of as many samples each. `weights` are 1 where none are given. Throws ShapeError where there are not as many. */
export function arraysOf(call: string, x: Samples, y: Samples, weights?: Samples): Arrays {
  const given = { x: samplesOf(`${call}: x`, x), y: samplesOf(`${call}: y`, y) };
  const [count = 0] = given.x.shape;
  const own = weights
    ? samplesOf(`${call}: sampleWeight`, weights)
    : { data: new Float32Array(count).fill(1), shape: [count] };
  for (const [name, { shape }] of Object.entries({ y: given.y, sampleWeight: own })) {
    if (shape[0] === count) continue;
    throw new ShapeError(`${call}: x has ${count} samples, ${name} ${shape[0] ?? 1}; give as many of both`);
  }
  return { ...given, weights: { data: Float32Array.from(own.data), shape: [count] } };
}

/** Batches of arrays; the last one may have fewer samples. */
export function arrayLoader(
  { x, y, weights }: Arrays,
  options: { readonly batchSize: number; readonly shuffle: boolean; readonly seed: number | string },
): Loader<number, WeightedBatch> {
  const numbers = Array.from({ length: x.shape[0]! }, (_, i) => i);
  return new DataLoader<number, WeightedBatch>(numbers, {
    ...options,
    collate: (rows) => ({ x: rowsOf(x, rows), y: rowsOf(y, rows), weights: rowsOf(weights, rows) }),
  });
}

/** A loader whose batches have weights, and whose epochs are counted from `firstEpoch` on. `check` throws for a batch that cannot be used. */
export function weighted<Item>(
  call: string,
  loader: Loader<Item, KerasBatch>,
  firstEpoch: number,
  check: (batch: KerasBatch) => void,
): Loader<Item, WeightedBatch> {
  return {
    get length() {
      return loader.length;
    },
    async *batches(epoch, from) {
      for await (const loaded of loader.batches(epoch + firstEpoch, from)) {
        expectBatch(loaded.batch);
        const { x, y, weights } = loaded.batch;
        if (!x || !y) {
          const names = Object.keys(loaded.batch).join(', ');
          throw new UsageError(`${call}: batches have ${names}; a KerasModel takes x and y, and weights`);
        }
        check({ x, y });
        const count = x.shape[0]!;
        const own = weights ?? { data: new Float32Array(count).fill(1), shape: [count] };
        yield { ...loaded, batch: { x, y, weights: own } };
      }
    },
  };
}

/** Throws UsageError for a target that is no class number from 0 to below `classes`. `first` is the number of the first sample. */
export function expectClasses(call: string, { data, shape }: HostTensor, classes: number, first = 0): void {
  const at = data.findIndex((value) => !(Number.isInteger(Number(value)) && value >= 0 && value < classes));
  if (at < 0) return;
  const sample = first + Math.floor((at * shape[0]!) / data.length);
  throw new UsageError(
    `${call}: y of sample ${sample} is ${data[at]}, and the model predicts ${classes} classes; give whole numbers from 0 to ${classes - 1}`,
  );
}

/** The weight of each sample by its class; 1 where its class has none. Targets are class numbers, or one-hot rows. */
export function classWeights(y: HostTensor, weights: Readonly<Record<number, number>>): Float32Array {
  const count = y.shape[0]!;
  const size = numel(y.shape.slice(1));
  const bad = Object.entries(weights).find(([, weight]) => !(Number.isFinite(weight) && weight >= 0));
  if (bad) {
    throw new UsageError(
      `KerasModel.fit: classWeight of class ${bad[0]} is ${bad[1]}; give a number of at least 0`,
    );
  }
  if (y.shape.length > 2) {
    throw new UsageError(
      `KerasModel.fit: classWeight needs one class per sample, y has shape [${y.shape}]; give sampleWeight`,
    );
  }
  return Float32Array.from({ length: count }, (_, n) => {
    const row = y.data.subarray(n * size, (n + 1) * size);
    const label = size > 1 ? row.indexOf(Math.max(...row)) : row[0]!;
    return weights[label] ?? 1;
  });
}
