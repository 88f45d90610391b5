import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError, UsageError } from '../../src/errors.ts';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '../../src/io/index.ts';

const CASES = new URL('../../../shared/conformance/cases/', import.meta.url);

/** A file with this header, of any kind, and this many bytes of data. */
function fileOf(header: unknown, data: Uint8Array | number = 0): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const body = typeof data === 'number' ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + json.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(body, 8 + json.length);
  return bytes;
}

const bytesOf = (array: Float64Array | BigInt64Array | Uint16Array | Int8Array) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const entry = (dtype: string, shape: unknown, begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

/** The message of the DataError for a file called bad.safetensors; checks that it is one line naming the file. */
function faultOf(bytes: Uint8Array): string {
  try {
    decodeSafetensors(bytes, 'bad.safetensors');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as DataError;
    expect(message).toMatch(/^bad\.safetensors: .+; .+$/);
    expect(message).not.toMatch(/[\n\r]/);
    return message;
  }
  throw new Error('no error was thrown');
}

describe('encodeSafetensors', () => {
  const tensors: Record<string, NamedTensor> = {
    'b.half': { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x7bff) },
    'a.weight': { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, -2.5, 3e-8, Infinity) },
    index: { dtype: 'i32', shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1) },
    count: { dtype: 'u32', shape: [], data: Uint32Array.of(2 ** 32 - 1) },
    none: { dtype: 'f32', shape: [0, 4], data: new Float32Array(0) },
    'größe "x"\n': { dtype: 'f32', shape: [1], data: Float32Array.of(7) },
  };

  it('comes back as it was, metadata too', () => {
    const metadata = { note: 'a "quoted"\nline', 'fovea.model': '{"k":[1]}' };
    const file = decodeSafetensors(encodeSafetensors(tensors, metadata), 'x');
    // The layout of weights in a file of a model is Fovea's.
    const layout = 'fovea';
    const { 'a.weight': weight, none } = tensors;
    expect(Object.fromEntries(file.tensors)).toEqual({
      ...tensors,
      'a.weight': { ...weight, layout },
      none: { ...none, layout },
    });
    expect(file.metadata).toEqual(metadata);
  });

  it('gives the same bytes for any order, from a record or a map', () => {
    const bytes = encodeSafetensors(tensors, { a: '1', b: '2' });
    const turned = new Map(Object.entries(tensors).reverse());
    expect(encodeSafetensors(turned, { b: '2', a: '1' })).toEqual(bytes);
  });

  it('pads the header to 8 with spaces and aligns every tensor to its elements', () => {
    for (let n = 1; n < 10; n++) {
      const bytes = encodeSafetensors({ ['n'.repeat(n)]: tensors['b.half']!, z: tensors['a.weight']! });
      const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      expect(length % 8).toBe(0);
      const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
      expect(text).toMatch(/^\{.*\} *$/);
      const header = JSON.parse(text);
      expect(header.z.data_offsets).toEqual([0, 16]);
      expect(header['n'.repeat(n)].data_offsets).toEqual([16, 22]);
    }
  });

  it('writes a view, not the buffer behind it', () => {
    const view = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
    const file = decodeSafetensors(encodeSafetensors({ v: { dtype: 'f32', shape: [2], data: view } }), 'x');
    expect(file.tensors.get('v')!.data).toEqual(Float32Array.of(1, 2));
  });

  it('writes no tensors at all', () => {
    expect(decodeSafetensors(encodeSafetensors({}), 'x')).toEqual({ tensors: new Map(), metadata: {} });
  });

  it('refuses data that does not fit dtype or shape, and the reserved name', () => {
    const data = new Float32Array(4);
    expect(() => encodeSafetensors({ w: { dtype: 'f32', shape: [5], data } })).toThrow(
      new ShapeError('encodeSafetensors: tensor "w": shape [5] does not hold the 4 elements given'),
    );
    expect(() => encodeSafetensors({ w: { dtype: 'F32' as never, shape: [4], data } })).toThrow(
      new ShapeError(
        'encodeSafetensors: tensor "w": dtype is "F32"; choose f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, bool',
      ),
    );
    expect(() => encodeSafetensors({ w: { dtype: 'f32', shape: [-2, -2], data } })).toThrow(ShapeError);
    expect(() => encodeSafetensors({ w: { dtype: 'f16', shape: [4], data } })).toThrow(
      /f16 takes a Uint16Array, got a Float32Array/,
    );
    expect(() => encodeSafetensors({ __metadata__: { dtype: 'f32', shape: [4], data } })).toThrow(/reserves/);
    expect(() => encodeSafetensors({}, { epoch: 3 as never })).toThrow(
      new UsageError('encodeSafetensors: metadata.epoch is 3; give a text'),
    );
  });
});

