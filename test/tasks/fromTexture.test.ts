import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FloatImage } from '../../src/data/image.ts';
import { TextureUsage } from '../../src/device/usage.ts';
import { DeviceLimitError, DeviceLostError, LifetimeError, UsageError } from '../../src/errors.ts';
import { mul } from '../../src/graph/functions/elementwise.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { toHalf } from '../../src/half.ts';
import { onnxFitOf } from '../../src/open/onnxPrepare.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { fittedOnGpu } from '../../src/tasks/fitOnGpu.ts';
import { type Fit, fitOf } from '../../src/tasks/fits.ts';
import { fromTexture, fromVideoFrame } from '../../src/tasks/fromTexture.ts';
import type { GpuImage } from '../../src/tasks/gpuImage.ts';
import { fittedImage } from '../../src/tasks/prepare.ts';
import type { Preprocessing } from '../../src/tasks/preprocessing.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bothImages, distance, someBytes, textureOf } from './texture.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** A texture of a size that nothing was written to. */
const empty = (descriptor: Partial<GPUTextureDescriptor> = {}): GPUTexture =>
  gpu.device.device.createTexture({
    size: [4, 4],
    format: 'rgba8unorm',
    usage: TextureUsage.TEXTURE_BINDING,
    ...descriptor,
  });

describe('an image made of a texture', () => {
  it.each([
    [1, 1],
    [7, 5],
    [64, 48],
    [1, 300],
    [700, 1],
  ])('of %i x %i has the values of the bytes', async (width, height) => {
    const { host, image } = await bothImages(gpu, width, height);
    expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
    const read = await image.toFloatImage();
    expect({ ...read, data: 0 }).toEqual({ width, height, channels: 3, data: 0 });
    expect(distance(read.data, host.data)).toBeLessThan(1e-7);
    image.dispose();
  });

  it('has sRGB as it is stored, whatever the format', async () => {
    const [width, height] = [16, 16];
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 7 : (i * 3) >> 2));
    const rgb = (order: readonly number[]) =>
      Float32Array.from({ length: 768 }, (_, i) => bytes[4 * Math.floor(i / 3) + order[i % 3]!]! / 255);
    for (const [format, order] of [
      ['rgba8unorm', [0, 1, 2]],
      ['rgba8unorm-srgb', [0, 1, 2]],
      ['bgra8unorm', [2, 1, 0]],
      ['bgra8unorm-srgb', [2, 1, 0]],
    ] as const) {
      const image = await fromTexture(gpu, textureOf(gpu, bytes, { width, height }, format));
      expect(distance((await image.toFloatImage()).data, rgb(order)), format).toBeLessThan(1e-7);
    }
  });

  it('has the floats of a texture of floats', async () => {
    const size = { width: 4, height: 2 };
    const values = Float32Array.from({ length: 32 }, (_, i) => (i - 3) / 16);
    const wanted = values.filter((_, i) => i % 4 < 3);
    const floats = textureOf(gpu, new Uint8Array(values.buffer), size, 'rgba32float', 16);
    const halves = textureOf(gpu, new Uint8Array(toHalf(values).buffer), size, 'rgba16float', 8);
    for (const texture of [floats, halves]) {
      const { data } = await (await fromTexture(gpu, texture)).toFloatImage();
      expect(data, texture.format).toEqual(wanted);
    }
    const tens = textureOf(
      gpu,
      new Uint8Array(Uint32Array.of(1023 | (512 << 10)).buffer),
      { width: 1, height: 1 },
      'rgb10a2unorm',
    );
    const { data } = await (await fromTexture(gpu, tens)).toFloatImage();
    expect(distance(data, [1, 512 / 1023, 0])).toBeLessThan(1e-7);
  });

  it('keeps what the texture held when it was made', async () => {
    const size = { width: 3, height: 2 };
    const texture = textureOf(gpu, new Uint8Array(24).fill(255), size);
    const made = fromTexture(gpu, texture);
    gpu.device.device.queue.writeTexture({ texture }, new Uint8Array(24), { bytesPerRow: 12 }, [3, 2]);
    texture.destroy();
    expect((await (await made).toFloatImage()).data).toEqual(new Float32Array(18).fill(1));
  });

  it('gives its values to steps and functions of the user', async () => {
    const { host, image } = await bothImages(gpu, 6, 4);
    const step = gpu.capture((x) => ({ y: mul(x, 2) }));
    const doubled = Float32Array.from(host.data, (value) => 2 * value);
    const run = await step(image.tensor);
    expect(distance(await run.y!.data(), doubled)).toBeLessThan(1e-6);
    // The same program with values of the host, and again.
    const other = await step(tensor(new Float32Array(72).fill(0.25), [4, 6, 3]));
    expect(await other.y!.data()).toEqual(new Float32Array(72).fill(0.5));
    const again = await (await step(image.tensor.reshape([4, 6, 3]))).y!.data();
    expect(distance(again, doubled)).toBeLessThan(1e-6);
    const [average] = await gpu.read(mean(image.tensor));
    expect(average![0]).toBeCloseTo(host.data.reduce((a, b) => a + b) / 72, 5);
    expect(distance(await image.tensor.data(gpu), host.data)).toBeLessThan(1e-7);
    image.dispose();
    await expect(step(image.tensor)).rejects.toThrow(
      new LifetimeError(
        'tensor of a GpuImage: the image of 6x4 was disposed of; dispose of it when the call that takes it has returned',
      ),
    );
    step.dispose();
  });
});

