import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fetchFiles } from '../../../cli/src/batch/files.ts';
import { type Computing, computeShard, decodeShard, encodeShard } from '../../../cli/src/batch/shard.ts';
import { decodeValue, encodeValue } from '../../../cli/src/batch/values.ts';
import { beginWork, readInputs, readWork, readWorkFile, shardInputs } from '../../../cli/src/batch/work.ts';
import type { ImageInput } from '../../../cli/src/imageInputs.ts';
import { openPlace } from '../../../cli/src/place/place.ts';
import { PlaceError } from '../../../cli/src/place/placeError.ts';
import { DataError } from '../../../src/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-shards-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const input = (name: string): ImageInput => ({ file: `in/${name}.png`, inside: `${name}.png`, name });
const INPUTS = ['a', 'b', 'c', 'd', 'e'].map(input);

describe('values', () => {
  it('come back with every bit', () => {
    const value = {
      text: 'ä "quoted"\n',
      numbers: [0.1, -1e-300, 2 ** 53 - 1],
      f32: Float32Array.of(0.1, Number.NaN, -0, Number.POSITIVE_INFINITY),
      f64: Float64Array.of(Math.PI),
      labels: Uint8Array.of(0, 255, 7),
      ids: Int32Array.of(-1, 2 ** 31 - 1),
      part: new Float32Array([1, 2, 3, 4]).subarray(1, 3),
      none: new Uint32Array(0),
    };
    expect(decodeValue(encodeValue(value), 'x')).toEqual(value);
    expect(encodeValue(value)).not.toContain('\n');
  });

  it.each([
    '',
    '{',
    '{"a":{"$array":"Float32Array","base64":"AAA="}}',
    '{"a":{"$array":"Function","base64":""}}',
  ])('are refused where they are damaged: %s', (line) => {
    expect(() => decodeValue(line, 'shards/1')).toThrow(DataError);
    expect(() => decodeValue(line, 'shards/1')).toThrow(/^shards\/1: is damaged/);
  });
});

describe('a shard', () => {
  const computing: Computing<string> = {
    load: async ({ file }) => {
      if (file === 'in/c.png') throw new DataError('in/c.png: is no image');
      return file;
    },
    async compute(image, { name }) {
      if (name === 'd') throw new DataError('is too dark');
      return { result: image.length, files: name === 'e' ? [['e.bin', Uint8Array.of(1)]] : [] };
    },
    close: () => undefined,
  };
  const run = (options: Partial<Parameters<typeof computeShard>[2]> = {}) =>
    computeShard(computing as Computing, INPUTS, { write: async () => undefined, ...options });

  it.each([false, true])('has results and faults in the order of its images, careful %s', async (careful) => {
    const seen: number[] = [];
    const written: string[] = [];
    const outcomes = await run({
      careful,
      onImage: (at) => seen.push(at),
      write: async (name) => void written.push(name),
    });
    expect(outcomes).toEqual([
      { result: 8 },
      { result: 8 },
      { fault: { kind: 'other', message: 'in/c.png: is no image' } },
      { fault: { kind: 'other', message: 'in/d.png: is too dark' } },
      { result: 8 },
    ]);
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(written).toEqual(['e.bin']);
  });

  it('is computed together where that is how it is done, and one by one where care is taken', async () => {
    const asked: string[][] = [];
    const together: Computing = {
      async *computeAll(inputs, onPart) {
        asked.push(inputs.map(({ name }) => name));
        for (const input of inputs) {
          onPart(input);
          if (input.name === 'd') yield { input, error: new DataError('is too dark') };
          else yield { input, result: input.name };
        }
      },
      close: () => undefined,
    };
    const seen: number[] = [];
    const options = {
      skip: new Map([[1, 'ended the process']]),
      onImage: (at: number) => seen.push(at),
      write: async () => undefined,
    };
    const wanted = [
      { result: 'a' },
      { fault: { kind: 'other', message: 'in/b.png: ended the process' } },
      { result: 'c' },
      { fault: { kind: 'other', message: 'in/d.png: is too dark' } },
      { result: 'e' },
    ];
    expect(await computeShard(together, INPUTS, options)).toEqual(wanted);
    expect(await computeShard(together, INPUTS, { ...options, careful: true })).toEqual(wanted);
    expect(asked).toEqual([['a', 'c', 'd', 'e'], ['a'], ['c'], ['d'], ['e']]);
    expect(seen).toEqual([0, 2, 3, 4, 0, 2, 3, 4]);
  });

  it('leaves out what it is told to, with the reason', async () => {
    const seen: number[] = [];
    const outcomes = await run({ skip: new Map([[1, 'ended the process']]), onImage: (at) => seen.push(at) });
    expect(outcomes[1]).toEqual({ fault: { kind: 'other', message: 'in/b.png: ended the process' } });
    expect(seen).toEqual([0, 2, 3, 4]);
  });

  it('ends by what is no fault of an image', async () => {
    const lost = new Error('the device was lost');
    const broken: Computing = { ...(computing as Computing), compute: () => Promise.reject(lost) };
    await expect(computeShard(broken, INPUTS, { write: async () => undefined })).rejects.toBe(lost);
  });

  it('ends where its files cannot be written: no image is to blame', async () => {
    const full = new PlaceError('/out/e.bin: cannot be written (no space left on the disk)');
    await expect(run({ write: () => Promise.reject(full) })).rejects.toBe(full);
  });

  it('comes back from its file, and is refused where that is damaged', async () => {
    const outcomes = await run();
    const content = await encodeShard(outcomes);
    expect(await decodeShard(content, 5, 's')).toEqual(outcomes);
    await expect(decodeShard(content, 4, 's')).rejects.toThrow(/^s: has the results of 5 images, not of 4/);
    await expect(decodeShard(content.slice(0, -9), 5, 's')).rejects.toThrow(/^s: is damaged/);
    const lines = gunzipSync(content).toString();
    await expect(decodeShard(gzipSync(lines.slice(0, -20)), 5, 's')).rejects.toThrow(/not of 5/);
  });
});

