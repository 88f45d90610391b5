/** Tensors of a PyTorch file from the storages that they look into: own, contiguous copies. */
import { DataError } from '../../errors.ts';
import { formatShape, numel, type Shape, stridesOf } from '../../shape.ts';
import { FILE_DTYPES, type FileDType, type FileTensor, quote } from '../fileTensor.ts';
import type { NumpyArray, StorageRef, TensorRef } from './objects.ts';

/** The bytes of a file's storages by key. */
export interface Storages {
  /** Their bytes; undefined for a key that the file does not have. */
  get(key: string): Uint8Array | undefined;
  /** The order of bytes in an element is that of other machines. */
  readonly bigEndian: boolean;
}

/** PyTorch's own limit. */
const MAX_DIMS = 64;
/** What the tensors of a file may take beyond its size: views that repeat elements are stored shorter than they are. */
export const MAX_GROWTH = 8;
export const MAX_EXTRA_BYTES = 2 ** 26;

const DAMAGED = 'the file is damaged, so copy or download it again';

const areCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) &&
  value.length <= MAX_DIMS &&
  value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** Makes the tensors of one file. Equal views of one storage share one array. */
export class TensorReader {
  readonly #file: string;
  readonly #storages: Storages;
  readonly #views = new Map<string, FileTensor>();
  #bytesLeft: number;

  constructor(file: string, fileBytes: number, storages: Storages) {
    this.#file = file;
    this.#storages = storages;
    this.#bytesLeft = MAX_GROWTH * fileBytes + MAX_EXTRA_BYTES;
  }

  /** Reads one tensor. Throws DataError where it reaches out of its storage or the storage out of the file. */
  read(name: string, { storage, dtype, offset, shape, strides }: TensorRef): FileTensor {
    if (!areCounts(shape) || !areCounts(strides) || shape.length !== strides.length || !areCounts([offset])) {
      throw this.#fault(name, 'its shape, strides or offset are no whole numbers');
    }
    const start = offset as number;
    const key = `${storage.key} ${dtype} ${storage.offset} ${start} ${shape} ${strides}`;
    const known = this.#views.get(key);
    if (known) return known;
    const bytes = this.#bytesOf(name, storage, dtype);
    const { size } = FILE_DTYPES[dtype];
    const count = numel(shape);
    // Exact where it matters: what is too large to be exact is far over any storage.
    const last = count === 0 ? 0 : start + 1 + shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, 0);
    if (!(last * size <= bytes.length)) {
      throw this.#fault(
        name,
        `shape ${formatShape(shape)} reaches to element ${last}, its storage has ${Math.floor(bytes.length / size)}`,
      );
    }
    const { bigEndian } = this.#storages;
    const data = this.#copy(name, bytes, dtype, start, shape, strides, bigEndian);
    const tensor = { dtype, shape, data };
    this.#views.set(key, tensor);
    return tensor;
  }

  /** Reads a NumPy array; undefined where its type is not read. */
  readArray(name: string, { dtype, shape, fortran, bytes }: NumpyArray): FileTensor | undefined {
    if (dtype === undefined) return undefined;
    if (!areCounts(shape) || numel(shape) * FILE_DTYPES[dtype].size !== bytes.length) {
      throw this.#fault(name, 'its shape and its bytes do not agree');
    }
    const strides = fortran ? stridesOf(shape.toReversed()).reverse() : stridesOf(shape);
    return { dtype, shape, data: this.#copy(name, bytes, dtype, 0, shape, strides, false) };
  }

  #fault(name: string, problem: string, fix = DAMAGED): DataError {
    return new DataError(`${this.#file}: tensor ${quote(name)}: ${problem}; ${fix}`);
  }

  #bytesOf(name: string, { key, dtype, offset, length }: StorageRef, as: FileDType): Uint8Array {
    const whole = this.#storages.get(key);
    if (!whole) throw this.#fault(name, `its storage ${quote(key)} is not in the file`);
    const size = dtype === undefined ? 1 : FILE_DTYPES[dtype].size;
    if (!((offset + length) * size <= whole.length)) {
      throw this.#fault(
        name,
        `its storage ${quote(key)} should have ${length} elements of ${dtype ?? as}, the file has ${whole.length} bytes of it`,
      );
    }
    return whole.subarray(offset * size, (offset + length) * size);
  }

  /** The elements of a view, one after another in an array of their own. */
  #copy(
    name: string,
    bytes: Uint8Array,
    dtype: FileDType,
    offset: number,
    shape: Shape,
    strides: readonly number[],
    bigEndian: boolean,
  ) {
    const { size, array: TypedArray } = FILE_DTYPES[dtype];
    const count = numel(shape);
    this.#bytesLeft -= count * size;
    if (!(this.#bytesLeft >= 0)) {
      throw this.#fault(
        name,
        `shape ${formatShape(shape)} repeats its storage so often that the file grows over ${MAX_GROWTH} times`,
        'save the state dict with contiguous tensors',
      );
    }
    const out = new Uint8Array(count * size);
    const dense = stridesOf(shape);
    if (shape.every((n, i) => n === 1 || strides[i] === dense[i])) {
      out.set(bytes.subarray(offset * size, (offset + count) * size));
    } else if (count > 0) {
      copyStrided(bytes, out, size, offset, shape, strides);
    }
    if (bigEndian) reverseElements(out, size);
    return new TypedArray(out.buffer);
  }
}

function copyStrided(
  from: Uint8Array,
  to: Uint8Array,
  size: number,
  offset: number,
  shape: Shape,
  strides: readonly number[],
): void {
  const index = new Array<number>(shape.length).fill(0);
  let source = offset * size;
  for (let target = 0; ; target += size) {
    for (let byte = 0; byte < size; byte++) to[target + byte] = from[source + byte]!;
    let d = shape.length - 1;
    while (d >= 0 && ++index[d]! === shape[d]) {
      source -= (shape[d]! - 1) * strides[d]! * size;
      index[d] = 0;
      d--;
    }
    if (d < 0) return;
    source += strides[d]! * size;
  }
}

function reverseElements(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}
