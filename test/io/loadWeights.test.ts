import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import {
  encodeSafetensors,
  type FileTensor,
  loadWeights,
  readSafetensors,
  readTorch,
  saveCheckpoint,
  saveWeights,
  writeTorch,
} from '../../src/io/index.ts';
import { readZip } from '../../src/io/torch/zip.ts';
import { writeZip } from '../../src/io/torch/zipWriter.ts';

const FILES = new URL('../fixtures/torch_files/', import.meta.url).pathname;
const tensor = (...values: number[]): FileTensor & { dtype: 'f32'; data: Float32Array } => ({
  dtype: 'f32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-weights-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('readSafetensors', () => {
  it('keeps every type as it is, and they are written again', () => {
    const tensors: Record<string, FileTensor> = {
      f64: { dtype: 'f64', shape: [1], data: Float64Array.of(1e300) },
      bf16: { dtype: 'bf16', shape: [1], data: Uint16Array.of(0x3f80) },
      f16: { dtype: 'f16', shape: [1], data: Uint16Array.of(0x3c00) },
      i64: { dtype: 'i64', shape: [], data: BigInt64Array.of(-(2n ** 62n)) },
      u64: { dtype: 'u64', shape: [1], data: BigUint64Array.of(2n ** 63n) },
      i32: { dtype: 'i32', shape: [1], data: Int32Array.of(-5) },
      u32: { dtype: 'u32', shape: [1], data: Uint32Array.of(5) },
      i16: { dtype: 'i16', shape: [1], data: Int16Array.of(-5) },
      u16: { dtype: 'u16', shape: [1], data: Uint16Array.of(5) },
      i8: { dtype: 'i8', shape: [3], data: Int8Array.of(-5, 0, 1) },
      u8: { dtype: 'u8', shape: [1], data: Uint8Array.of(5) },
      bool: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) },
    };
    const { tensors: read } = readSafetensors(encodeSafetensors(tensors), 'x');
    expect(Object.fromEntries(read)).toEqual(tensors);
  });
});

