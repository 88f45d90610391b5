// How items of scripts/waiting.mjs become batches, in the thread that trains or in workers.
import { AUGMENT_PRESETS, cropImage, cropLabels, imageFromBytes, sampleCrop } from 'fovea/data';
import sharp from 'sharp';

sharp.concurrency(1);

/** The side of a crop: that of the demo's U-Net. */
const SIDE = 96;

/**
 * Decodes an image.
 *
 * @param {{ file: string, annotation: import('fovea/data').Annotation }} item
 */
export async function load({ file, annotation }) {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  return { image: imageFromBytes(new Uint8Array(data), info), annotation };
}

/**
 * Cuts an augmented crop out of each image.
 *
 * @param {readonly Awaited<ReturnType<typeof load>>[]} loaded
 * @param {import('fovea/learn').CollateContext} context
 */
export function collate(loaded, { random }) {
  const images = new Float32Array(loaded.length * SIDE * SIDE * 3);
  const labels = new Int32Array(loaded.length * SIDE * SIDE);
  loaded.forEach(({ image, annotation }, n) => {
    const crop = sampleCrop(image, { size: [SIDE, SIDE], augment: AUGMENT_PRESETS.default }, random.fork(n));
    cropImage(image, crop, images.subarray(n * SIDE * SIDE * 3, (n + 1) * SIDE * SIDE * 3));
    cropLabels(annotation, crop, ['disc'], labels.subarray(n * SIDE * SIDE, (n + 1) * SIDE * SIDE));
  });
  return {
    images: { data: images, shape: [loaded.length, SIDE, SIDE, 3] },
    labels: { data: labels, shape: [loaded.length, SIDE, SIDE] },
  };
}
