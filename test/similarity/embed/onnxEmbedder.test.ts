import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/graph/tensor.ts';
import { ResNet, SMALL_RESNET } from '../../../src/models/resnet.ts';
import { exportOnnx, loadOnnx } from '../../../src/onnx/index.ts';
import type { NodeProto } from '../../../src/onnx/onnx_pb.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { createEmbedder } from '../../../src/similarity/embed/embedder.ts';
import { lastSmallMap } from '../../../src/similarity/embed/onnxLayer.ts';
import { openEmbedder } from '../../../src/similarity/embed/openEmbedder.ts';
import { cropPreprocessing } from '../../../src/tasks/preprocessing.ts';
import { initializer, modelBytes, node, port } from '../../onnx/models.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { patternImage } from './images.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const floats = (name: string, shape: readonly number[]) =>
  initializer(name, {
    type: 'float',
    shape,
    data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) / 11 - 0.4),
  });

/** A model of one RGB image of 8x8 pixels: a convolution to four channels, and what follows. */
const network = (
  nodes: readonly NodeProto[],
  outputs: Readonly<Record<string, readonly number[]>>,
  { batch = 1, side = 8 }: { batch?: number | string; side?: number } = {},
) =>
  modelBytes({
    nodes: [node('Conv', ['image', 'w'], ['map'], { strides: [2, 2] }), ...nodes],
    initializers: [floats('w', [4, 3, 2, 2]), floats('fc', [4, 5]), floats('bias', [5])],
    inputs: [port('image', 'float', [batch, 3, side, side])],
    outputs: Object.entries(outputs).map(([name, shape]) => port(name, 'float', shape)),
  });

const pooling = [node('GlobalAveragePool', ['map'], ['pooled']), node('Flatten', ['pooled'], ['flat'])];
/** The image as it is: the middle of a shorter side of 9 pixels would be cut out. */
const plain = { model: { normalize: 'none' } } as const;

