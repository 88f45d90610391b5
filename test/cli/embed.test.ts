import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { npyFloats } from '../../src/io/npy.ts';
import { readSafetensors } from '../../src/io/safetensors.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { wavBytes } from '../similarity/audio/wavBytes.ts';
import { foveaHere } from './here.ts';
import { messages } from './run.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
const bytesOf = (file: string) => new Uint8Array(readFileSync(file));

const image = (red: number, green: number) =>
  sharp({ create: { width: 40, height: 36, channels: 3, background: { r: red, g: green, b: 60 } } });

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-embed-'));
  const model = new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 8, numClasses: 3, seed: 1 });
  const weights = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  writeFileSync(at('m.pth'), writeTorch(weights));
  mkdirSync(at('set'));
  await image(200, 20).png().toFile(at('set', 'a.png'));
  await image(20, 200).png().toFile(at('set', 'b.png'));
  writeFileSync(at('set', 'c.png'), 'no image');
  // An animation of a red and a green frame, half a second each.
  const frames = await Promise.all([image(200, 20), image(20, 200)].map((one) => one.png().toBuffer()));
  await sharp(frames, { join: { animated: true } })
    .gif({ delay: [500, 500] })
    .toFile(at('both.gif'));
  mkdirSync(at('frames'));
  frames.forEach((frame, i) => {
    writeFileSync(at('frames', `${i}.png`), frame);
  });
  const tone = Float32Array.from({ length: 8000 }, (_, i) => 0.5 * Math.sin(0.3 * i));
  writeFileSync(at('tone.wav'), wavBytes([tone], 8000, { code: 3, bits: 32 }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const embed = (out: string, ...args: string[]) =>
  foveaHere('embed', ...args, '--model', at('m.pth'), '--out', at(out));

it('writes a vector for each image in the format of the name, and goes on after one that cannot be used', async () => {
  const found = await embed('e.npy', at('set'), '--normalize', '--report-bad', at('bad.json'));
  expect(found.code).toBe(2);
  expect(found.stdout).toContain('e.npy: 2 vectors of 64 numbers\n');
  expect(messages(found.stderr).join('\n')).toMatch(
    /failed: .*c\.png: not an image[\s\S]*1 of 3 files failed; the first: /,
  );
  expect(readFileSync(at('bad.json'), 'utf8')).toContain('c.png');
  expect(JSON.parse(readFileSync(at('e.files.json'), 'utf8'))).toEqual([
    at('set', 'a.png'),
    at('set', 'b.png'),
  ]);
  const { data, shape } = npyFloats(bytesOf(at('e.npy')), 'e.npy');
  expect(shape).toEqual([2, 64]);
  expect(Math.hypot(...data.subarray(0, 64))).toBeCloseTo(1, 5);

  const images = [at('set', 'a.png'), at('set', 'b.png')];
  for (const out of ['e.safetensors', 'e.csv', 'e.parquet', 'e.index']) {
    const other = await embed(out, ...images, '--normalize');
    expect(messages(other.stderr).slice(1).join('\n'), out).toMatch(
      /^embed: file 1\/2(?:, .+ left)?\nembed: file 2\/2\nembed: 2 files in .+$/,
    );
    expect(other.code, out).toBe(0);
  }
  const { tensors, metadata } = readSafetensors(bytesOf(at('e.safetensors')), 'e');
  expect(tensors.get('embeddings')).toEqual({ dtype: 'f32', shape: [2, 64], data });
  expect(JSON.parse(metadata.files!)).toEqual(images);
  const [header, first] = readFileSync(at('e.csv'), 'utf8').split('\n');
  expect(header).toMatch(/^file,e0,e1,.*,e63$/);
  expect(first!.split(',').slice(1).map(Number)).toEqual([...data.subarray(0, 64)]);
  const file = new Uint8Array(readFileSync(at('e.parquet'))).buffer;
  const rows = await parquetReadObjects({ file });
  expect(rows.map((row) => row.file)).toEqual(images);
  expect([...(rows[1]!.embedding as number[])]).toEqual([...data.subarray(64)]);
  expect(parquetMetadata(file).key_value_metadata).toContainEqual({ key: 'layer', value: 'what enters fc' });
  const search = await foveaHere('search', at('e.index'), at('set', 'a.png'), '-k', '1');
  expect(search.stdout).toContain('b.png');
  // With an image that is none of its items, by the model that it says.
  const again = await foveaHere('search', at('e.index'), at('frames', '1.png'), '-k', '1');
  expect(again.stdout, again.stderr).toMatch(/^\S*1\.png +cosine\n\S*b\.png +0\.0000\n$/);
  const added = await foveaHere('index', at('e.index'), at('frames', '1.png'));
  expect(added.stdout, added.stderr).toBe(`1 image added; ${at('e.index')} has 3\n`);
}, 300_000);

it('makes one vector of the frames of a video and the parts of a sound, or keeps all with their times', async () => {
  const inputs = [at('both.gif'), at('frames'), at('tone.wav'), at('set', 'a.png')];
  const all = await embed('all.csv', ...inputs, '--frame-folders', '--fps', '2', '--frames', 'all');
  expect(all.code).toBe(0);
  const rows = readFileSync(at('all.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  expect(rows.map(([file, time]) => `${path.basename(file!)} ${time}`)).toEqual([
    ...['both.gif 0.000', 'both.gif 0.500', 'frames 0.000', 'frames 0.500'],
    ...['tone.wav 0.000', 'tone.wav 0.370', 'a.png '],
  ]);
  const vectors = rows.map((row) => row.slice(2).map(Number));
  // The first frame is the image itself.
  vectors[0]!.forEach((value, i) => {
    expect(Math.abs(value - vectors[2]![i]!)).toBeLessThan(0.05);
    expect(vectors[2]![i]).toBeCloseTo(vectors[6]![i]!, 4);
  });
  const mean = await embed('mean.csv', at('frames'), '--frame-folders', '--fps', '2');
  expect(mean.code).toBe(0);
  const [line] = readFileSync(at('mean.csv'), 'utf8').trim().split('\n').slice(1);
  line!
    .split(',')
    .slice(1)
    .forEach((value, i) => {
      expect(Number(value)).toBeCloseTo((vectors[2]![i]! + vectors[3]![i]!) / 2, 4);
    });
  const concat = await embed(
    'c.npy',
    at('frames'),
    at('set', 'a.png'),
    '--frame-folders',
    '--fps',
    '2',
    '--frames',
    'concat',
  );
  expect(concat.code).toBe(2);
  expect(concat.stderr).toMatch(
    /a\.png: gives a vector of shape \[64\], and the first file gave \[128\]; embed it apart/,
  );
}, 300_000);

it('refuses vectors that are no numbers, as of a training that diverged', async () => {
  const model = new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 8, numClasses: 3, seed: 1 });
  const weights = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  const broken = new Map(weights);
  const name = 'layer4.0.conv2.weight';
  const { data, ...tensor } = weights.get(name)!;
  broken.set(name, { ...tensor, data: new Float32Array(data.length).fill(Number.NaN) });
  writeFileSync(at('nan.pth'), writeTorch(broken));
  const found = await foveaHere(
    'embed',
    at('set', 'a.png'),
    '--model',
    at('nan.pth'),
    '--out',
    at('nan.npy'),
  );
  expect([found.code, found.stdout]).toEqual([2, '']);
  expect(found.stderr).toContain('a.png: its vector has NaN at 0; check the weights');
  expect(existsSync(at('nan.npy'))).toBe(false);
  const index = await foveaHere('index', at('nan.index'), at('set'), '--model', at('nan.pth'));
  expect(index.stderr).toContain('3 of 3 images failed');
  expect(existsSync(at('nan.index'))).toBe(false);
});

