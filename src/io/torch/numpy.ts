/** NumPy's scalars and arrays in pickles: numpy/core/src/multiarray, array_reduce and arraydescr_reduce. */
import type { FileDType } from '../fileTensor.ts';
import { NumpyArray, NumpyDtype, Opaque } from './objects.ts';
import type { Global } from './pickle.ts';

const DTYPES: Readonly<Record<string, FileDType | undefined>> = {
  f8: 'f64',
  f4: 'f32',
  f2: 'f16',
  i8: 'i64',
  i4: 'i32',
  i2: 'i16',
  i1: 'i8',
  u8: 'u64',
  u4: 'u32',
  u2: 'u16',
  u1: 'u8',
  b1: 'bool',
};

/** The type of elements that is read; undefined for others, and for the byte order of other machines. */
const typeOf = (dtype: unknown): FileDType | undefined =>
  dtype instanceof NumpyDtype && dtype.order !== '>' && Object.hasOwn(DTYPES, dtype.code)
    ? DTYPES[dtype.code]
    : undefined;

/** A number or boolean from its bytes; opaque for other types. */
function scalar([dtype, bytes]: readonly unknown[], { path }: Global): unknown {
  const type = typeOf(dtype);
  if (type === undefined || !(bytes instanceof Uint8Array)) return new Opaque(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length !== Number(/\d+$/.exec((dtype as NumpyDtype).code)?.[0])) return new Opaque(path);
  switch (type) {
    case 'f64':
      return view.getFloat64(0, true);
    case 'f32':
      return view.getFloat32(0, true);
    case 'i64':
      return exact(view.getBigInt64(0, true));
    case 'u64':
      return exact(view.getBigUint64(0, true));
    case 'i32':
      return view.getInt32(0, true);
    case 'u32':
      return view.getUint32(0, true);
    case 'i16':
      return view.getInt16(0, true);
    case 'u16':
      return view.getUint16(0, true);
    case 'i8':
      return view.getInt8(0);
    case 'u8':
      return view.getUint8(0);
    case 'bool':
      return view.getUint8(0) !== 0;
    default:
      return new Opaque(path);
  }
}

const exact = (value: bigint): number | bigint =>
  BigInt.asIntN(53, value) === value ? Number(value) : value;

const reconstruct = (): NumpyArray => new NumpyArray();

/** `_frombuffer(buffer, dtype, shape, order)`, of protocol 5. */
function fromBuffer([bytes, dtype, shape, order]: readonly unknown[]): NumpyArray {
  const array = new NumpyArray();
  setArrayState(array, [1, shape, dtype, order === 'F', bytes]);
  return array;
}

/** Gives a type its state: `(version, byte order, …)`. */
export function setDtypeState(target: NumpyDtype, state: unknown): void {
  if (Array.isArray(state) && typeof state[1] === 'string') target.order = state[1];
}

/** Gives an array its state: `(version, shape, dtype, whether it is in Fortran's order, bytes)`. */
export function setArrayState(target: NumpyArray, state: unknown): void {
  if (!Array.isArray(state)) return;
  const [, shape, dtype, fortran, bytes] = state as readonly unknown[];
  if (!(bytes instanceof Uint8Array)) return;
  target.dtype = typeOf(dtype);
  target.shape = shape;
  target.fortran = fortran === true;
  target.bytes = bytes;
}

/** What of NumPy may be called, under its names before and since 2.0. */
export const numpyCalls: Readonly<Record<string, (args: readonly unknown[], self: Global) => unknown>> =
  Object.fromEntries([
    [
      'numpy.dtype',
      ([code]: readonly unknown[], self: Global) =>
        typeof code === 'string' ? new NumpyDtype(code.replace(/^[<|=]/, '')) : new Opaque(self.path),
    ],
    ...['numpy.core', 'numpy._core'].flatMap((core) => [
      [`${core}.multiarray.scalar`, scalar] as const,
      [`${core}.multiarray._reconstruct`, reconstruct] as const,
      [`${core}.numeric._frombuffer`, fromBuffer] as const,
    ]),
  ]);
