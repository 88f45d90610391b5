import { describe, expect, it } from 'vitest';
import { DataError, ShapeError, UsageError } from '../../src/errors.ts';
import { fromHalf } from '../../src/half.ts';
import type { FileTensor } from '../../src/io/fileTensor.ts';
import { decodeNpy, encodeNpy, isNpy, npyFloats } from '../../src/io/npy.ts';

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** A file with this header, in version 1. */
function withHeader(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = Buffer.from(header, 'latin1');
  const head = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length % 256, text.length >> 8);
  return Uint8Array.from([...head, ...text, ...data]);
}

/** Written by NumPy 1.24's `numpy.save`. */
const NUMPY = {
  // numpy.arange(6, dtype='<f4').reshape(2, 3)
  floats:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA=',
  // numpy.asfortranarray(numpy.arange(24, dtype='>i4').reshape(2, 3, 4))
  columns:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPmk0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAADAAAAAQAAAAQAAAACAAAABQAAAABAAAADQAAAAUAAAARAAAACQAAABUAAAACAAAADgAAAAYAAAASAAAACgAAABYAAAADAAAADwAAAAcAAAATAAAACwAAABc=',
  // numpy.array(7, dtype='<i8')
  scalar:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoHAAAAAAAAAA==',
  // numpy.array([True, False])
  bools:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAA==',
  // numpy.array([1.5, -2], dtype='<f2')
  halves:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDA',
};

describe('.npy files', () => {
  it('are written as numpy.save writes them', () => {
    const floats = { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] };
    expect(encodeNpy(floats)).toEqual(bytesOf(NUMPY.floats));
    expect(encodeNpy({ data: BigInt64Array.of(7n), shape: [] })).toEqual(bytesOf(NUMPY.scalar));
    expect(encodeNpy({ dtype: 'bool', data: Uint8Array.of(1, 0), shape: [2] })).toEqual(bytesOf(NUMPY.bools));
  });

  it('are read row by row, whatever the order of their bytes and axes', () => {
    const columns = decodeNpy(bytesOf(NUMPY.columns), 'a.npy');
    expect(columns).toEqual({
      dtype: 'i32',
      shape: [2, 3, 4],
      data: Int32Array.from({ length: 24 }, (_, i) => i),
    });
    expect(decodeNpy(bytesOf(NUMPY.scalar), 'a.npy')).toEqual({
      dtype: 'i64',
      shape: [],
      data: BigInt64Array.of(7n),
    });
    expect(fromHalf(decodeNpy(bytesOf(NUMPY.halves), 'a.npy').data as Uint16Array)).toEqual(
      Float32Array.of(1.5, -2),
    );
    expect(npyFloats(bytesOf(NUMPY.halves), 'a.npy').data).toEqual(Float32Array.of(1.5, -2));
    expect(npyFloats(bytesOf(NUMPY.scalar), 'a.npy')).toEqual({ shape: [], data: Float32Array.of(7) });
  });

  it('come back as they were, in every type and for empty arrays', () => {
    const tensors: readonly FileTensor[] = [
      { dtype: 'f64', shape: [2], data: Float64Array.of(Math.PI, Number.NaN) },
      { dtype: 'f16', shape: [2, 1], data: Uint16Array.of(0x3e00, 0xc000) },
      { dtype: 'u16', shape: [1], data: Uint16Array.of(65535) },
      { dtype: 'i8', shape: [3], data: Int8Array.of(-1, 0, 1) },
      { dtype: 'u64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
      { dtype: 'u32', shape: [0, 5], data: new Uint32Array(0) },
    ];
    for (const tensor of tensors) expect(decodeNpy(encodeNpy(tensor), 'a.npy')).toEqual(tensor);
    // An array that begins inside its buffer, at no multiple of four.
    const file = encodeNpy({ data: Float32Array.of(1, 2), shape: [2] });
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(decodeNpy(shifted.subarray(3), 'a.npy').data).toEqual(Float32Array.of(1, 2));
  });

  it('of version 2 and with double quotes are read', () => {
    const header = '{"descr": "<f4", "fortran_order": False, "shape": (1,)}\n';
    const data = new Uint8Array(Float32Array.of(3).buffer);
    const two = Uint8Array.from([
      ...[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, header.length, 0, 0, 0],
      ...Buffer.from(header),
      ...data,
    ]);
    expect(npyFloats(two, 'a.npy')).toEqual({ shape: [1], data: Float32Array.of(3) });
    expect(isNpy(two)).toBe(true);
    expect(isNpy(Uint8Array.of(0x93))).toBe(false);
  });

  it('that cannot be used are refused by name', () => {
    const floats = bytesOf(NUMPY.floats);
    expect(() => decodeNpy(floats.subarray(0, floats.length - 1), 'x.npy')).toThrow(
      new DataError(
        'x.npy: its shape [2,3] of f32 takes 24 bytes, and 23 are there; copy it again, or write it again with numpy.save',
      ),
    );
    expect(() => decodeNpy(Uint8Array.of(1, 2, 3), 'x.npy')).toThrow(/^x\.npy: is no \.npy file; /);
    expect(() => decodeNpy(floats.subarray(0, 40), 'x.npy')).toThrow(
      /its header has 118 bytes, and the file/,
    );
    const nine = floats.slice();
    nine[6] = 9;
    expect(() => decodeNpy(nine, 'x.npy')).toThrow(/version 9\.0 of the format/);
    for (const [descr, message] of [
      ["'|O'", /Python objects/],
      ["'<c8'", /"<c8", of another type/],
      ["'<U3'", /"<U3", of another type/],
      ["[('a', '<f4')]", /a record of several fields/],
    ] as const) {
      const file = withHeader(`{'descr': ${descr}, 'fortran_order': False, 'shape': (1,), }\n`);
      expect(() => decodeNpy(file, 'x.npy')).toThrow(DataError);
      expect(() => decodeNpy(file, 'x.npy')).toThrow(message);
    }
    const huge = withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }\n");
    expect(() => decodeNpy(huge, 'x.npy')).toThrow(/bytes, and 0 are there/);
    expect(() => decodeNpy(withHeader('{}'), 'x.npy')).toThrow(/its header is "\{\}", not one of an array/);
  });

  it('are not written of values that do not fit', () => {
    expect(() => encodeNpy({ data: Float32Array.of(1), shape: [2] })).toThrow(ShapeError);
    expect(() => encodeNpy({ dtype: 'f64', data: Float32Array.of(1), shape: [1] })).toThrow(ShapeError);
    expect(() => encodeNpy({ dtype: 'bf16', data: Uint16Array.of(1), shape: [1] })).toThrow(
      new UsageError('encodeNpy: NumPy has no bf16; convert the values to f32'),
    );
    expect(() => encodeNpy({ data: [1] as never, shape: [1] })).toThrow(UsageError);
  });
});
