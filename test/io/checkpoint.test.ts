import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataError, FoveaError, UsageError } from '../../src/errors.ts';
import { decodeCheckpoint } from '../../src/io/checkpoint.ts';
import {
  decodeWeights,
  encodeCheckpoint,
  encodeSafetensors,
  encodeWeights,
  loadCheckpoint,
  readFileBytes,
  type StateDict,
  saveCheckpoint,
  saveWeights,
  writeFileAtomic,
} from '../../src/io/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-io-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const state = (...values: number[]): StateDict =>
  new Map([['conv.weight', { dtype: 'f32', shape: [values.length], data: Float32Array.from(values) }]]);

async function faultOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  const { message } = error as DataError;
  expect(message).toMatch(/^[^\n\r]+: [^\n\r]+; [^\n\r]+$/);
  return message;
}

describe('writeFileAtomic', () => {
  it('writes bytes and text, replaces what was there, and leaves nothing beside it', async () => {
    const path = join(folder, 'a.bin');
    await writeFileAtomic(path, 'first, and longer');
    await writeFileAtomic(path, Uint8Array.of(1, 2, 255));
    expect(await readFileBytes(path)).toEqual(Uint8Array.of(1, 2, 255));
    await writeFileAtomic(path, 'größe');
    expect(readFileSync(path, 'utf8')).toBe('größe');
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('writes parts one after the other, and nothing where one cannot be made', async () => {
    const path = join(folder, 'a.bin');
    await writeFileAtomic(path, ['gr', Uint8Array.of(0xc3, 0xb6), 'ße']);
    expect(readFileSync(path, 'utf8')).toBe('größe');
    await writeFileAtomic(path, []);
    expect(readFileSync(path)).toHaveLength(0);
    const fault = new RangeError('no more');
    async function* parts(end?: unknown) {
      yield 'one';
      if (end) throw end;
      yield 'two';
    }
    await writeFileAtomic(path, parts());
    await expect(writeFileAtomic(path, parts(fault))).rejects.toBe(fault);
    await expect(writeFileAtomic(path, ['three', 4 as never])).rejects.toThrow(
      'writeFileAtomic: content is 4; give a Uint8Array',
    );
    expect(readFileSync(path, 'utf8')).toBe('onetwo');
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('does not replace devices, pipes and sockets', async () => {
    const path = join(folder, 'socket');
    const server = createServer().listen(path);
    await once(server, 'listening');
    await expect(writeFileAtomic(path, 'text')).rejects.toThrow(
      `${path}: cannot be written: it is a device, a pipe or a socket; give the path of a file`,
    );
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(readdirSync(folder)).toEqual(['socket']);
    server.close();
    await once(server, 'close');
  });

  it('writes where a link leads, there or not yet, and keeps the link', async () => {
    mkdirSync(join(folder, 'deep'));
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    symlinkSync('second', first);
    symlinkSync('deep/a.bin', second);
    for (const text of ['one', 'two']) {
      await writeFileAtomic(first, text);
      expect(readFileSync(join(folder, 'deep', 'a.bin'), 'utf8')).toBe(text);
      expect([readlinkSync(first), readlinkSync(second)]).toEqual(['second', 'deep/a.bin']);
      expect(readdirSync(join(folder, 'deep'))).toEqual(['a.bin']);
    }
    symlinkSync('loop', join(folder, 'loop'));
    expect(await faultOf(writeFileAtomic(join(folder, 'loop'), 'x'))).toContain(
      'a link that leads to itself',
    );
  });

  it('leaves one whole file where many write at once', async () => {
    const path = join(folder, 'a.bin');
    const contents = Array.from({ length: 8 }, (_, i) => new Uint8Array(100_000).fill(i));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    const bytes = await readFileBytes(path);
    expect(bytes).toEqual(contents[bytes[0]!]);
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('removes what a killed process left of the same file, and nothing else', async () => {
    const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';
    const [stale, fresh, other, alike] = [
      `.a.bin.${uuid}.tmp`,
      `.a.bin.1${uuid.slice(1)}.tmp`,
      `.b.bin.${uuid}.tmp`,
      '.a.bin.backup.tmp',
    ] as const;
    const old = new Date(Date.now() - 2 * 3_600_000);
    for (const name of [stale, fresh, other, alike]) writeFileSync(join(folder, name), 'half');
    for (const name of [stale, other, alike]) utimesSync(join(folder, name), old, old);
    await writeFileAtomic(join(folder, 'a.bin'), 'whole');
    expect(readdirSync(folder).sort()).toEqual(['a.bin', fresh, other, alike].sort());
  });

  it('writes files of names as long as they can be, and refuses longer ones', async () => {
    const names = ['写'.repeat(85), 'x'.repeat(255)];
    for (const name of names) {
      await writeFileAtomic(join(folder, name), 'one');
      await writeFileAtomic(join(folder, name), 'two');
      expect(readFileSync(join(folder, name), 'utf8')).toBe('two');
    }
    expect(readdirSync(folder).sort()).toEqual(names.toSorted());
    const path = join(folder, 'x'.repeat(256));
    expect(await faultOf(writeFileAtomic(path, 'x'))).toContain('its name is too long; choose a shorter one');
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('removes its temporary file where the rename fails', async () => {
    const path = join(folder, 'taken');
    mkdirSync(path);
    writeFileSync(join(path, 'inside'), '');
    expect(await faultOf(writeFileAtomic(path, 'x'))).toContain('cannot be written: it is a folder');
    expect(readdirSync(folder)).toEqual(['taken']);
  });

  it('names a missing folder', async () => {
    const message = await faultOf(writeFileAtomic(join(folder, 'no', 'a.bin'), 'x'));
    expect(message).toContain(`the folder ${join(folder, 'no')} does not exist; create it first`);
  });
});

describe('readFileBytes', () => {
  it('names what is missing, and what is a folder', async () => {
    const path = join(folder, 'none.bin');
    expect(await faultOf(readFileBytes(path))).toBe(
      `${path}: cannot be read: there is no such file; check the path`,
    );
    expect(await faultOf(readFileBytes(folder))).toContain('it is a folder');
  });

  it('says so where there is no file system', async () => {
    const { getBuiltinModule } = process;
    Object.assign(process, { getBuiltinModule: undefined });
    try {
      await expect(readFileBytes('x')).rejects.toThrow(FoveaError);
      await expect(readFileBytes('x')).rejects.toThrow(/Node 20\.16/);
    } finally {
      Object.assign(process, { getBuiltinModule });
    }
  });
});

describe('checkpoints', () => {
  const progress = { step: 120, epoch: 3, rng: [1, 4294967295, 3], best: { loss: 0.125 }, note: null };

  it('come back as they were', async () => {
    const path = join(folder, 'last.safetensors');
    const checkpoint = { weights: state(1, 2), optimizer: state(0.5, -0.5), progress };
    await saveCheckpoint(path, checkpoint);
    expect(await loadCheckpoint(path)).toEqual(checkpoint);
  });

  it('keep the file before, and no leftover, where a save fails', async () => {
    const path = join(folder, 'last.safetensors');
    const first = { weights: state(1), optimizer: state(2), progress: 1 };
    await saveCheckpoint(path, first);
    const broken: StateDict = new Map([['w', { dtype: 'f32', shape: [9], data: new Float32Array(1) }]]);
    await expect(saveCheckpoint(path, { ...first, weights: broken })).rejects.toThrow(/"model.w"/);
    expect(await loadCheckpoint(path)).toEqual(first);
    expect(readdirSync(folder)).toEqual(['last.safetensors']);
  });

  it('are the same bytes in a browser, which finds damage too', async () => {
    const path = join(folder, 'last.safetensors');
    const checkpoint = { weights: state(1, 2), optimizer: state(0.5, -0.5), progress };
    await saveCheckpoint(path, checkpoint);
    const saved = new Uint8Array(readFileSync(path));
    // Browsers have none of Node's modules.
    vi.stubGlobal('process', { ...process, getBuiltinModule: undefined });
    try {
      const bytes = await encodeCheckpoint(checkpoint);
      expect(bytes).toEqual(saved);
      expect(await loadCheckpoint(bytes)).toEqual(checkpoint);
      expect(await loadCheckpoint(new File([saved], 'a.safetensors'))).toEqual(checkpoint);
      bytes[bytes.length - 1]! ^= 1;
      expect(await faultOf(loadCheckpoint(bytes))).toMatch(/^checkpoint: the checkpoint is damaged/);
      expect(await faultOf(loadCheckpoint(new File([new Uint8Array(bytes)], 'a.safetensors')))).toMatch(
        /^a\.safetensors: the checkpoint is damaged/,
      );
      expect(await faultOf(loadCheckpoint(new Blob([new Uint8Array(bytes)]), 'mine'))).toMatch(/^mine: /);
    } finally {
      vi.unstubAllGlobals();
    }
    await expect(loadCheckpoint(7 as never)).rejects.toThrow(
      new UsageError('loadCheckpoint: file is 7; give a path, bytes or a Blob'),
    );
    await expect(encodeCheckpoint({ ...checkpoint, progress: undefined })).rejects.toThrow(
      'a value of type undefined',
    );
  });

  it.each([
    ['NaN', { loss: Number.NaN }, 'at "loss": the number NaN'],
    ['a typed array', { rng: new Uint32Array(2) }, 'at "rng": a typed array'],
    ['a bigint', { seed: 1n }, 'at "seed": a bigint'],
    ['a map', { seen: new Map() }, 'at "seen": a Map'],
    ['nothing', undefined, 'a value of type undefined'],
  ])('refuse %s as progress, which JSON would bend', async (_, bad, expected) => {
    const path = join(folder, 'last.safetensors');
    const saved = saveCheckpoint(path, { weights: state(1), optimizer: state(2), progress: bad });
    expect(await faultOf(saved)).toContain(expected);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are told from weights and other files', async () => {
    const path = join(folder, 'w.safetensors');
    writeFileSync(path, encodeSafetensors(state(1)));
    expect(await faultOf(loadCheckpoint(path))).toContain('it is not a checkpoint');
    writeFileSync(path, encodeSafetensors(state(1), { 'fovea.progress': '{}' }));
    expect(await faultOf(loadCheckpoint(path))).toContain('the checkpoint has no checksum');
    writeFileSync(path, 'not a tensor');
    expect(await faultOf(loadCheckpoint(path))).toContain(path);
  });
});

describe('a damaged checkpoint', () => {
  it('is refused with its name, whichever bit is wrong', async () => {
    const path = join(folder, 'bits.safetensors');
    await saveCheckpoint(path, { weights: state(1.5, -2), optimizer: state(0.25), progress: { step: 3 } });
    const good = readFileSync(path);
    const before = await loadCheckpoint(path);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bytes = Uint8Array.from(good);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      let message = 'taken';
      try {
        decodeCheckpoint(bytes, path);
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
        ({ message } = error as DataError);
      }
      expect(message, `bit ${bit}`).toMatch(/bits\.safetensors: [^\n\r]+; [^\n\r]+$/);
    }
    expect(await loadCheckpoint(path)).toEqual(before);
  });

  it('is refused where it was cut short, or is of another format', async () => {
    const path = join(folder, 'cut.safetensors');
    await saveCheckpoint(path, { weights: state(1), optimizer: state(2), progress: {} });
    const good = readFileSync(path);
    writeFileSync(path, good.subarray(0, good.length - 4));
    expect(await faultOf(loadCheckpoint(path))).toContain('the checkpoint is damaged');
    // As a later version may write it, with a checksum that is right.
    const later = Buffer.from(
      good.toString('latin1').replace('"fovea.format":"1"', '"fovea.format":"2"'),
      'latin1',
    );
    const start = later.indexOf('fovea.checksum":"') + 'fovea.checksum":"'.length;
    later.fill('0', start, start + 64);
    later.write(createHash('sha256').update(later).digest('hex'), start);
    writeFileSync(path, later);
    expect(await faultOf(loadCheckpoint(path))).toContain(
      'has format "2", this version of Fovea reads format 1',
    );
  });
});

describe('weights', () => {
  const metadata = {
    architecture: 'unet',
    config: { width: 16, depth: 4 },
    classNames: ['coin', 'größe'],
    preprocessing: { mean: [0.5], std: [0.25] },
  };

  it('come back with what describes the model', async () => {
    const path = join(folder, 'unet.safetensors');
    await saveWeights(path, state(1, 2, 3), metadata);
    expect(decodeWeights(await readFileBytes(path), path)).toEqual({ weights: state(1, 2, 3), metadata });
    expect(encodeWeights(state(1, 2, 3), metadata)).toEqual(new Uint8Array(readFileSync(path)));
  });

  it('load from another program, without a description', async () => {
    const path = join(folder, 'torch.safetensors');
    writeFileSync(path, encodeSafetensors(state(4), { format: 'pt' }));
    expect(decodeWeights(await readFileBytes(path), path)).toEqual({
      weights: state(4),
      metadata: undefined,
    });
  });

  it('are told from a checkpoint, and from a broken description', async () => {
    const path = join(folder, 'x.safetensors');
    await saveCheckpoint(path, { weights: state(1), optimizer: state(2), progress: {} });
    expect(await faultOf(readFileBytes(path).then((bytes) => decodeWeights(bytes, path)))).toContain(
      'is a training checkpoint',
    );
    for (const text of ['{"architecture": "unet"}', 'null', '[]']) {
      writeFileSync(path, encodeSafetensors(state(1), { 'fovea.model': text }));
      expect(await faultOf(readFileBytes(path).then((bytes) => decodeWeights(bytes, path)))).toContain(
        'fovea.model: needs architecture',
      );
    }
  });
});