const PREPROCESSING: readonly Preprocessing[] = [
  { maxSide: 40 },
  { maxSide: 1000 },
  { size: [32, 48], fit: 'letterbox' },
  { size: [96, 64], fit: 'letterbox' },
  { size: [33, 20], fit: 'stretch' },
  { size: [90, 121], fit: 'stretch' },
  { minSide: 20 },
  { minSide: 75 },
  { resizeSize: 40, cropSize: 33 },
  { resizeSize: 32, cropSize: 32 },
  { resize: 'model' },
];

const SIZES = [
  [64, 48],
  [37, 53],
  [1, 1],
  [1, 90],
  [200, 3],
  [40, 40],
] as const;

describe('an image on the GPU is prepared there as on the CPU', () => {
  /** The distance between the two ways. */
  async function between({ host, image }: { host: FloatImage; image: GpuImage }, fit: Fit): Promise<number> {
    const x = image.tensor.reshape([1, image.height, image.width, 3]);
    const { y } = await gpu.run(() => ({ y: fittedOnGpu(x, fit) }));
    return distance(y, fittedImage(host, fit).data);
  }

  it.each(SIZES)('from %i x %i', { timeout: 120_000 }, async (width, height) => {
    const both = await bothImages(gpu, width, height);
    for (const preprocessing of PREPROCESSING) {
      const most = await between(both, fitOf(both.host, preprocessing, 32));
      expect(most, JSON.stringify(preprocessing)).toBeLessThan(1e-6);
    }
    for (const kind of ['letterbox', 'stretch'] as const) {
      const most = await between(both, onnxFitOf(both.host, { kind, size: [48, 64] }));
      expect(most, kind).toBeLessThan(1e-6);
    }
    both.image.dispose();
  });

  it('shrinks a camera’s frame', async () => {
    const both = await bothImages(gpu, 640, 480);
    for (const preprocessing of [{ maxSide: 320 }, { size: [416, 416], fit: 'stretch' }] as const) {
      expect(await between(both, fitOf(both.host, preprocessing, 32))).toBeLessThan(1e-6);
    }
    both.image.dispose();
  });
});

