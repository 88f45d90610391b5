import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../../src/graph/evaluate.ts';
import { softmax } from '../../../src/graph/functions/reduce.ts';
import { tensor } from '../../../src/graph/tensor.ts';
import { encodeSafetensors } from '../../../src/io/safetensors.ts';
import { UNet } from '../../../src/models/unet.ts';
import { exportOnnx } from '../../../src/onnx/export/exportOnnx.ts';
import { loadOnnx } from '../../../src/onnx/index.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import type { RgbPixels } from '../../../src/similarity/cutout/matte.ts';
import { matteBy, type NetworkPlan } from '../../../src/similarity/cutout/mattingNetwork.ts';
import { openMatting } from '../../../src/similarity/cutout/openMatting.ts';
import { openOwnMatting } from '../../../src/similarity/cutout/ownMatting.ts';
import { metadataOf, type TrainedModel } from '../../../src/tasks/modelFile.ts';
import networks from '../../fixtures/matting/networks.json' with { type: 'json' };
import rembg from '../../fixtures/matting/rembg.json' with { type: 'json' };
import { constantModel } from '../../open/constantModel.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { initialWeights } from '../../tasks/scenes.ts';
import { scene } from './scenes.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const fixture = (name: string): Uint8Array =>
  readFileSync(path.join(import.meta.dirname, '../../fixtures/matting', name));

const worst = (found: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  expect(found).toHaveLength(wanted.length);
  return Array.from(found).reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
};

describe('networks made of the blocks of U2-Net and IS-Net', () => {
  it.each(Object.entries(networks))('%s gives PyTorch’s first output', async (name, { size, y }) => {
    const model = loadOnnx(fixture(`${name}.onnx`));
    model.eval();
    const x = Float32Array.from(
      { length: 3 * size * size },
      (_, i) => (Math.imul(i, 2654435761) >>> 24) / 255,
    );
    const input = tensor(x, [1, 3, size, size]);
    const outputs = model.forward({ [model.inputs[0]!.name]: input });
    const [found] = await gpu.read(outputs[model.outputs[0]!.name]!);
    expect(worst(found!, y)).toBeLessThan(1e-4);
  });
});

describe('an ONNX network', () => {
  const { width, height, image: bytes, masks } = rembg;
  const image = { width, height, data: Uint8Array.from(bytes) };

  it.each(['imagenet', 'isnet'] as const)('gives rembg’s mask: normalised %s', async (normalize) => {
    const network = await openMatting(gpu, fixture('rembg.onnx'), { normalize });
    const { data, ...size } = await network.matte(image);
    expect(size).toEqual({ width, height });
    // rembg cuts scores to bytes, and rounds once more after each side is resized.
    expect(
      worst(
        data,
        masks[normalize].map((value) => value / 255),
      ),
    ).toBeLessThan(2 / 255);
    const floats = { ...image, data: Float32Array.from(bytes, (value) => value / 255) };
    expect(worst((await network.matte(floats)).data, data)).toBeLessThan(1e-6);
    network.dispose();
  });

  it('is normalised by its size, unless Fovea exported it', async () => {
    const says = async (side: number) => {
      const shape = [1, 1, side, side];
      const bytes = constantModel(
        { d0: { shape, data: new Array(side * side).fill(0.25) } },
        { input: [1, 3, side, side] },
      );
      const network = await openMatting(gpu, bytes);
      network.dispose();
      return network.description;
    };
    expect(await says(64)).toBe(
      'ONNX network; images stretched to 64x64, normalised as ImageNet; its scores are stretched to 0..1',
    );
    expect(await says(1024)).toContain('stretched to 1024x1024, normalised as IS-Net');
  });

  it('whose scores are all the same gives them as they are', async () => {
    const data = new Array(64 * 64).fill(0.25);
    const network = await openMatting(gpu, constantModel({ d0: { shape: [1, 1, 64, 64], data } }));
    expect(new Set((await network.matte(image)).data)).toEqual(new Set([0.25]));
    network.dispose();
  });

  it('sees large images in tiles where maxSide says so', async () => {
    const network = await openMatting(gpu, fixture('rembg.onnx'), { maxSide: 70 });
    expect(network.description).toContain('up to 70 pixels long, in tiles of 32x24');
    const tiled = await network.matte(image);
    network.dispose();
    // One convolution: where tiles overlap enough, they agree on all but the pixels at their borders.
    const whole = (await openMatting(gpu, fixture('rembg.onnx'))).matte(image);
    expect(tiled.data).not.toEqual((await whole).data);
    expect(Math.min(...tiled.data)).toBe(0);
    expect(Math.max(...tiled.data)).toBe(1);
  });

  it('takes no options of other models', async () => {
    for (const [name, value] of Object.entries({ tile: 64, classes: ['dog'] })) {
      await expect(openMatting(gpu, fixture('rembg.onnx'), { [name]: value })).rejects.toThrow(
        `openMatting: ${name} is not for ONNX networks; leave it out`,
      );
    }
  });

  it('of other outputs is refused', async () => {
    const vector = constantModel({ y: { shape: [1, 10], data: new Array(10).fill(0) } });
    await expect(openMatting(gpu, vector, { name: 'net.onnx' })).rejects.toThrow(
      'net.onnx: its first output is y [1,10]; a matting network gives [1,1,64,64] for images of 64x64',
    );
  });
});

