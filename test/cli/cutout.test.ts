import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CutoutOptions, cutoutCommand } from '../../cli/src/commands/cutout.ts';
import { uprightExif } from '../../cli/src/cutoutFile.ts';
import { boxesBy } from '../../cli/src/cutter.ts';
import type { FloatImage } from '../../src/data/image.ts';
import type { DetectOptions } from '../../src/models/detection.ts';
import { foveaHere } from './here.ts';
import { messages } from './run.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
const NETWORK = path.join(import.meta.dirname, '../fixtures/matting/rembg.onnx');

const CFG = path.join(import.meta.dirname, '../fixtures/darknet/small.cfg');

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-cutout-'));
  const data = Buffer.from(Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * 7919) % 251));
  const image = () => sharp(data, { raw: { width: 60, height: 40, channels: 3 } });
  await image().png().toFile(at('a.png'));
  await image()
    .withMetadata({ orientation: 6 })
    .withExifMerge({ IFD0: { Copyright: 'nobody' } })
    .jpeg({ quality: 95 })
    .toFile(at('b.jpg'));
  writeFileSync(at('c.png'), 'no image');
  const half = Buffer.alloc(60 * 40 * 4);
  for (let i = 0; i < 60 * 40; i++) {
    data.copy(half, 4 * i, 3 * i, 3 * i + 3);
    half[4 * i + 3] = i % 60 < 30 ? 0 : 255;
  }
  await sharp(half, { raw: { width: 60, height: 40, channels: 4 } })
    .png()
    .toFile(at('half.png'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pixels = async (file: string) => {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  return { data, ...info };
};

it('writes cut-outs of the size that is seen, goes on after a bad image, and keeps what describes the image', async () => {
  const run = await foveaHere('cutout', folder, '--model', NETWORK, '--out', at('cut'));
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('c.png: not an image that can be read');
  expect(messages(run.stderr)[0]).toContain(
    'ONNX network; images stretched to 32x24, normalised as ImageNet',
  );
  expect(run.stdout).toMatch(/a\.png: \d+ % foreground\n.*b\.jpg: \d+ % foreground\n/);
  expect(readdirSync(at('cut')).sort()).toEqual(['a.png', 'b.png', 'half.png']);
  const [a, own] = [await pixels(at('cut/a.png')), await pixels(at('a.png'))];
  expect([a.width, a.height, a.channels]).toEqual([60, 40, 4]);
  let whole = 0;
  for (let i = 0; i < 60 * 40; i++) {
    if (a.data[4 * i + 3] !== 255) continue;
    whole++;
    expect([...a.data.subarray(4 * i, 4 * i + 3)]).toEqual([...own.data.subarray(3 * i, 3 * i + 3)]);
  }
  expect(whole).toBeGreaterThan(0);
  // Turned by a quarter: upright pixels, and EXIF that says so.
  const b = await sharp(at('cut/b.png')).metadata();
  expect([b.width, b.height, b.orientation]).toEqual([40, 60, 1]);
  expect(Buffer.from(b.exif!).includes('nobody')).toBe(true);
  // The alpha of an image is multiplied.
  const half = await pixels(at('cut/half.png'));
  for (let i = 0; i < 60 * 40; i++) if (i % 60 < 30) expect(half.data[4 * i + 3]).toBe(0);
  expect(half.data.some((value, i) => i % 4 === 3 && value > 0)).toBe(true);
});

it('refuses to write over its images, also by a link to their folder', async () => {
  const before = readFileSync(at('half.png'));
  const link = `${folder}-link`;
  symlinkSync(folder, link);
  try {
    for (const out of [folder, link]) {
      const run = await foveaHere('cutout', at('half.png'), '--model', NETWORK, '--out', out);
      expect(run.code).toBe(2);
      expect(run.stderr).toContain(
        `${at('half.png')} is in the folder of --out, and results could overwrite it or its annotation; choose another folder`,
      );
    }
  } finally {
    rmSync(link);
  }
  expect(readFileSync(at('half.png'))).toEqual(before);
});

it('writes WebP files without loss, with what describes the image, and a page', async () => {
  const one = ['cutout', at('a.png'), at('b.jpg'), at('half.png'), '--model', NETWORK];
  expect((await foveaHere(...one, '--out', at('as-png'))).code).toBe(0);
  const page = at('pages/cut.html');
  const run = await foveaHere(...one, '--out', at('as-webp'), '--format', 'webp', '--report', page);
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout.endsWith(`look at ${page}\n`)).toBe(true);
  expect(readdirSync(at('as-webp')).sort()).toEqual(['a.webp', 'b.webp', 'half.webp']);
  for (const name of ['a', 'b', 'half']) {
    const [png, webp] = [await pixels(at(`as-png/${name}.png`)), await pixels(at(`as-webp/${name}.webp`))];
    expect([webp.width, webp.height, webp.channels]).toEqual([png.width, png.height, 4]);
    for (let i = 0; i < png.data.length; i += 4) {
      const seen = png.data[i + 3] === 0 ? 3 : 0;
      expect(webp.data.subarray(i + seen, i + 4)).toEqual(png.data.subarray(i + seen, i + 4));
    }
  }
  const b = await sharp(at('as-webp/b.webp')).metadata();
  expect([b.format, b.width, b.height, b.orientation, b.hasAlpha]).toEqual(['webp', 40, 60, 1, true]);
  expect(Buffer.from(b.exif!).includes('nobody')).toBe(true);
  expect(b.icc).toEqual((await sharp(at('as-png/b.png')).metadata()).icc);
  const { document } = parseHTML(readFileSync(page, 'utf8'));
  const items = [...document.querySelectorAll('.cards > li')];
  expect(items.map((item) => item.querySelector('h4')!.textContent)).toEqual([
    at('a.png'),
    at('b.jpg'),
    at('half.png'),
  ]);
  for (const item of items) {
    expect([...item.querySelectorAll('figcaption')].map(({ textContent }) => textContent)).toEqual([
      'image',
      'cut out',
    ]);
    expect(item.textContent).toMatch(/\d % foreground/);
  }
  // There is nothing to choose.
  expect(document.querySelector('form')).toBeNull();
  const masks = await foveaHere(...one, '--out', at('webp-masks'), '--format', 'webp', '--only-mask');
  expect(masks.code, masks.stderr).toBe(0);
  const [grey, mask] = [await pixels(at('webp-masks/a.webp')), await pixels(at('as-png/a.png'))];
  for (let i = 0; i < 60 * 40; i++) expect(grey.data[grey.channels * i]).toBe(mask.data[4 * i + 3]);
});

it('leaves out what is too long for a WebP file', async () => {
  await sharp({ create: { width: 16_400, height: 2, channels: 3, background: 'red' } })
    .png()
    .toFile(at('long.png'));
  const run = await foveaHere(
    'cutout',
    at('long.png'),
    '--model',
    NETWORK,
    '--out',
    at('long'),
    '--format',
    'webp',
  );
  rmSync(at('long.png'));
  expect([run.code, messages(run.stderr).at(-1)]).toEqual([
    2,
    `fovea: ${at('long.png')}: has 16400x2 pixels, and a WebP file at most 16383 a side; write PNG files`,
  ]);
});

it('says of a mask how much it shows', async () => {
  const said: string[] = [];
  for (const only of [[], ['--only-mask']]) {
    const run = await foveaHere('cutout', at('half.png'), '--model', NETWORK, '--out', at('share'), ...only);
    said.push(run.stdout);
  }
  expect(said[0]).toMatch(/half\.png: [\d.]+ % foreground/);
  expect(said[1]).toBe(said[0]);
});

it('writes masks, and lays cut-outs over a colour', async () => {
  const one = ['cutout', at('a.png'), '--model', NETWORK];
  const masked = await foveaHere(...one, '--out', at('mask'), '--only-mask', '--post-process-mask');
  expect(masked.code, masked.stderr).toBe(0);
  const mask = await pixels(at('mask/a.png'));
  expect((await sharp(at('mask/a.png')).metadata()).channels).toBe(1);
  for (const value of mask.data) expect([0, 255]).toContain(value);
  const laid = await foveaHere(
    ...one,
    '--out',
    at('red'),
    '--bgcolor',
    '255,0,0',
    '--keep-colors',
    '--alpha-matting',
  );
  expect(laid.code, laid.stderr).toBe(0);
  const red = await pixels(at('red/a.png'));
  for (let i = 3; i < red.data.length; i += 4) expect(red.data[i]).toBe(255);
});

it.each<[Partial<CutoutOptions>, string]>([
  [{ alphaMattingErodeSize: 4 }, 'options are for --alpha-matting'],
  [{ bgcolor: [1, 2, 3, 255], onlyMask: true }, '--bgcolor is not for --only-mask'],
  [{ padding: 0.2 }, '--padding is for --detector'],
  [{ report: 'cut.txt' }, 'cutout: cut.txt: a report is a page; call it .html'],
  [{ detectorClasses: ['dog'] }, '--detector-classes is for --detector'],
  [{ detector: CFG }, 'without its weights; name their file (--detector-weights)'],
  [
    { model: CFG },
    'is a Darknet network, which finds objects and has no matte of their pixels; give it as --detector',
  ],
])('refuses %j', async (more, message) => {
  const run = cutoutCommand([at('a.png')], { model: NETWORK, out: at('none'), ...more });
  await expect(run).rejects.toThrow(message);
  expect(existsSync(at('none'))).toBe(false);
});

it('refuses a colour of two numbers', async () => {
  const run = await foveaHere(
    'cutout',
    at('a.png'),
    '--model',
    NETWORK,
    '--out',
    at('none'),
    '--bgcolor',
    '1,2',
  );
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('give red, green, blue and opacity from 0 to 255');
});

it('cuts out the objects of the classes that are asked for', async () => {
  const seen: unknown[] = [];
  const detector = {
    classNames: ['dog', 'cat'],
    hasMasks: false,
    async detect(image: FloatImage, options?: DetectOptions) {
      seen.push([...image.data], options);
      return ['dog', 'cat', 'dog'].map((label, i) => ({
        box: [i, 0, 9, 9] as const,
        label,
        score: 1 - i / 4,
      }));
    },
    dispose: () => undefined,
  };
  const pixels = { width: 1, height: 1, data: Uint8Array.of(0, 51, 255) };
  const of = (classes: string[] | undefined) => boxesBy(detector, 'd', { classes, scoreThreshold: 0.25 });
  expect((await of(['dog'])(pixels)).map(([x]) => x)).toEqual([0, 2]);
  expect(seen).toEqual([[0, Math.fround(0.2), 1], { scoreThreshold: 0.25 }]);
  expect(await of(undefined)(pixels)).toHaveLength(3);
  expect(() => of(['cow'])).toThrow('d: has no class cow; there are dog, cat');
  const numbered = { ...detector, classNames: ['0', '1'] };
  expect(() => boxesBy(numbered, 'd.cfg', { classes: ['dog'], scoreThreshold: 0.25 })).toThrow(
    'd.cfg: has no class dog, as its classes are called 0 to 1; give numbers, or their names in a file (--detector-names)',
  );
});

it('makes EXIF upright, whatever its order of bytes, and leaves out what is no EXIF', () => {
  for (const little of [true, false]) {
    const block = new Uint8Array(40);
    const view = new DataView(block.buffer);
    block.set(little ? [0x49, 0x49] : [0x4d, 0x4d]);
    view.setUint16(2, 42, little);
    view.setUint32(4, 8, little);
    view.setUint16(8, 1, little);
    view.setUint16(10, 0x0112, little);
    view.setUint16(12, 3, little);
    view.setUint32(14, 1, little);
    view.setUint16(18, 6, little);
    view.setUint32(22, 30, little);
    const upright = uprightExif(Buffer.concat([Buffer.from('Exif\0\0'), block]))!;
    const found = new DataView(upright.buffer);
    expect([found.getUint16(18, little), found.getUint32(22, little), upright.length]).toEqual([1, 0, 30]);
  }
  expect(uprightExif(Uint8Array.of(1, 2, 3))).toBeUndefined();
  expect(uprightExif(readFileSync(at('a.png')))).toBeUndefined();
});