describe('a batch at a place', () => {
  const wanted = (more = {}) => ({
    ...{ name: 'hash' as const, options: { hashSize: 8 }, inputs: INPUTS, shardSize: 2 },
    files: [{ option: 'model', file: path.join(folder, 'm.bin') }],
    ...more,
  });
  const at = (name: string) => openPlace(path.join(folder, name));
  beforeAll(() => writeFile(path.join(folder, 'm.bin'), 'weights'));

  it('is found again by the same command, and kept from others', async () => {
    const place = at('same');
    const { work } = await beginWork(place, wanted(), false);
    expect(work).toMatchObject({ version: 1, name: 'hash', images: 5, shardSize: 2, folder: process.cwd() });
    expect((await beginWork(place, wanted(), false)).work).toEqual(work);
    expect(await readWork(place)).toEqual(work);
    expect(await readInputs(place)).toEqual(INPUTS);
    expect(shardInputs(INPUTS, work, 2)).toEqual([INPUTS[4]]);
    for (const other of [{ options: { hashSize: 16 } }, { inputs: INPUTS.slice(1) }, { shardSize: 3 }]) {
      await expect(beginWork(place, wanted(other), false)).rejects.toThrow(/--force$/);
    }
    await place.write('shards/000000.jsonl.gz', 'x');
    const forced = await beginWork(place, wanted({ shardSize: 3 }), true);
    expect(forced.work.id).not.toBe(work.id);
    expect(await place.list('shards')).toEqual([]);
  });

  it('has files beside the model that names them, and each option in a folder of its own', async () => {
    vi.stubEnv('FOVEA_CACHE', path.join(folder, 'cache'));
    const given = [
      { option: 'model', file: 'one/m.onnx' },
      { option: null, file: 'one/values.bin' },
      { option: 'detector', file: 'other/m.onnx' },
      { option: null, file: 'other/values.bin', beside: 'detector' },
      { option: 'detectorNames', file: 'names.txt' },
    ].map((one) => ({ ...one, file: path.join(folder, one.file) }));
    for (const { file } of given) {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, file);
    }
    const place = at('beside');
    const { work } = await beginWork(place, wanted({ files: given }), false);
    const { model, detector, detectorNames, ...more } = await fetchFiles(place, work);
    expect(more).toEqual({});
    const text = (file: string) => readFile(file, 'utf8');
    expect(await text(model!)).toBe(given[0]!.file);
    expect(await text(path.join(path.dirname(model!), 'values.bin'))).toBe(given[1]!.file);
    expect(await text(detector!)).toBe(given[2]!.file);
    expect(await text(path.join(path.dirname(detector!), 'values.bin'))).toBe(given[3]!.file);
    expect(await text(detectorNames!)).toBe(given[4]!.file);
    // The name of an option is that of a folder, and leads nowhere else.
    const leading = wanted({ files: [{ ...given[0]!, option: '../../m' }] });
    await beginWork(at('leading'), leading, false);
    await expect(readWork(at('leading'))).rejects.toThrow(/files\.0\.option: /);
  });

  it('has its files whole, or says so', async () => {
    const place = at('files');
    const { work } = await beginWork(place, wanted(), false);
    const [file] = work.files as [(typeof work.files)[number]];
    expect(new TextDecoder().decode(await readWorkFile(place, file))).toBe('weights');
    await place.write(`files/${file.sha256}`, 'Weights');
    await expect(readWorkFile(place, file)).rejects.toThrow(/is damaged \(m\.bin\); remove /);
    await place.remove(`files/${file.sha256}`);
    await expect(readWorkFile(place, file)).rejects.toThrow(/is missing \(m\.bin\)/);
  });

  it.each([
    [{ version: 2 }, /is a batch of version 2, and this fovea reads version 1/],
    [{ id: '../../etc' }, /work\.json: id: /],
    [{ name: 'format' }, /work\.json: name: /],
    [{ shardSize: 0 }, /work\.json: shardSize: /],
    [{ files: [{ option: null, name: '../m', sha256: '0'.repeat(64) }] }, /work\.json: files\.0\.name: /],
    [{ files: [{ option: null, name: 'm', sha256: '../..' }] }, /work\.json: files\.0\.sha256: /],
  ])('is refused where its description is not one: %j', async (change, message) => {
    const place = at('hostile');
    await beginWork(place, wanted(), true);
    const file = path.join(place.url, 'work.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
    await expect(readWork(place)).rejects.toThrow(message);
    await place.remove('');
  });

  it('leaves nothing half-written in its folder', async () => {
    const place = at('whole');
    await Promise.all(Array.from({ length: 20 }, (_, i) => place.write('one', String(i).repeat(1000))));
    expect(await readdir(place.url)).toEqual(['one']);
    expect(() => openPlace('ftp://host/x')).toThrow(/not addresses of the kind ftp:/);
  });
});
