import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage, decodePng, diagnose, encodePng, loadImage, savePng } from '../../cli/src/images.ts';
import { DataError, ShapeError } from '../../src/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-images-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const noise = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 7919) % 251);

async function problem(path: string): Promise<string> {
  const error = await loadImage(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  const { message } = error as DataError;
  expect(message).toContain(path);
  expect(message).not.toContain('\n');
  return message;
}

describe('loadImage', () => {
  it('gives back what savePng wrote, and leaves no temporary file', async () => {
    const data = noise(5 * 3 * 3);
    const path = join(folder, 'made', 'deep', 'rgb.png');
    await savePng(path, { width: 5, height: 3, data });
    const image = await loadImage(path);
    expect([image.width, image.height, image.channels]).toEqual([5, 3, 3]);
    expect([...image.rgb]).toEqual([...data]);
    expect(image.data[4]).toBeCloseTo(data[4]! / 255, 6);
    expect(await readdir(join(folder, 'made', 'deep'))).toEqual(['rgb.png']);
  });

  it('repeats grey, and flattens alpha on black', async () => {
    const grey = await decodePng(
      await encodePng({ width: 2, height: 1, data: Float32Array.of(0.2, Number.NaN) }),
    );
    expect([...grey.rgb]).toEqual([51, 51, 51, 0, 0, 0]);
    const clear = await decodePng(
      await encodePng({ width: 2, height: 1, data: Uint8Array.of(200, 100, 50, 255, 200, 100, 50, 0) }),
    );
    expect([...clear.rgb]).toEqual([200, 100, 50, 0, 0, 0]);
  });

  it('keeps 16 bits, and turns the image as EXIF says', async () => {
    const wide = await sharp(Uint16Array.of(0, 1000, 40000, 65535), {
      raw: { width: 4, height: 1, channels: 1 },
    })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const image = await decodeImage(wide, 'wide');
    expect(image.data[3]).toBeCloseTo(1000 / 65535, 7);
    expect(image.rgb[6]).toBe(Math.round((40000 / 65535) * 255));
    const turned = await sharp(noise(4 * 2 * 3), { raw: { width: 4, height: 2, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const { width, height } = await decodeImage(turned, 'turned');
    expect([width, height]).toEqual([2, 4]);
  });

  it('names the file and the fault', async () => {
    expect(await problem(join(folder, 'missing.png'))).toMatch(/no such file.*check the path/);
    expect(await problem(folder)).toMatch(/is a folder/);

    const png = await encodePng({ width: 64, height: 64, data: noise(64 * 64 * 3) });
    const half = join(folder, 'half.png');
    await writeFile(half, png.subarray(0, Math.floor(png.length / 2)));
    expect(await problem(half)).toMatch(/truncated or damaged PNG/);
    const stub = join(folder, 'stub.png');
    await writeFile(stub, png.subarray(0, 20));
    expect(await problem(stub)).toMatch(/truncated or damaged PNG/);
    const jpeg = await sharp(png).jpeg().toBuffer();
    const cut = join(folder, 'cut.jpg');
    await writeFile(cut, jpeg.subarray(0, jpeg.length - 300));
    expect(await problem(cut)).toMatch(/truncated or damaged JPEG/);

    // libvips has no words where another image got them.
    expect(diagnose('cut.jpg', jpeg, new Error('Unknown error')).message).toBe(
      'cut.jpg: truncated or damaged JPEG; copy or export it again',
    );

    const text = join(folder, 'text.png');
    await writeFile(text, '{"version": "5.1.1"}');
    expect(await problem(text)).toMatch(/not an image.*looks like text/);
    const empty = join(folder, 'empty.png');
    await writeFile(empty, '');
    expect(await problem(empty)).toMatch(/empty/);
    const pointer = join(folder, 'pointer.png');
    await writeFile(pointer, 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
    expect(await problem(pointer)).toMatch(/git lfs pull/);
  });
});

describe('savePng', () => {
  it('writes nothing where it cannot write, and says so', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'keep me');
    const saving = savePng(join(file, 'a.png'), { width: 1, height: 1, data: noise(3) });
    await expect(saving).rejects.toThrow(DataError);
    expect(await readFile(file, 'utf8')).toBe('keep me');
    await expect(encodePng({ width: 2, height: 2, data: noise(7) })).rejects.toThrow(ShapeError);
  });
});