/** A U-Net with random weights, as a file of `fovea train`. */
function unetFile(maxSide: number, classNames = ['thing']): { trained: TrainedModel; bytes: Uint8Array } {
  const model = new UNet({ numClasses: classNames.length + 1, width: 4, depth: 2, seed: 5 });
  model.eval();
  const trained: TrainedModel = { name: 'unet', model, classNames, preprocessing: { maxSide } };
  return {
    trained,
    bytes: encodeSafetensors(initialWeights(model), { 'fovea.model': JSON.stringify(metadataOf(trained)) }),
  };
}

describe('a segmenter of Fovea', () => {
  const { image } = scene(37, 22);

  /** The probability of the foreground, of the image at the upper left of a grey one. */
  function expected({ model }: TrainedModel): Float32Array {
    const [H, W] = [24, 40];
    const data = new Float32Array(H * W * 3).fill(0.5);
    for (let y = 0; y < 22; y++) data.set(image.data.subarray(y * 111, (y + 1) * 111), y * W * 3);
    const logits = (model as UNet).forward(tensor(data, [1, H, W, 3]));
    const [found] = evaluate([softmax(logits)]);
    return Float32Array.from({ length: 37 * 22 }, (_, i) => {
      return 1 - found![2 * (Math.floor(i / 37) * W + (i % 37))]!;
    });
  }

  it('gives the probability of its classes, as a file and as its ONNX export', async () => {
    const { trained, bytes } = unetFile(64);
    const network = await openMatting(gpu, bytes);
    expect(network.description).toBe('unet, of which thing is kept; images up to 64 pixels long');
    const wanted = expected(trained);
    expect(worst((await network.matte(image)).data, wanted)).toBeLessThan(1e-5);
    network.dispose();
    const exported = await exportOnnx(
      trained.model as UNet,
      { images: [1, 24, 40, 3] },
      { metadata: { 'fovea.model': JSON.stringify(metadataOf(trained)) } },
    );
    const onnx = await openMatting(gpu, exported);
    expect(worst((await onnx.matte(image)).data, wanted)).toBeLessThan(1e-4);
    onnx.dispose();
  });

  it('takes the classes that are asked for', async () => {
    const { bytes } = unetFile(64, ['cat', 'dog']);
    const of = async (...classes: string[]) => {
      const network = await openMatting(gpu, bytes, { classes });
      const { data } = await network.matte(image);
      network.dispose();
      return data;
    };
    const [cat, dog, both] = [await of('cat'), await of('dog'), await of('cat', 'dog')];
    expect(
      worst(
        both,
        cat.map((value, i) => value + dog[i]!),
      ),
    ).toBeLessThan(1e-5);
    await expect(openMatting(gpu, bytes, { classes: ['cow'], name: 'm' })).rejects.toThrow(
      'm: has no class cow; there are cat, dog',
    );
  });

  it('shrinks to maxSide, and enlarges the matte again', async () => {
    const { bytes } = unetFile(16);
    const network = await openMatting(gpu, bytes);
    const { width, height, data } = await network.matte(image);
    expect([width, height, data.length]).toEqual([37, 22, 37 * 22]);
    network.dispose();
    const whole = await openMatting(gpu, bytes, { maxSide: 37 });
    expect((await whole.matte(image)).data).not.toEqual(data);
    whole.dispose();
  });

  it('sees long and narrow images no larger than 8 times its shorter side, or than they are', () => {
    const { trained } = unetFile(64);
    const { plan, dispose } = openOwnMatting(gpu, { ...trained, preprocessing: { minSide: 520 } }, 'm', {});
    const sizes = [
      [640, 480],
      [100, 700],
      [500, 1],
      [1, 1_000_000],
      [9000, 3000],
    ].map(([width, height]) => plan.sizeOf({ width: width!, height: height! }));
    expect(sizes.map(({ width, height }) => [width, height])).toEqual([
      [693, 520],
      [520, 3640],
      [4160, 8],
      [1, 1_000_000],
      [1560, 520],
    ]);
    dispose();
  });

  it.each<[object, string]>([
    [{ maxSide: 0 }, 'openMatting: maxSide is 0; give a whole number of pixels of at least 1'],
    [{ tile: 8 }, 'openMatting: tile is 8; give a whole number of pixels of at least 32'],
    [{ normalize: 'none' }, 'openMatting: normalize is for ONNX networks; leave it out'],
    [{ tiles: 64 }, 'got [tiles]'],
  ])('refuses %j', async (options, message) => {
    await expect(openMatting(gpu, unetFile(64).bytes, options)).rejects.toThrow(message);
  });
});