describe('embeddings of ONNX models', () => {
  it('are what enters the layer that scores the classes', async () => {
    const scores = { probabilities: [1, 5] };
    const gemm = [
      ...pooling,
      node('Gemm', ['flat', 'fc', 'bias'], ['logits']),
      node('Softmax', ['logits'], ['probabilities']),
    ];
    const matmul = [
      ...pooling,
      node('MatMul', ['flat', 'fc'], ['product']),
      node('Add', ['bias', 'product'], ['probabilities']),
    ];
    for (const nodes of [gemm, matmul]) {
      const embedder = await openEmbedder(gpu, network(nodes, scores), plain);
      expect(embedder.layer).toBe('flat');
      expect(embedder.dimension).toBe(4);
      const pooledMap = await openEmbedder(gpu, network(nodes, scores), { ...plain, layer: 'map' });
      const images = [patternImage(9, 0), patternImage(9, 1)];
      const found = await embedder.embed(images);
      expect(found.shape).toEqual([2, 4]);
      const other = await pooledMap.embed(images);
      found.data.forEach((value, i) => {
        expect(value).toBeCloseTo(other.data[i]!, 5);
      });
      embedder.dispose();
      pooledMap.dispose();
    }
  });

  it('are the output of models without such a layer, by the names that embeddings have first', async () => {
    const headless = await openEmbedder(gpu, network(pooling, { flat: [1, 4] }));
    expect(headless.layer).toBe('flat');
    const tokens = [
      node('Reshape', ['map', 'shape'], ['rows']),
      node('Transpose', ['rows'], ['last_hidden_state'], { perm: [0, 2, 1] }),
    ];
    const shape = initializer('shape', { type: 'int64', shape: [3], data: [1, 4, 16] });
    const model = modelBytes({
      nodes: [node('Conv', ['image', 'w'], ['map'], { strides: [2, 2] }), ...tokens, ...pooling],
      initializers: [floats('w', [4, 3, 2, 2]), shape],
      inputs: [port('image', 'float', [1, 3, 8, 8])],
      outputs: [port('flat', 'float', [1, 4]), port('last_hidden_state', 'float', [1, 16, 4])],
    });
    const mean = await openEmbedder(gpu, model, plain);
    expect(mean.layer).toBe('last_hidden_state');
    const image = patternImage(9, 2);
    const { data, shape: found } = await mean.embed([image]);
    expect(found).toEqual([1, 4]);
    const all = await (await openEmbedder(gpu, model, { ...plain, pooling: 'none' })).embed([image]);
    expect(all.shape).toEqual([1, 16, 4]);
    const cls = await (await openEmbedder(gpu, model, { ...plain, pooling: 'cls' })).embed([image]);
    expect([...cls.data]).toEqual([...all.data.subarray(0, 4)]);
    data.forEach((value, c) => {
      const column = Array.from({ length: 16 }, (_, t) => all.data[t * 4 + c]!);
      expect(value).toBeCloseTo(column.reduce((a, b) => a + b) / 16, 5);
    });
  });

  it('of maps are pooled over their places, and normalised along the channels', async () => {
    const model = network(pooling, { flat: [1, 4] });
    const image = patternImage(9, 1);
    const of = async (options: object) =>
      (await openEmbedder(gpu, model, { ...plain, layer: 'map', ...options })).embed([image]);
    const { data, shape } = await of({ pooling: 'none', normalize: true });
    expect(shape).toEqual([1, 4, 4, 4]);
    for (let place = 0; place < 16; place++) {
      expect(Math.hypot(...[0, 1, 2, 3].map((c) => data[c * 16 + place]!))).toBeCloseTo(1, 5);
    }
    const all = (await of({ pooling: 'none' })).data;
    const max = (await of({ pooling: 'max' })).data;
    expect([...max]).toEqual([0, 1, 2, 3].map((c) => Math.max(...all.subarray(c * 16, c * 16 + 16))));
  });

  it('several at once where the model takes any number, else one after the other', async () => {
    const images = [0, 1, 2].map((n) => patternImage(9, n));
    const one = await openEmbedder(gpu, network(pooling, { flat: [1, 4] }), plain);
    const many = await openEmbedder(
      gpu,
      network(pooling, { flat: ['n', 4] as never }, { batch: 'n' }),
      plain,
    );
    const parts = async (embedder: typeof one) => {
      const shapes = [];
      for await (const { shape } of embedder.stream(images)) shapes.push(shape);
      return shapes;
    };
    expect(await parts(one)).toEqual([
      [1, 4],
      [1, 4],
      [1, 4],
    ]);
    expect(await parts(many)).toEqual([[3, 4]]);
    const [a, b] = [await one.embed(images), await many.embed(images)];
    a.data.forEach((value, i) => {
      expect(value).toBeCloseTo(b.data[i]!, 5);
    });
  });

  it('of a model that was exported are those of the model itself', async () => {
    const model = new ResNet({ ...SMALL_RESNET, width: 4, numClasses: 3, seed: 1 }).eval();
    const preprocessing = cropPreprocessing(32);
    const own = createEmbedder(gpu, { model, preprocessing });
    const bytes = await exportOnnx(
      model,
      { images: [1, 32, 32, 3] },
      { metadata: { 'fovea.model': JSON.stringify({ classNames: ['a', 'b', 'c'], preprocessing }) } },
    );
    const exported = await openEmbedder(gpu, bytes);
    const images = [patternImage(50, 0, 40), patternImage(40, 1)];
    const [a, b] = [await own.embed(images), await exported.embed(images)];
    expect(b.shape).toEqual(a.shape);
    a.data.forEach((value, i) => {
      expect(b.data[i]).toBeCloseTo(value, 4);
    });
  });

  it('of detectors and segmenters are the last of the smallest maps', async () => {
    expect(
      lastSmallMap(
        new Map(
          Object.entries({
            a: [1, 8, 16, 16],
            b: [1, 8, 4, 4],
            mean: [1, 8, 1, 1],
            c: [1, 9, 4, 4],
            up: [1, 8, 8, 8],
            d: [1, 7, 4, 4],
          }),
        ),
      ),
    ).toBe('c');
    expect(lastSmallMap(new Map())).toBeUndefined();
    // Heads come last, and answer in few channels.
    const withHead = { a: [1, 32, 8, 8], b: [1, 64, 4, 4], c: [1, 48, 4, 4], boxes: [1, 12, 4, 4] };
    expect(lastSmallMap(new Map(Object.entries(withHead)))).toBe('c');
    const nodes = [
      node('MaxPool', ['map'], ['small'], { kernel_shape: [2, 2], strides: [2, 2] }),
      node('Relu', ['small'], ['bottom']),
      node('Resize', ['bottom', '', 'scales'], ['out'], { mode: 'nearest' }),
    ];
    const model = modelBytes({
      nodes: [node('Conv', ['image', 'w'], ['map'], { strides: [2, 2] }), ...nodes],
      initializers: [
        floats('w', [21, 3, 2, 2]),
        initializer('scales', { type: 'float', shape: [4], data: [1, 1, 4, 4] }),
      ],
      inputs: [port('image', 'float', [1, 3, 16, 16])],
      outputs: [port('out', 'float', [1, 21, 16, 16])],
    });
    const embedder = await openEmbedder(gpu, model);
    expect([embedder.layer, embedder.dimension]).toEqual(['bottom', 21]);
  });

  it('of unknown heads with few numbers at each place are the last of the smallest maps', async () => {
    const rows = initializer('rows', { type: 'int64', shape: [3], data: [1, -1, 2] });
    const scales = initializer('scales', { type: 'float', shape: [4], data: [1, 1, 4, 4] });
    const model = (nodes: Parameters<typeof modelBytes>[0]['nodes'], shape: number[]) =>
      modelBytes({
        nodes: [node('Conv', ['image', 'w'], ['map'], { strides: [2, 2] }), ...nodes],
        initializers: [floats('w', [20, 3, 2, 2]), floats('one', [1, 20, 1, 1]), rows, scales],
        inputs: [port('image', 'float', [1, 3, 16, 16])],
        outputs: [port('out', 'float', shape)],
      });
    const bottom = node('MaxPool', ['map'], ['bottom'], { kernel_shape: [2, 2], strides: [2, 2] });
    const anchors = [
      bottom,
      node('Reshape', ['bottom', 'rows'], ['anchors']),
      node('Concat', ['anchors', 'anchors'], ['out'], { axis: 1 }),
    ];
    const matte = [
      bottom,
      node('Resize', ['bottom', '', 'scales'], ['large'], { mode: 'nearest' }),
      node('Conv', ['large', 'one'], ['grey']),
      node('Exp', ['grey'], ['out']),
    ];
    for (const bytes of [model(anchors, [1, 320, 2]), model(matte, [1, 1, 16, 16])]) {
      const embedder = await openEmbedder(gpu, bytes);
      expect([embedder.layer, embedder.dimension]).toEqual(['bottom', 20]);
      embedder.dispose();
    }
  });

  it('need no operation behind their layer', async () => {
    const model = network([...pooling, node('Einmal', ['flat'], ['y'])], { y: [1, 4] });
    await expect(openEmbedder(gpu, model)).rejects.toThrow(/Einmal/);
    expect((await openEmbedder(gpu, model, { layer: 'flat' })).dimension).toBe(4);
    const part = loadOnnx(model, { outputs: ['flat', 'map'] });
    expect(part.outputs.map(({ name }) => name)).toEqual(['flat', 'map']);
    const found = part.forward({ image: tensor(new Float32Array(192), [1, 3, 8, 8]) });
    expect(Object.entries(found).map(([name, { shape }]) => [name, shape])).toEqual([
      ['flat', [1, 4]],
      ['map', [1, 4, 4, 4]],
    ]);
  });

  it('of what cannot embed are refused with the way out', async () => {
    const model = network(pooling, { flat: [1, 4] });
    await expect(openEmbedder(gpu, model, { layer: 'flatt' })).rejects.toThrow(
      'Embedder: the model computes no value "flatt"; did you mean flat?',
    );
    await expect(openEmbedder(gpu, model, { layer: 'backbone' })).rejects.toThrow(
      'Embedder: the model computes no value "backbone"; its outputs are flat; inside it computes map, pooled',
    );
    await expect(openEmbedder(gpu, model, { model: { arch: 'resnet18' } })).rejects.toThrow(
      'model: is an ONNX model, which model.arch is not for; leave it out',
    );
    await expect(openEmbedder(gpu, model, { model: { normalize: 'yes' as never } })).rejects.toThrow(
      'openEmbedder: model.normalize is "yes"; choose imagenet, none',
    );
    const text = modelBytes({
      nodes: [node('Relu', ['tokens'], ['y'])],
      inputs: [port('tokens', 'float', [1, 7])],
      outputs: [port('y', 'float', [1, 7])],
    });
    await expect(openEmbedder(gpu, text)).rejects.toThrow(
      'model: its inputs are tokens [1,7]; models of one RGB image, [1,3,H,W] or [3,H,W], can be run',
    );
  });
});