it.skipIf(process.platform === 'win32')(
  'goes on after sounds and videos that cannot be used',
  async () => {
    mkdirSync(at('media'));
    const tone = Float32Array.from({ length: 8000 }, (_, i) => Math.sin(0.3 * i));
    writeFileSync(at('media', 'prime.wav'), wavBytes([tone], 44_101, { code: 3, bits: 32 }));
    writeFileSync(at('media', 'slow.wav'), wavBytes([new Float32Array(20_000)], 1, { code: 3, bits: 32 }));
    for (const name of ['p.wav', 'p.gif', 'p.mp4', 'p.mp3']) execFileSync('mkfifo', [at('media', name)]);
    const found = await embed('media.csv', at('media'), at('gone.wav'), at('tone.wav'));
    expect([found.code, found.stdout]).toEqual([2, expect.stringContaining('media.csv: 1 vector of 64')]);
    const said = messages(found.stderr).join('\n');
    expect(said).toMatch(/prime\.wav: resample: from 44101 to 16000 Hz needs/);
    expect(said).toMatch(/slow\.wav: is longer than 16777 seconds/);
    for (const name of ['p.wav', 'p.gif', 'p.mp4', 'p.mp3'])
      expect(said).toContain(`failed: ${at('media', name)}: cannot`);
    expect(said).toMatch(/gone\.wav: cannot be read \(no such file or folder\)/);
  },
  60_000,
);

it('refuses what cannot be in one line', async () => {
  const ending = await embed('e.txt', at('set', 'a.png'));
  expect(ending.code).toBe(2);
  expect(messages(ending.stderr)).toEqual([
    `fovea: --out ${at('e.txt')}: ends in none of .npy, .safetensors, .csv, .parquet, .index; choose one of them`,
  ]);
  const layer = await embed('e.npy', at('set', 'a.png'), '--layer', 'layer9');
  expect(messages(layer.stderr).at(-1)).toMatch(/has no layer "layer9"; did you mean/);
  writeFileSync(at('broken.mp4'), 'no video');
  const broken = await embed('v.npy', at('broken.mp4'));
  expect(broken.code).toBe(2);
  expect(messages(broken.stderr).at(-1)).toMatch(
    /broken\.mp4: FFmpeg(, which reads it, is not installed; install it| cannot read it)/,
  );
}, 300_000);

it('embeds a video and a compressed sound with FFmpeg, where that is installed', async () => {
  try {
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=64x48:rate=4:duration=2',
      '-pix_fmt',
      'yuv420p',
      at('v.mp4'),
    ]);
    execFileSync('ffmpeg', ['-v', 'error', '-i', at('tone.wav'), at('tone.flac')]);
  } catch {
    // Without it what is said is tested above.
    return;
  }
  const found = await embed(
    'v.csv',
    at('v.mp4'),
    at('tone.flac'),
    at('tone.wav'),
    '--fps',
    '2',
    '--frames',
    'all',
  );
  expect(found.code).toBe(0);
  const rows = readFileSync(at('v.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  expect(rows.map(([file, time]) => `${path.basename(file!)} ${time}`)).toEqual([
    ...['v.mp4 0.000', 'v.mp4 0.500', 'v.mp4 1.000', 'v.mp4 1.500'],
    ...['tone.flac 0.000', 'tone.flac 0.370', 'tone.wav 0.000', 'tone.wav 0.370'],
  ]);
}, 300_000);
