import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../../src/errors.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { HASH_NAMES, hashImages, imageHashes } from '../../../src/similarity/index.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { type Made, madeImage } from './made.ts';

const rows = JSON.parse(
  readFileSync(new URL('../../fixtures/hashes.json', import.meta.url), 'utf8'),
) as Made[];
// One more of the first size, so that some are resized together.
const images = [...rows.map(madeImage), madeImage({ ...rows[0]!, kind: 'noise' })];

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

describe('many images have the hashes of each', () => {
  const hashes = HASH_NAMES.filter((name) => !name.startsWith('block'));
  it('on the GPU, bit for bit', async () => {
    const expected = images.map((image) => imageHashes(image, { hashes }));
    expect(await hashImages(images, { hashes, gpu })).toEqual(expected);
  });

  it('of other sizes, and block mean hashes', async () => {
    const options = { hashes: ['pHash', 'blockMeanHash1'], hashSize: 16 } as const;
    const few = [images[0]!, images[3]!, images.at(-1)!];
    const expected = few.map((image) => imageHashes(image, options));
    expect(await hashImages(few, { ...options, gpu })).toEqual(expected);
    expect(await hashImages(few, options)).toEqual(expected);
  });

  it('of images that are too large for the device, on the CPU', async () => {
    const small = new Proxy(gpu, {
      get: (target, key) =>
        key === 'device'
          ? new Proxy(target.device, {
              get: (device, name) =>
                name === 'caps' ? { ...device.caps, maxBindingSize: 64 } : Reflect.get(device, name, device),
            })
          : Reflect.get(target, key, target),
    });
    expect(await hashImages(images.slice(0, 2), { gpu: small })).toEqual(
      images.slice(0, 2).map((image) => imageHashes(image)),
    );
  });

  it('and none has none', async () => {
    expect(await hashImages([], { gpu })).toEqual([]);
  });
});

it('a wrong call is told', async () => {
  const image = { width: 2, height: 2, data: new Uint8Array(12) };
  await expect(hashImages([image, { ...image, height: 5 }])).rejects.toThrow(ShapeError);
  await expect(hashImages([image], { hashSize: 0 })).rejects.toThrow(/hashSize is 0/);
  await expect(hashImages([image], { hashes: ['sha256' as never] })).rejects.toThrow(UsageError);
  await expect(hashImages(image as never)).rejects.toThrow(UsageError);
});
