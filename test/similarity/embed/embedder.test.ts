import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FloatImage } from '../../../src/data/image.ts';
import { ShapeError, UsageError } from '../../../src/errors.ts';
import { loadWeights } from '../../../src/io/loadWeights.ts';
import { ResNet, SMALL_RESNET } from '../../../src/models/resnet.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { createEmbedder, type Embedder } from '../../../src/similarity/embed/embedder.ts';
import { openEmbedder } from '../../../src/similarity/embed/openEmbedder.ts';
import { architectureOf, MODEL_NAMES, type ModelName } from '../../../src/tasks/architectures.ts';
import { buildModel } from '../../../src/tasks/modelFile.ts';
import { cropPreprocessing } from '../../../src/tasks/preprocessing.ts';
import type { TaskModel } from '../../../src/tasks/step.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { patternImage } from './images.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');
const weightsOf = (name: string) =>
  new Uint8Array(readFileSync(join(fixtures, `models/${name}-eval/weights.safetensors`)));
/** Made by PyTorch and torchvision: test/fixtures/embeddings.py. */
const expected: Record<string, number[][]> = JSON.parse(
  readFileSync(join(fixtures, 'embeddings.json'), 'utf8'),
);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const rows = ({ data, shape }: { data: Float32Array; shape: readonly number[] }): number[][] =>
  Array.from({ length: shape[0]! }, (_, i) => [
    ...data.subarray((i * data.length) / shape[0]!, ((i + 1) * data.length) / shape[0]!),
  ]);

function expectClose(found: number[][], wanted: number[][], relative = 1e-4): void {
  expect(found.map((row) => row.length)).toEqual(wanted.map((row) => row.length));
  const scale = Math.max(...wanted.flat().map(Math.abs));
  found.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(Math.abs(value - wanted[i]![j]!), `${i},${j}: ${value} ${wanted[i]![j]}`).toBeLessThan(
        relative * scale,
      );
    });
  });
}

/** A model of torchvision's architecture, with the weights of the fixtures of a name. */
async function modelOf(name: string, architecture: ModelName): Promise<TaskModel> {
  const { config } = JSON.parse(readFileSync(join(fixtures, `models/${name}-eval/case.json`), 'utf8'));
  const model = buildModel(architecture, config, 0);
  model.loadStateDict(await loadWeights(weightsOf(name)));
  model.eval();
  return model;
}