describe('decodeSafetensors', () => {
  it('widens BF16 exactly, narrows F64 and I64, and unpacks bytes', () => {
    const parts: [string, Uint8Array, number[]][] = [
      ['F64', bytesOf(Float64Array.of(0.1, -Infinity)), [Math.fround(0.1), -Infinity]],
      ['I64', bytesOf(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)), [-(2 ** 31), 2 ** 31 - 1]],
      ['BF16', bytesOf(Uint16Array.of(0x3f80, 0xc049)), [1, -3.140625]],
      ['I8', bytesOf(Int8Array.of(-128, 127)), [-128, 127]],
      ['U8', Uint8Array.of(0, 255), [0, 255]],
      ['BOOL', Uint8Array.of(1, 0), [1, 0]],
    ];
    for (const [dtype, bytes, want] of parts) {
      const file = decodeSafetensors(fileOf({ t: entry(dtype, [2], 0, bytes.length) }, bytes), 'x');
      const tensor = file.tensors.get('t')!;
      expect([...tensor.data]).toEqual(want);
      expect(tensor.dtype).toBe(dtype === 'F64' || dtype === 'BF16' ? 'f32' : 'i32');
    }
  });

  it('copies out of a misaligned Buffer', () => {
    const bytes = encodeSafetensors({ t: { dtype: 'f32', shape: [2], data: Float32Array.of(5, 6) } });
    const buffer = Buffer.alloc(bytes.length + 3);
    buffer.set(bytes, 3);
    const { data } = decodeSafetensors(buffer.subarray(3), 'x').tensors.get('t')!;
    buffer.fill(0);
    expect(data).toEqual(Float32Array.of(5, 6));
    expect(data.buffer.byteLength).toBe(8);
  });

  it('takes scalars, empty tensors at one place, and a header that is not sorted', () => {
    const header = {
      last: entry('F32', [], 4, 8),
      empty: entry('F32', [0, 2 ** 40], 4, 4),
      first: entry('I32', [1], 0, 4),
    };
    const { tensors } = decodeSafetensors(fileOf(header, 8), 'x');
    expect([...tensors.keys()]).toEqual(['first', 'empty', 'last']);
    expect(tensors.get('last')).toEqual({ dtype: 'f32', shape: [], data: Float32Array.of(0) });
  });

  it('refuses what is cut short, at every length', () => {
    const whole = encodeSafetensors({ t: { dtype: 'f32', shape: [2], data: Float32Array.of(5, 6) } });
    for (let length = 0; length < whole.length; length++) faultOf(whole.subarray(0, length));
    expect(faultOf(new Uint8Array(7))).toContain('has 7 bytes, fewer than the 8');
    expect(faultOf(whole.subarray(0, whole.length - 1))).toContain('reach past the 7 bytes of data');
  });

  it.each([
    [2n ** 60n, 'says 1152921504606846976 bytes, the file has 24'],
    [2n ** 64n - 1n, 'the file has 24'],
    [25n, 'says 25 bytes, the file has 24'],
  ])('refuses a header length of %s without allocating it', (claimed, expected) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setBigUint64(0, claimed, true);
    expect(faultOf(bytes)).toContain(expected);
  });

  it('refuses a header over the 100 MB of the format', () => {
    const bytes = new Uint8Array(100_000_016);
    new DataView(bytes.buffer).setBigUint64(0, 100_000_008n, true);
    expect(faultOf(bytes)).toContain('the format allows 100000000');
  });

  it.each([
    [
      'broken JSON',
      '{"a": {"dtype": "F32",, }}',
      'header: line 1, column 23: expected a key in double quotes, found ","',
    ],
    ['an empty header', '', 'header: line 1, column 1: expected a value, found the end of the text'],
    ['a list', '[]', 'header: not a JSON object'],
    ['null', 'null', 'header: not a JSON object'],
    ['an entry that is no object', '{"a": 1}', 'tensor "a": its entry is not an object'],
    ['metadata that is no object', '{"__metadata__": "x"}', '__metadata__: not an object of strings'],
    ['metadata with a number', '{"__metadata__": {"k": 1}}', '__metadata__["k"]: not a string'],
    ['a duplicate metadata key', '{"__metadata__": {"k": "", "k": ""}}', 'the key "k" occurs twice'],
    [
      'a duplicate tensor with escapes',
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
      'the key "a" occurs twice',
    ],
  ])('refuses %s', (_, header, expected) => {
    expect(faultOf(fileOf(header))).toContain(expected);
  });

  it('refuses a header that is not UTF-8', () => {
    const bytes = fileOf('{"a": 1}');
    bytes[10] = 0xff;
    expect(faultOf(bytes)).toContain('not UTF-8');
  });

  it.each([
    [
      'an unknown dtype',
      entry('F8_E4M3', [8], 0, 8),
      'dtype "F8_E4M3" cannot be read; convert it to one of F64, ',
    ],
    ['no dtype', { shape: [2], data_offsets: [0, 8] }, 'dtype that is not a string'],
    ['a negative size', entry('F32', [-2], 0, 8), 'shape is not a list of non-negative integers'],
    ['a fractional size', entry('F32', [2.5], 0, 8), 'shape is not'],
    ['a size as text', entry('F32', ['2'], 0, 8), 'shape is not'],
    ['a shape that is no list', entry('F32', 2, 0, 8), 'shape is not'],
    [
      'a shape over the file',
      entry('F32', [2 ** 40], 0, 8),
      'takes 4398046511104 bytes, data_offsets give 8',
    ],
    ['a shape that overflows', entry('F32', [2 ** 52, 2 ** 52, 2 ** 52], 0, 8), 'data_offsets give 8'],
    ['a wrong size', entry('F16', [2], 0, 8), 'shape [2] of F16 takes 4 bytes, data_offsets give 8'],
    ['offsets out of range', entry('F32', [4], 0, 16), 'reach past the 8 bytes of data'],
    ['backward offsets', entry('F32', [2], 8, 0), 'end before they begin'],
    ['negative offsets', entry('F32', [2], -8, 0), 'data_offsets is not a pair'],
    ['three offsets', { dtype: 'F32', shape: [2], data_offsets: [0, 8, 8] }, 'data_offsets is not a pair'],
  ])('refuses %s', (_, broken, expected) => {
    const message = faultOf(fileOf({ 'layer\n1': broken }, 8));
    expect(message).toContain('tensor "layer\\n1": ');
    expect(message).toContain(expected);
  });

  it('refuses overlaps, gaps and left-over bytes', () => {
    const pair = (begin: number) => ({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], begin, begin + 4) });
    expect(faultOf(fileOf(pair(4), 8))).toContain('tensors "a" and "b" overlap');
    expect(faultOf(fileOf(pair(12), 16))).toContain(
      'data bytes 8 to 12, before tensor "b", belong to no tensor',
    );
    expect(faultOf(fileOf(pair(8), 15))).toContain('the last 3 bytes');
    expect(faultOf(fileOf({}, 4))).toContain('the last 4 bytes');
  });

  it('refuses I64 values that i32 cannot hold', () => {
    const data = bytesOf(BigInt64Array.of(1n, 2n ** 31n));
    expect(faultOf(fileOf({ t: entry('I64', [2], 0, 16) }, data))).toContain('element 1 is 2147483648');
  });

  it('never throws anything but a DataError, whichever byte is broken', () => {
    const whole = encodeSafetensors(
      { a: { dtype: 'f32', shape: [1, 2], data: Float32Array.of(5, 6) } },
      { k: '{"v": 1}' },
    );
    const headerEnd = whole.length - 8;
    for (let i = 0; i < headerEnd; i++) {
      for (const value of [0x00, 0x22, 0x2d, 0x39, 0x7b, 0x7d, 0xff]) {
        const broken = whole.slice();
        broken[i] = value;
        try {
          decodeSafetensors(broken, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }
    }
  });

  it.runIf(existsSync(CASES))('reads the conformance cases', () => {
    const files = readdirSync(CASES).filter((file) => file.endsWith('.safetensors'));
    expect(files.length).toBeGreaterThan(100);
    for (const file of files) {
      const { tensors, metadata } = decodeSafetensors(readFileSync(new URL(file, CASES)), file);
      expect(metadata.op).toBe(file.slice(0, file.indexOf('-')));
      expect([...tensors.keys()].some((key) => key.startsWith('out.'))).toBe(true);
      expect(decodeSafetensors(encodeSafetensors(tensors, metadata), file).tensors).toEqual(tensors);
    }
  });
});