describe('what is no texture to read is refused', () => {
  const refused = (given: unknown) => expect(fromTexture(gpu, given as GPUTexture)).rejects;

  it('before anything runs, with what is there and the way out', async () => {
    await refused(undefined).toThrow(UsageError);
    await refused({ data: 1 }).toThrow('fromTexture: texture.width is undefined; give a number');
    await refused(empty({ format: 'r32uint' })).toThrow(
      'fromTexture: the texture of 4x4 is r32uint; give one in rgba8unorm, rgba8unorm-srgb, bgra8unorm',
    );
    await refused(empty({ usage: TextureUsage.COPY_SRC })).toThrow(
      'fromTexture: the texture of 4x4 has usage 1, without TEXTURE_BINDING (4); create it with usage | GPUTextureUsage.TEXTURE_BINDING',
    );
    await refused(empty({ size: [4, 4, 2] })).toThrow('is 2d, with 2 layers and 1 samples; give a 2d one');
    await refused(empty({ size: [4, 4, 4], dimension: '3d' })).toThrow('is 3d, with 4 layers');
    const { RENDER_ATTACHMENT, TEXTURE_BINDING } = TextureUsage;
    await refused(empty({ sampleCount: 4, usage: RENDER_ATTACHMENT | TEXTURE_BINDING })).toThrow('4 samples');
    const destroyed = empty();
    destroyed.destroy();
    await refused(destroyed).toThrow(/^fromTexture: the texture of 4x4 cannot be read: .*estroyed/);
    // The device goes on.
    const { image } = await bothImages(gpu, 2, 2);
    image.dispose();
  });

  it('where an image is too large for a buffer', async () => {
    const small = await openGpu({ limits: 'default', autotune: false });
    const most = small.device.caps.maxBindingSize;
    const side = small.device.device.limits.maxTextureDimension2D;
    expect(side * side * 12).toBeGreaterThan(most);
    const usage = TextureUsage.TEXTURE_BINDING;
    const size = { width: side, height: side };
    // Of its size alone: its memory is not asked for.
    const texture = {
      ...size,
      usage,
      format: 'rgba8unorm',
      dimension: '2d',
      depthOrArrayLayers: 1,
      sampleCount: 1,
    };
    await expect(fromTexture(small, { ...texture, createView() {} } as never)).rejects.toThrow(
      new DeviceLimitError(
        `fromTexture: the image of ${side}x${side} takes ${side * side * 12} bytes, the device binds at most ${most}; shrink it first, for example by createImageBitmap(source, { resizeWidth })`,
      ),
    );
    small.dispose();
  });

  it('of another device, or of one that is gone', async () => {
    const other = await openGpu({ autotune: false });
    const foreign = textureOf(other, someBytes(4, 4), { width: 4, height: 4 });
    await refused(foreign).toThrow(
      /^fromTexture: the texture of 4x4 cannot be read: .*create it on gpu\.device\.device/,
    );
    const image = await fromTexture(other, foreign);
    const step = gpu.capture((x) => ({ y: mul(x, 2) }));
    await expect(step(image.tensor)).rejects.toThrow(UsageError);
    await expect(step(image.tensor)).rejects.toThrow('the image of 4x4 is on the device of');
    other.dispose();
    await expect(fromTexture(other, foreign)).rejects.toThrow(DeviceLostError);
    await expect(image.toFloatImage()).rejects.toThrow(DeviceLostError);
    step.dispose();
  });

  it('and what is no frame', async () => {
    for (const [given, kind] of [
      [undefined, 'Undefined'],
      [{ width: 4, height: 4 }, 'Object'],
      [new Uint8Array(4), 'Uint8Array'],
    ] as const) {
      await expect(fromVideoFrame(gpu, given as never)).rejects.toThrow(
        new UsageError(
          `fromVideoFrame: source is a ${kind}; give a VideoFrame, HTMLVideoElement, ImageBitmap, HTMLCanvasElement, OffscreenCanvas`,
        ),
      );
    }
    await expect(fromVideoFrame({} as never, undefined as never)).rejects.toThrow(UsageError);
  });
});