describe('embeddings of images', () => {
  it.each([
    ['resnet', {}, 'what enters fc'],
    ['resnet normalize', { normalize: true }, 'what enters fc'],
    ['resnet layer2 mean', { layer: 'layer2' }, 'layer2'],
    ['resnet layer2 max', { layer: 'layer2.0', pooling: 'max' }, 'layer2.0'],
  ] as const)("are PyTorch's, of weights of torchvision: %s", async (name, options, layer) => {
    const embedder = await openEmbedder(gpu, weightsOf('resnet'), options);
    await expectFixture(embedder, name, layer, 256);
  });

  it.each([
    ['mobilenet-v3-small', 'mobilenet-v3', 224, {}, 'what enters classifier.3'],
    ['vgg', 'vgg', 224, {}, 'what enters classifier.6'],
    ['vit', 'vit-classifier', 32, {}, 'what enters heads.head'],
    ['vit', 'vit-classifier', 32, { layer: 'encoder', pooling: 'cls' }, 'encoder'],
    ['vit encoder mean', 'vit-classifier', 32, { layer: 'encoder' }, 'encoder'],
    ['vit encoder max', 'vit-classifier', 32, { layer: 'encoder', pooling: 'max' }, 'encoder'],
  ] as const)("are PyTorch's, of a model in memory: %s of %s", async (name, architecture, side, options, layer) => {
    const model = await modelOf(name.split(' ')[0]!, architecture);
    const preprocessing = cropPreprocessing(side);
    const embedder = createEmbedder(gpu, { model, preprocessing }, options);
    await expectFixture(embedder, name, layer, preprocessing.resizeSize);
  });

  async function expectFixture(embedder: Embedder, name: string, layer: string, side: number): Promise<void> {
    expect(embedder.layer).toBe(layer);
    const wanted = expected[name]!;
    expect(embedder.dimension).toBe(wanted[0]!.length);
    const found = await embedder.embed([patternImage(side, 0), patternImage(side, 1)]);
    expect(found.shape).toEqual([2, wanted[0]!.length]);
    expectClose(rows(found), wanted);
    embedder.dispose();
  }

  it('come in the order of the images, whatever their sizes and the size of a batch, and with the same bits again', async () => {
    const model = buildModel(
      'unet',
      architectureOf('unet').defaultConfig({ numClasses: 2, cropSize: 32, width: 4 }),
      1,
    );
    model.eval();
    const images = [32, 32, 48, 32, 32, 32].map((width, number) => patternImage(32, number, width));
    const trained = { model, preprocessing: { maxSide: 512 }, name: 'unet' } as const;
    const [one, three] = [1, 4].map((batchSize) => createEmbedder(gpu, trained, { batchSize }));
    const alone = await one!.embed(images);
    const together = await three!.embed(images);
    expect(together.shape).toEqual([6, three!.dimension]);
    expectClose(rows(together), rows(alone), 1e-5);
    expect(new Set(rows(alone).map(String)).size).toBe(6);
    expect((await three!.embed(images)).data).toEqual(together.data);
    async function* later(): AsyncGenerator<FloatImage> {
      for (const image of images) yield image;
    }
    const streamed = [];
    for await (const part of three!.stream(later())) streamed.push(part.shape[0]);
    // The images that are prepared to one size and follow each other.
    expect(streamed).toEqual([2, 1, 3]);
    expect(await three!.embed([])).toEqual({ data: new Float32Array(0), shape: [0, three!.dimension] });
    one!.dispose();
    three!.dispose();
  });

  it('with pooling none keep what the layer gives, and of another size are refused together', async () => {
    const model = new ResNet({ ...SMALL_RESNET, width: 4, seed: 3 }).eval();
    const of = { model, preprocessing: { maxSide: 64 } } as const;
    const embedder = createEmbedder(gpu, of, { layer: 'layer2', pooling: 'none', normalize: true });
    const { data, shape } = await embedder.embed([patternImage(64, 0)]);
    expect(shape).toEqual([1, 8, 8, 8]);
    // Each place has a vector of length 1, or of 0 where all its values are 0.
    for (let at = 0; at < data.length; at += 8) {
      const length = Math.hypot(...data.subarray(at, at + 8));
      expect(length === 0 || Math.abs(length - 1) < 1e-5).toBe(true);
    }
    await expect(embedder.embed([patternImage(64, 0), patternImage(32, 0)])).rejects.toThrow(
      'embed: the layer gives [8,8,8] for one image and [4,4,8] for another; embed them apart, or choose another pooling than none',
    );
    embedder.dispose();
  });

  it('of every architecture have a default layer', () => {
    const found = MODEL_NAMES.map((name) => {
      const { defaultConfig, sizeMultiple, task } = architectureOf(name);
      const config = defaultConfig({ numClasses: 3, cropSize: 64, width: 8 });
      const model = buildModel(name, config, 0);
      model.eval();
      const side = Math.max(64, sizeMultiple(config as never));
      const preprocessing = task === 'classify' ? cropPreprocessing(side) : { maxSide: side };
      const of = { model, preprocessing, name };
      const { layer, dimension } = createEmbedder(gpu, of);
      // A layer that is named can be asked for by that name.
      const named = layer.startsWith('what enters') ? undefined : createEmbedder(gpu, of, { layer });
      if (named) expect([named.layer, named.dimension]).toEqual([layer, dimension]);
      return `${name}: ${layer}, ${dimension}`;
    });
    expect(found).toEqual([
      'retinanet: backbone.body.layer4, 64',
      'fcos: backbone.body.layer4, 64',
      'ssdlite: backbone.features.1, 288',
      'fasterrcnn: backbone.body.layer4, 64',
      'maskrcnn: backbone.body.layer4, 64',
      'panopticfpn: backbone.body.layer4, 64',
      'yolov3: layers.74, 256',
      'yolov3-tiny: layers.11, 256',
      'yolo-fastest: layers.114, 192',
      'unet: down, 64',
      'dynamic-unet: encoder.layer4, 64',
      'fcn: backbone.layer4, 64',
      'deeplabv3: backbone.layer4, 64',
      'lraspp: backbone.12, 288',
      'vit: encoder.ln, 32',
      'resnet: what enters fc, 64',
      'resnet-cifar: what enters linear, 32',
      'mobilenet-v2: what enters classifier.1, 1280',
      'mobilenet-v3: what enters classifier.3, 512',
      'efficientnet: what enters classifier.1, 320',
      'vgg: what enters classifier.6, 128',
      'vit-classifier: what enters heads.head, 32',
    ]);
  });

  it('of a Darknet network are of any layer of its .cfg', async () => {
    const model = buildModel(
      'yolov3-tiny',
      architectureOf('yolov3-tiny').defaultConfig({ numClasses: 3, cropSize: 64, width: 8 }),
      0,
    );
    const of = { model: model.eval(), preprocessing: { maxSide: 64 }, name: 'yolov3-tiny' } as const;
    const [usual, named, other] = [undefined, 'layers.11', 'layers.0'].map((layer) =>
      createEmbedder(gpu, of, layer === undefined ? {} : { layer }),
    );
    const images = [patternImage(64, 0)];
    expect(await named!.embed(images)).toEqual(await usual!.embed(images));
    expect(other!.layer).toBe('layers.0');
    expect(other!.dimension).not.toBe(usual!.dimension);
    expect(() => createEmbedder(gpu, of, { layer: 'layers.900' })).toThrow(
      new UsageError('YOLO: features: layer is 900; the .cfg has layers 0 to 23'),
    );
    for (const embedder of [usual, named, other]) embedder!.dispose();
  });

  it('of detectors are those of the images as the detectors resize them, several at once', async () => {
    const model = await modelOf('retinanet', 'retinanet');
    const detector = { model, preprocessing: { resize: 'model' }, name: 'retinanet' } as const;
    const [one, two] = [1, 2].map((batchSize) => createEmbedder(gpu, detector, { batchSize }));
    const images = [patternImage(40, 0, 56), patternImage(40, 1, 56)];
    const { shape, data } = await two!.embed(images);
    expect(two!.layer).toBe('backbone.body.layer4');
    expect(shape).toEqual([2, 64]);
    expectClose(rows({ data, shape }), rows(await one!.embed(images)), 1e-5);
    one!.dispose();
    two!.dispose();
  });

  it('of a segmenter that cuts images into tiles are those of all tiles', async () => {
    const config = architectureOf('vit').defaultConfig({ numClasses: 2, cropSize: 32, width: 8 });
    const model = buildModel('vit', config, 0);
    model.eval();
    const vit = { model, preprocessing: { maxSide: 512 }, name: 'vit' } as const;
    const embedder = createEmbedder(gpu, vit);
    const tiles = [patternImage(32, 0), patternImage(32, 5)];
    // Both side by side.
    const image: FloatImage = { width: 64, height: 32, channels: 3, data: new Float32Array(64 * 32 * 3) };
    tiles.forEach((tile, i) => {
      for (let y = 0; y < 32; y++) image.data.set(tile.data.subarray(y * 96, y * 96 + 96), (y * 2 + i) * 96);
    });
    const [whole] = rows(await embedder.embed([image]));
    const [a, b] = rows(await embedder.embed(tiles)) as [number[], number[]];
    expectClose([whole!], [a.map((value, i) => (value + b[i]!) / 2)], 1e-5);
    embedder.dispose();
    const cls = createEmbedder(gpu, vit, { pooling: 'cls' });
    await expect(cls.embed([image])).rejects.toThrow(
      /the image is cut into 2 tiles with a class token each; choose mean or max$/,
    );
  });

  it('of what cannot embed are refused with the way out', async () => {
    const model = new ResNet({ ...SMALL_RESNET, width: 4, seed: 3 }).eval();
    const of = { model, preprocessing: cropPreprocessing(32) };
    const make = (options: object, given: object = of) => createEmbedder(gpu, given as typeof of, options);
    expect(() => make({ layer: 'layer9' })).toThrow(/has no layer "layer9"; did you mean layer/);
    expect(() => make({ layer: 'layer4', pooling: 'cls' })).toThrow(
      /^Embedder: layer "layer4" gives \[1,1,1,32\] f32 for 1 image: maps have no class token/,
    );
    expect(() => make({ pooling: 'average' })).toThrow(
      'createEmbedder: pooling is "average"; choose mean, max, cls, none',
    );
    expect(() => make({ batchSize: 0 })).toThrow(UsageError);
    expect(() => make({ normalise: true })).toThrow(/did you mean normalize/);
    expect(() => make({ normalize: 'imagenet' })).toThrow(/normalize is "imagenet"; give true or false/);
    expect(() => make({}, { model })).toThrow(UsageError);
    expect(() => make({}, { ...of, model: new ResNet({ ...SMALL_RESNET, width: 4 }) })).toThrow(
      'createEmbedder: the model is in training; call model.eval() first',
    );
    const embedder = make({});
    expect(embedder.layer).toBe('the model’s output');
    expect(make({ layer: '' }).dimension).toBe(32);
    await expect(
      embedder.embed([patternImage(40, 0), { width: 2, height: 2, channels: 3, data: new Float32Array(3) }]),
    ).rejects.toThrow(
      new ShapeError(
        'embed: image 1 has 3 values for 2x2 pixels; give { width, height, channels: 3, data } with three floats in 0..1 a pixel, such as imageFromBytes(bytes, { width, height })',
      ),
    );
    await expect(openEmbedder(gpu, new Uint8Array(3))).rejects.toThrow(/^model: /);
  });
});