describe('a network in tiles', () => {
  const { image } = scene(203, 117);
  const red = (values: Float32Array) =>
    Float32Array.from({ length: values.length / 3 }, (_, i) => values[3 * i]!);

  /** A network that gives the red of each pixel, and counts how often it runs. */
  function plan(side: number, overlap: number): NetworkPlan & { readonly runs: number[][] } {
    const runs: number[][] = [];
    return {
      runs,
      sizeOf: (size) => size,
      tileOf: ({ width, height }) => [Math.min(side, height), Math.min(side, width)],
      overlap,
      asRembg: false,
      stretched: false,
      run: async (values, { width, height }) => {
        runs.push([width, height]);
        return red(values);
      },
    };
  }

  it.each([
    [64, 1 / 8, 8],
    [100, 0.45, 6],
    [117, 0, 2],
    [512, 1 / 8, 1],
  ])('of %i pixels that overlap by %f sees every pixel, in tiles of one size', async (side, overlap, runs) => {
    const own = plan(side, overlap);
    const { data } = await matteBy(own, image);
    expect(worst(data, red(image.data))).toBeLessThan(1e-6);
    expect(own.runs).toHaveLength(runs);
    expect(new Set(own.runs.map(String)).size).toBe(1);
  });

  it('blends from one tile to the next', async () => {
    let count = 0;
    const steps: NetworkPlan = {
      ...plan(64, 0.25),
      tileOf: () => [1, 64],
      overlap: 0.25,
      run: async () => new Float32Array(64).fill(count++),
    };
    const row: RgbPixels = { width: 112, height: 1, data: new Float32Array(336) };
    const { data } = await matteBy(steps, row);
    expect(Math.max(...data)).toBe(1);
    for (let i = 1; i < data.length; i++) {
      expect(data[i]! - data[i - 1]!).toBeGreaterThanOrEqual(0);
      expect(data[i]! - data[i - 1]!).toBeLessThan(0.08);
    }
  });
});
