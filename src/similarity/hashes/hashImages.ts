/// <reference lib="esnext.disposable" preserve="true" />
import { expectArguments, GPU } from '../../arguments.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { type DeviceArray, DeviceArrays } from './deviceArrays.ts';
import { type ByteImage, channelsOf } from './greyImage.ts';
import type { HashPlan } from './hashes.ts';
import type { ImageHash } from './imageHash.ts';
import {
  type HashName,
  hashesOf,
  hashOptions,
  hashPlan,
  type ImageHashesOptions,
  unplannedHash,
} from './imageHashes.ts';
import { lanczosWeights } from './lanczos.ts';
import { hashColumnsKernel, hashGreyKernel, hashRowsKernel, wordsFor } from './resizeKernels.ts';

/** Options of `hashImages`. */
export interface HashImagesOptions<Name extends HashName = HashName> extends ImageHashesOptions<Name> {
  /** Makes images grey and resizes them, as many at a time as fit. Default: none, the CPU does it. */
  readonly gpu?: Gpu;
}

/** The most bytes of one array on the device. */
const MOST_BYTES = 2 ** 27;

type Names = ReturnType<typeof hashOptions>;

/** Images of one size: their places among all. */
interface Batch {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly places: readonly number[];
}

/** Images of one size and kind, in their order. */
function batchesOf(images: readonly ByteImage[]): Batch[] {
  const batches = new Map<string, Batch & { readonly places: number[] }>();
  images.forEach((image, place) => {
    const { width, height } = image;
    const channels = channelsOf('hashImages', image);
    const key = `${width} ${height} ${channels}`;
    const batch = batches.get(key);
    if (batch) batch.places.push(place);
    else batches.set(key, { width, height, channels, places: [place] });
  });
  return [...batches.values()];
}

/** What a pass of `from` to `to` values needs: [to, stride], see the shader. */
function tapsOf(arrays: DeviceArrays, from: number, to: number): DeviceArray {
  const { first, count, weights, stride } = lanczosWeights(from, to);
  const taps = new Uint32Array(to * (2 + stride));
  for (let i = 0; i < to; i++) {
    const at = i * (2 + stride);
    taps[at] = first[i]!;
    taps[at + 1] = count[i]!;
    taps.set(weights.subarray(i * stride, (i + 1) * stride), at + 2);
  }
  return arrays.upload('hashImages', taps, [to, 2 + stride]);
}

/** The images resized to each size that a plan needs, by `width height`: a byte in a word. */
async function resizedOn(
  gpu: Gpu,
  images: readonly ByteImage[],
  { width, height, channels }: Batch,
  sizes: readonly { readonly width: number; readonly height: number }[],
): Promise<Uint32Array[]> {
  using arrays = new DeviceArrays(gpu.device);
  const words = wordsFor(width * height * channels);
  const bytes = new Uint8Array(4 * words * images.length);
  images.forEach(({ data }, i) => {
    bytes.set(data, 4 * words * i);
  });
  const pixels = arrays.upload('hashImages', new Uint32Array(bytes.buffer), [images.length, words]);
  const { grey } = await arrays.run(hashGreyKernel, { pixels }, { size: width * height, channels });
  const resized: DeviceArray[] = [];
  for (const size of sizes) {
    const across = tapsOf(arrays, width, size.width);
    const rows = await arrays.run(hashRowsKernel, { values: grey!, taps: across }, { width, height });
    const values = rows.resized!;
    const down = tapsOf(arrays, height, size.height);
    const sized = { width: size.width, height };
    resized.push((await arrays.run(hashColumnsKernel, { values, taps: down }, sized)).resized!);
  }
  const read: Uint32Array[] = [];
  for (const array of resized) read.push(await arrays.read(array, 'hashImages'));
  return read;
}

/** Hashes of images of one size, put into `found` at their places. */
async function hashOn(
  gpu: Gpu,
  images: readonly ByteImage[],
  batch: Batch,
  { hashes, hashSize }: Names,
  found: Record<string, ImageHash>[],
): Promise<void> {
  const plans = new Map<HashName, HashPlan>();
  for (const name of hashes) {
    const plan = hashPlan(name, batch, hashSize);
    if (plan) plans.set(name, plan);
  }
  const sizes = [
    ...new Map([...plans.values()].map((plan) => [`${plan.width} ${plan.height}`, plan])).values(),
  ];
  const { width, height, channels, places } = batch;
  const widest = Math.max(0, ...sizes.map((size) => size.width * Math.max(height, size.height)));
  const each = 4 * Math.max(wordsFor(width * height * channels), widest);
  const most = Math.floor(Math.min(gpu.device.caps.maxBindingSize, MOST_BYTES) / each);
  if (most === 0) {
    // Images that are too large for the device have the same hashes on the CPU.
    for (const place of places) found[place] = hashesOf('hashImages', images[place]!, { hashes, hashSize });
    return;
  }
  for (let start = 0; start < places.length; start += most) {
    const own = places.slice(start, start + most);
    const given = own.map((place) => images[place]!);
    const resized = sizes.length === 0 ? [] : await resizedOn(gpu, given, batch, sizes);
    own.forEach((place, i) => {
      const row: Record<string, ImageHash> = {};
      for (const name of hashes) {
        const plan = plans.get(name);
        if (!plan) {
          row[name] = unplannedHash(name, given[i]!);
          continue;
        }
        const at = sizes.findIndex((size) => size.width === plan.width && size.height === plan.height);
        const length = plan.width * plan.height;
        row[name] = plan.finish(Uint8Array.from(resized[at]!.subarray(i * length, (i + 1) * length)));
      }
      found[place] = row;
    });
  }
}

/**
 * Several hashes of each of many images: those of `imageHashes`, bit for bit, with `gpu` too, since resizing is done in whole numbers. On the
 * device images of one size are resized together; what is left is done on the CPU, and block mean hashes as a whole.
 *
 * @returns For each image its hashes by name, in the order of the images.
 * @throws As `imageHashes`; errors of the device.
 */
export async function hashImages<Name extends HashName = 'aHash' | 'dHash' | 'pHash' | 'wHash'>(
  images: readonly ByteImage[],
  options: HashImagesOptions<Name> = {},
): Promise<Record<Name, ImageHash>[]> {
  const call = 'hashImages';
  const { gpu, hashes, hashSize } = withDefaults(call, options as HashImagesOptions, {
    gpu: undefined,
    hashes: undefined,
    hashSize: undefined,
  });
  expectArguments(call, { images }, { images: ['object'] });
  if (gpu !== undefined) expectArguments(call, { gpu }, { gpu: GPU });
  const names = hashOptions(call, {
    ...(hashes === undefined ? {} : { hashes }),
    ...(hashSize === undefined ? {} : { hashSize }),
  });
  const batches = batchesOf(images);
  const found: Record<string, ImageHash>[] = new Array(images.length);
  for (const batch of batches) {
    if (gpu) await hashOn(gpu, images, batch, names, found);
    else for (const place of batch.places) found[place] = hashesOf(call, images[place]!, names);
  }
  return found as Record<Name, ImageHash>[];
}
