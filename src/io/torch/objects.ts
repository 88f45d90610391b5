/** What PyTorch's pickles hold beside Python's own values, before storages are read. */
import type { FileDType } from '../fileTensor.ts';

/** An object of a class that is not read: its name, and what the pickle gave it. */
export class Opaque {
  /** `ultralytics.nn.tasks.DetectionModel`. */
  readonly name: string;
  /** What it was made with. */
  readonly args: readonly unknown[];
  /** Its attributes, if it is an ordinary object. */
  state: unknown = undefined;
  /** Its entries, if it is a kind of dict. */
  entries = new Map<unknown, unknown>();
  /** Its items, if it is a kind of list. */
  items: unknown[] = [];

  constructor(name: string, args: readonly unknown[] = []) {
    this.name = name;
    this.args = args;
  }
}

/** A place in the file, or its bytes, that tensors look into. */
export interface StorageRef {
  /** Its name in the file. */
  readonly key: string;
  /** The type of its elements; undefined for bytes of no type. */
  readonly dtype: FileDType | undefined;
  /** Where it begins in the storage that the file holds, in elements. */
  readonly offset: number;
  /** Its length in elements. */
  readonly length: number;
}

/** A tensor: what it is made of, with numbers that are not checked yet. */
export class TensorRef {
  readonly storage: StorageRef;
  readonly dtype: FileDType;
  readonly offset: unknown;
  readonly shape: unknown;
  readonly strides: unknown;

  constructor(storage: StorageRef, dtype: FileDType, offset: unknown, shape: unknown, strides: unknown) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A tensor or storage that cannot be read, and why. It counts only where it is part of the result. */
export class Unreadable {
  /** `Float8_e4m3fn`. */
  readonly type: string;

  constructor(type: string) {
    this.type = type;
  }
}

/** What to do in Python about tensors that cannot be read, by their type. The last is for all others: floats of 8 bits, for one. */
const FIXES: readonly (readonly [RegExp, string])[] = [
  [/quantized|^qu?int/i, 'convert it in Python with .dequantize()'],
  [/sparse/, 'convert it in Python with .to_dense()'],
  [/nested/, 'convert it in Python with torch.nested.to_padded_tensor(tensor, 0)'],
  [/meta/, 'it has a shape but no values, so save the model after its weights were loaded'],
  [/complex/i, 'save it in Python as torch.view_as_real(tensor), its real and imaginary parts'],
  [/subclass/, 'convert it in Python to a plain torch.Tensor (a DTensor with .full_tensor())'],
  [/^/, 'convert it in Python with .float()'],
];

/** What to do in Python about a tensor of a type that is not read. */
export const fixFor = (type: string): string => FIXES.find(([kind]) => kind.test(type))![1];

/** The type of elements of a NumPy array; the order of their bytes is known when its state is. */
export class NumpyDtype {
  readonly code: string;
  order = '<';

  constructor(code: string) {
    this.code = code;
  }
}

/** A NumPy array. Undefined fields: it has no state yet, or is of a type that is not read. */
export class NumpyArray {
  dtype: FileDType | undefined = undefined;
  shape: unknown = [];
  fortran = false;
  bytes: Uint8Array = new Uint8Array();
}
