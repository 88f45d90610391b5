import { type FloatImage, imageFromBytes } from '../../src/data/image.ts';
import { TextureUsage } from '../../src/device/usage.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { fromTexture } from '../../src/tasks/fromTexture.ts';
import type { GpuImage } from '../../src/tasks/gpuImage.ts';

/** Bytes [height, width, 4] with edges, gradients and noise; alpha is anything. */
export function someBytes(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(width * height * 4);
  let state = 12345;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [x, y] = [(i >> 2) % width, Math.floor((i >> 2) / width)];
    const edge = (x >> 3) % 2 === (y >> 2) % 2 ? 200 : 40;
    bytes[i] = Math.min(255, edge + (state >>> 26) + (i % 4) * 10);
  }
  return bytes;
}

/** A texture of these bytes. */
export function textureOf(
  gpu: Gpu,
  bytes: Uint8Array,
  { width, height }: { width: number; height: number },
  format: GPUTextureFormat = 'rgba8unorm',
  bytesPerPixel = 4,
): GPUTexture {
  const { device } = gpu.device;
  const usage = TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST;
  const texture = device.createTexture({ size: [width, height], format, usage });
  const layout = { bytesPerRow: width * bytesPerPixel };
  device.queue.writeTexture({ texture }, bytes as Uint8Array<ArrayBuffer>, layout, [width, height]);
  return texture;
}

/** The same image on the host and on the GPU. */
export async function bothImages(
  gpu: Gpu,
  width: number,
  height: number,
): Promise<{ host: FloatImage; image: GpuImage }> {
  const bytes = someBytes(width, height);
  const texture = textureOf(gpu, bytes, { width, height });
  const image = await fromTexture(gpu, texture);
  texture.destroy();
  return { host: imageFromBytes(bytes, { width, height }), image };
}

/** The largest difference between two lists of the same length. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}