describe('loadWeights', () => {
  it('tells the format by the content, from a path, bytes, a buffer or a Blob', async () => {
    const safe = encodeSafetensors({ a: tensor(1) });
    const torch = writeTorch({ a: tensor(1) });
    const path = join(folder, 'named.wrong');
    writeFileSync(path, torch);
    for (const [file, format] of [
      [safe, 'safetensors'],
      [safe.buffer, 'safetensors'],
      [new Blob([torch]), 'torch'],
      [path, 'torch'],
      [`${FILES}legacy.pth`, 'torch-legacy'],
      [`${FILES}scripted.pt`, 'torchscript'],
    ] as const) {
      const loaded = await loadWeights(file);
      expect(loaded.format).toBe(format);
      expect(loaded.layout).toBe(format === 'safetensors' ? undefined : 'pytorch');
    }
    expect((await loadWeights(path)).source).toBe(path);
    expect((await loadWeights(torch)).tensors.get('a')).toEqual(tensor(1));
  });

  it('says of safetensors which layout they are in, where the file does', async () => {
    const layoutOf = async (metadata: Record<string, string>) =>
      (await loadWeights(encodeSafetensors({ a: tensor(1) }, metadata))).layout;
    expect(await layoutOf({ format: 'pt' })).toBe('pytorch');
    expect(await layoutOf({})).toBeUndefined();
    const path = join(folder, 'own.safetensors');
    const metadata = { architecture: 'unet', config: {}, classNames: [], preprocessing: {} };
    await saveWeights(path, new Map([['a', tensor(1)]]), metadata);
    expect(await loadWeights(path)).toMatchObject({ format: 'safetensors', layout: 'fovea', notes: [] });
    const checkpoint = {
      weights: new Map([['a', tensor(1)]]),
      optimizer: new Map([['m', tensor(2)]]),
      progress: 1,
    };
    await saveCheckpoint(path, checkpoint);
    const loaded = await loadWeights(path);
    expect([...loaded.tensors.keys()]).toEqual(['a']);
    expect(loaded.notes).toEqual([
      'is a checkpoint of a training: its model was taken, 1 tensor of the optimizer left out',
    ]);
  });

  it('takes the state dict of a checkpoint, or the one that is asked for', async () => {
    const { tensors, notes, other } = await loadWeights(`${FILES}checkpoint.pth`);
    expect(tensors.has('conv.weight')).toBe(true);
    expect(notes[0]).toBe('the state dict "model" was taken');
    expect(notes[1]).toMatch(/^left out: \d+ tensors of "optimizer"$/);
    expect(notes[2]).toBe('"module." before every name was removed');
    expect(notes[3]).toMatch(/known by name only: .*pathlib\.PosixPath/);
    expect(other.get('epoch')).toBe(3);
    const moments = await loadWeights(`${FILES}checkpoint.pth`, { stateDict: 'optimizer.state.0' });
    expect([...moments.tensors.keys()]).toEqual(['step', 'exp_avg', 'exp_avg_sq']);
    await expect(loadWeights(`${FILES}checkpoint.pth`, { stateDict: 'ema' })).rejects.toThrow(
      /has no state dict "ema"; there are "model"$/,
    );
    const flat = loadWeights(writeTorch({ w: tensor(1) }), { stateDict: 'ema' });
    await expect(flat).rejects.toThrow(/has no state dict "ema"; it is one itself, so leave the name out$/);
  });

  describe('of an archive that was compressed', () => {
    /** An archive with its entries deflated. `claim`: the size that one says it has inflated, of its own. */
    function deflated(bytes: Uint8Array, claim = (_name: string, size: number) => size): Uint8Array {
      const { names, get } = readZip(bytes, 'x');
      const out = writeZip(new Map(names.map((name) => [name, deflateRawSync(get(name)!)])));
      const view = new DataView(out.buffer);
      let at = out.length - 3;
      for (const name of names.toReversed()) {
        do at--;
        while (view.getUint32(at) !== 0x504b0102);
        view.setUint16(at + 10, 8, true);
        view.setUint32(at + 24, claim(name, get(name)!.length), true);
      }
      return out;
    }
    const whole = writeTorch({ w: tensor(...new Array(1000).fill(2)), b: tensor(3) });
    const data = (size: number) => (name: string, own: number) => (name.endsWith('data/0') ? size : own);

    it('reads it, which readTorch refuses with the way out', async () => {
      const packed = deflated(whole);
      expect(packed.length).toBeLessThan(whole.length / 2);
      expect((await loadWeights(packed)).tensors).toEqual((await loadWeights(whole)).tensors);
      expect((await loadWeights(Buffer.from(packed))).tensors.size).toBe(2);
      expect(() => readTorch(packed, 'w.pth')).toThrow(
        /^w\.pth: zip archive: entry "archive\/byteorder" is compressed \(method 8\), .*; load it with loadWeights,/,
      );
    });

    it.each([
      [
        'claim to be large',
        data(2 ** 31),
        /entries claim to inflate to 21\d+ bytes, over 8 times the \d+ of/,
      ],
      ['hold more', data(3996), /entry "archive\/data\/0" holds more bytes, claims 3996; copy or/],
      ['hold less', data(4004), /entry "archive\/data\/0" holds 4000 bytes, claims 4004; copy or/],
    ])('refuses one whose entries %s', async (_, claim, message) => {
      const loading = loadWeights(deflated(whole, claim), { name: 'w.pth' });
      await expect(loading).rejects.toThrow(DataError);
      await expect(loading).rejects.toThrow(message);
    });

    it('refuses a damaged one', async () => {
      const packed = deflated(whole);
      // Where the data of the first entry begins: no kind of block.
      packed.set([0xff, 0xff, 0xff, 0xff], 64);
      await expect(loadWeights(packed)).rejects.toThrow(
        /entry "archive\/data\.pkl" cannot be inflated, claims/,
      );
    });
  });

  it('refuses a file without a tensor, and says what is in it', async () => {
    const load = (bytes: Uint8Array) => expect(loadWeights(bytes, { name: 'w' })).rejects;
    await load(writeTorch({})).toThrow(
      new DataError('w: holds no tensor, it is empty; give a file with a state dict'),
    );
    await load(encodeSafetensors({})).toThrow(new DataError('w: holds no tensor; give a file of weights'));
    /** `torch.save` of a value whose pickle this is. */
    const saved = (pickle: string) => writeZip(new Map([['a/data.pkl', Buffer.from(pickle, 'latin1')]]));
    const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
    for (const [pickle, what] of [
      [`}(${text('epoch')}K\x03${text('args')}}(${text('lr')}K\x01uu.`, 'epoch, args'],
      [`${text('hello')}.`, 'a value, "hello"'],
      ['](K\x01K\x02e.', 'a list'],
      ['cargparse\nNamespace\n)\x81}b.', 'an object of argparse.Namespace'],
    ] as const) {
      await load(saved(`\x80\x02${pickle}`)).toThrow(
        new DataError(`w: holds no tensor, but ${what}; give a file with a state dict`),
      );
    }
  });

  it('refuses options that it does not have', async () => {
    const load = (options: object) => loadWeights(new Uint8Array(), options);
    await expect(load({ statedict: 'ema' })).rejects.toThrow('did you mean stateDict?');
    await expect(load({ stateDict: 3 })).rejects.toThrow('loadWeights: options.stateDict is 3; give a text');
    await expect(load({ read: '.' })).rejects.toThrow('loadWeights: options.read is "."; give a function');
  });

  it('reads an index with its shards', async () => {
    const index = { metadata: {}, weight_map: { a: 'm-1.safetensors', b: 'm-2.bin', c: 'm-1.safetensors' } };
    const files: Record<string, Uint8Array> = {
      'm-1.safetensors': encodeSafetensors({ a: tensor(1), c: tensor(3), d: tensor(4) }),
      'm-2.bin': writeTorch({ b: tensor(2) }),
    };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    const path = join(folder, 'm.index.json');
    writeFileSync(path, text(index));
    const loaded = await loadWeights(path);
    expect(loaded).toMatchObject({ format: 'sharded', source: path });
    expect(Object.fromEntries(loaded.tensors)).toEqual({ a: tensor(1), b: tensor(2), c: tensor(3) });
    expect(loaded.notes).toEqual([
      '2 files',
      'm-1.safetensors: 1 tensor that the index does not name left out',
    ]);
    const read = async (name: string) => files[name]!;
    expect((await loadWeights(text(index), { read })).tensors.size).toBe(3);
    await expect(loadWeights(text(index))).rejects.toThrow(UsageError);
    const missing = { weight_map: { z: 'm-2.bin' } };
    await expect(loadWeights(text(missing), { read })).rejects.toThrow(/m-2\.bin: tensor "z" is missing/);
    for (const name of ['../m-2.bin', '/etc/passwd', 'a/b', '..', 'C:\\x', '.m', 7]) {
      const outside = loadWeights(text({ weight_map: { a: name } }), { read });
      await expect(outside).rejects.toThrow(DataError);
      await expect(outside).rejects.toThrow(/is no name of a file beside it/);
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'a Git LFS pointer',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid'),
      /is a Git LFS pointer/,
    ],
    ['a web page', new TextEncoder().encode('<!doctype html><html>'), /is a web page/],
    ['a gzip archive', Uint8Array.of(0x1f, 0x8b, 8, 0), /is a gzip archive/],
    ['nothing', new Uint8Array(), /the file is empty/],
    [
      'a zip archive of something else',
      Uint8Array.of(0x50, 0x4b, 5, 6, ...new Uint8Array(18)),
      /is a zip archive without data\.pkl/,
    ],
    [
      'a pickle of something else',
      Uint8Array.of(0x80, 2, 0x4b, 1, 0x2e),
      /is a Python pickle that torch\.save did not write/,
    ],
    ['other JSON', text({ abc: 1 }), /is a JSON file, not weights/],
  ])('names %s for what it is', async (_, bytes, message) => {
    await expect(loadWeights(bytes, { name: 'w.pth' })).rejects.toThrow(DataError);
    await expect(loadWeights(bytes, { name: 'w.pth' })).rejects.toThrow(message);
    await expect(loadWeights(bytes, { name: 'w.pth' })).rejects.toThrow(/^w\.pth: [^\n]+; [^\n]+$/);
  });
});
