import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../src/errors.ts';
import { type FileTensor, readTorch, writeTorch } from '../../src/io/index.ts';

const FILES = new URL('../fixtures/torch_files/', import.meta.url);
const SHARED = new URL('../../../shared/weights/', import.meta.url);
const load = (file: string, folder = FILES) => readFileSync(new URL(file, folder));

const hash = (data: NodeJS.ArrayBufferView | string) =>
  createHash('sha256').update(data).digest('hex').slice(0, 16);
const described = (tensors: ReadonlyMap<string, FileTensor>) =>
  Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, data }]) => [name, [dtype, shape, hash(data)]]),
  );

describe('readTorch', () => {
  const expected: Record<string, ReturnType<typeof described>> = JSON.parse(load('expected.json').toString());
  it.each(Object.entries(expected))('reads %s bit for bit as torch.load does', (file, want) => {
    const { tensors } = readTorch(load(file), file);
    expect(described(tensors)).toEqual(want);
    expect([...tensors.keys()]).toEqual(Object.keys(want));
  });

  // Real weights, by a hash that torch.load's tensors gave. They are no part of the project.
  const shared: Record<string, [number, string]> = JSON.parse(load('shared.json').toString());
  it.runIf(existsSync(SHARED)).each(Object.entries(shared))(
    'reads the real weights of %s bit for bit',
    (file, [count, sum]) => {
      const { tensors } = readTorch(load(file, SHARED), file);
      const lines = Object.entries(described(tensors)).map(
        ([name, [dtype, shape, own]]) => `${name} ${dtype} [${shape}] ${own}\n`,
      );
      expect([lines.length, hash(lines.join(''))]).toEqual([count, sum]);
    },
  );

  it('tells the container, and which dicts and modules hold tensors', () => {
    const told = (file: string) => {
      const { format, layout, stateDicts } = readTorch(load(file), file);
      return { format, layout, stateDicts };
    };
    const layout = 'pytorch';
    expect(told('tensors.pth')).toEqual({ format: 'torch', layout, stateDicts: [''] });
    expect(told('legacy.pth')).toEqual({ format: 'torch-legacy', layout, stateDicts: [''] });
    expect(told('module.pth')).toEqual({ format: 'torch', layout, stateDicts: ['model'] });
    expect(told('scripted.pt').format).toBe('torchscript');
    const { stateDicts } = readTorch(load('checkpoint.pth'));
    expect(stateDicts[0]).toBe('model');
    expect(stateDicts.slice(1).every((name) => name.startsWith('optimizer.state.'))).toBe(true);
  });

  it.each(['checkpoint.pth', 'protocol5.pth'])('keeps the other values of %s by name', (file) => {
    const { other } = readTorch(load(file), file);
    const only = (name: string) => other.get(name);
    expect(only('epoch')).toBe(3);
    expect(only('lr')).toBe(0.25);
    expect(only('best')).toBe(7);
    expect(only('names')).toEqual(['cat', 'dog']);
    expect(only('size')).toEqual([3, 4]);
    expect(only('device')).toBe('cuda:0');
    expect(only('dtype')).toEqual({ className: 'torch.float32' });
    expect(only('array')).toEqual({ dtype: 'f32', shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    expect(only('when')).toEqual({ className: 'datetime.datetime' });
    expect(only('path')).toEqual({ className: 'pathlib.PosixPath' });
    expect(only('path.args')).toEqual(['a', 'b']);
    expect(only('bytes')).toEqual(Uint8Array.of(97, 98, 255));
    expect(only('set')).toEqual([1]);
    expect(only('optimizer.param_groups.0.lr')).toBe(0.01);
  });

  it('names the classes of a pickled module, and leaves out what its state dict leaves out', () => {
    const { tensors, other } = readTorch(load('module.pth'), 'module.pth');
    expect(other.get('model')).toEqual({ className: '__main__.Mixed' });
    expect(other.get('model.conv')).toEqual({ className: 'torch.nn.modules.conv.Conv2d' });
    expect(other.get('model.stride')).toEqual([8, 16]);
    expect(other.get('model.anchors')).toMatchObject({ dtype: 'f32', shape: [2, 2] });
    expect(other.get('model.left')).toMatchObject({ dtype: 'i64' });
    expect(tensors.has('model.kept')).toBe(true);
    expect(tensors.has('model.left')).toBe(false);
    // Shared weights are one array under two names.
    expect(tensors.get('model.tied.1.weight')!.data).toBe(tensors.get('model.tied.0.weight')!.data);
  });

  it.each([
    [
      'complex.pth',
      /tensor "w": is a ComplexFloatStorage, which Fovea does not read; .* torch\.view_as_real\(tensor\)/,
    ],
    ['quantized.pth', /tensor "w": is a quantized tensor, .* with \.dequantize\(\)$/],
    ['sparse.pth', /tensor "w": is a sparse tensor, .* with \.to_dense\(\)$/],
  ])('refuses %s by name', (file, message) => {
    expect(() => readTorch(load(file), file)).toThrow(DataError);
    expect(() => readTorch(load(file), file)).toThrow(message);
  });
});

describe('writeTorch', () => {
  const shared = Float32Array.of(1, 2, 3, 4);
  const tensors: Record<string, FileTensor> = {
    'a.weight': { dtype: 'f32', shape: [2, 2], data: shared },
    größe: { dtype: 'f64', shape: [1], data: Float64Array.of(1e300) },
    half: { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x7bff) },
    brain: { dtype: 'bf16', shape: [2], data: Uint16Array.of(0x3f80, 0xc049) },
    long: { dtype: 'i64', shape: [], data: BigInt64Array.of(-(2n ** 62n)) },
    int: { dtype: 'i32', shape: [2], data: Int32Array.of(-1, 5) },
    short: { dtype: 'i16', shape: [1], data: Int16Array.of(-300) },
    char: { dtype: 'i8', shape: [1], data: Int8Array.of(-3) },
    byte: { dtype: 'u8', shape: [2], data: Uint8Array.of(0, 255) },
    flag: { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) },
    none: { dtype: 'f32', shape: [0, 4], data: new Float32Array(0) },
    'b.weight': { dtype: 'f32', shape: [4], data: shared },
  };

  it('writes what readTorch reads, in order, the same bytes each time', () => {
    const bytes = writeTorch(tensors);
    const read = readTorch(bytes);
    expect(Object.fromEntries(read.tensors)).toEqual(tensors);
    expect([...read.tensors.keys()]).toEqual(Object.keys(tensors));
    expect(writeTorch(new Map(Object.entries(tensors)))).toEqual(bytes);
    expect(readTorch(writeTorch({})).tensors.size).toBe(0);
  });

  it('aligns the bytes of each entry to 64, as PyTorch does, and writes a shared array once', () => {
    const marked = Float32Array.of(1234.5, -77.25);
    const bytes = writeTorch({
      a: { dtype: 'f32', shape: [2], data: marked },
      b: { dtype: 'f32', shape: [2], data: marked },
    });
    const wanted = Buffer.from(marked.buffer);
    const at = Buffer.from(bytes.buffer).indexOf(wanted);
    expect(at % 64).toBe(0);
    expect(Buffer.from(bytes.buffer).indexOf(wanted, at + 1)).toBe(-1);
  });

  it('refuses what torch cannot hold, and data that does not fit', () => {
    expect(() => writeTorch({ w: { dtype: 'u32', shape: [1], data: Uint32Array.of(1) } })).toThrow(
      /cannot hold u32/,
    );
    expect(() => writeTorch({ w: { dtype: 'float' as never, shape: [4], data: shared } })).toThrow(
      new ShapeError(
        'writeTorch: tensor "w": dtype is "float"; choose f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, bool',
      ),
    );
    expect(() => writeTorch({ w: { dtype: 'f32', shape: [3], data: shared } })).toThrow(
      new ShapeError('writeTorch: tensor "w": shape [3] does not hold the 4 elements given'),
    );
    expect(() => writeTorch({ w: { dtype: 'f16', shape: [4], data: shared } })).toThrow(
      /f16 takes a Uint16Array/,
    );
  });

  const python = '/usr/bin/python3';
  const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0;
  it.runIf(hasTorch)('writes what torch.load reads, with weights_only too', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fovea-torch-'));
    try {
      const file = join(folder, 'a.pth');
      writeFileSync(file, writeTorch(tensors));
      const code = `import torch, hashlib, json, sys
def raw(t):
    return bytes(t.reshape(-1).view(torch.uint8).numpy()) if t.numel() else b""
d = torch.load(sys.argv[1], weights_only=True)
print(json.dumps({k: [str(t.dtype), list(t.shape), hashlib.sha256(raw(t)).hexdigest()[:16]] for k, t in d.items()}))
print(d["a.weight"].data_ptr() == d["b.weight"].data_ptr())`;
      const [read, one] = execFileSync(python, ['-W', 'ignore', '-c', code, file])
        .toString()
        .trim()
        .split('\n');
      const got: Record<string, [string, number[], string]> = JSON.parse(read!);
      expect(
        Object.fromEntries(Object.entries(got).map(([name, [, shape, sum]]) => [name, [shape, sum]])),
      ).toEqual(
        Object.fromEntries(
          Object.entries(tensors).map(([name, { shape, data }]) => [name, [shape, hash(data)]]),
        ),
      );
      expect(got.brain![0]).toBe('torch.bfloat16');
      expect(one).toBe('True');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
