import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gelu, hardsigmoid, hardswish, mul, silu, softplus } from '../../src/graph/index.ts';
import { nodeOf, type Tensor, tensor } from '../../src/graph/tensor.ts';
import * as models from '../../src/models/index.ts';
import { type ExportOptions, exportOnnx, loadOnnx } from '../../src/onnx/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { small } from '../models/smallYolo.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { channelsFirst, namedResults, noise, scattered } from './exported.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const SHAPE = [1, 32, 32, 3];

/** How many values of the results of a model differ between itself and its file loaded back by more than that; by output. */
async function changed(
  model: Parameters<typeof exportOnnx>[0],
  run: (images: Tensor) => object,
  options: ExportOptions = {},
  tolerance = 0,
): Promise<Record<string, number>> {
  const loaded = loadOnnx(await exportOnnx(model, { images: SHAPE }, options));
  const counts: Record<string, number> = {};
  for (const batch of [1, 3]) {
    const shape = [batch, ...SHAPE.slice(1)];
    const images = { shape, data: noise(shape, batch) };
    const own = await gpu.capture((x) => namedResults(run(x)))(tensor(images.data, shape));
    const given = channelsFirst(images);
    const back = await gpu.capture((x) => loaded.forward({ images: x }))(tensor(given.data, given.shape));
    for (const name of Object.keys(back)) {
      const [before, after] = [await own[name]!.data(), await back[name]!.data()];
      expect(after.length).toBe(before.length);
      counts[name] =
        (counts[name] ?? 0) + after.filter((value, i) => !(Math.abs(value - before[i]!) <= tolerance)).length;
    }
  }
  return counts;
}

describe('a model that is exported and loaded gives the same but for rounding', () => {
  it('a RetinaNet up to NMS, whose heads run at once on all levels here, and level by level in the file', async () => {
    const model = scattered(
      new models.RetinaNet({
        numClasses: 3,
        backbone: { ...models.SMALL_RESNET, width: 4, maxWidth: 16 },
        pyramidWidth: 8,
        detect: { scoreThreshold: 0.001, candidates: 50 },
        seed: 1,
      }),
    );
    const candidates = (x: Tensor) => nodeOf(model.detect(x).count)!.inputs;
    // Products of other sizes are added up in another order.
    expect(await changed(model, candidates, { nms: 'outside', opset: 21 }, 2e-5)).toEqual({
      boxes: 0,
      scores: 0,
      labels: 0,
    });
  });
});

describe('a model that is exported and loaded gives the same bits', () => {
  it('a ResNet with batch norm', async () => {
    const model = scattered(
      new models.ResNet({ numClasses: 5, width: 4, block: 'basic', depth: [1, 1, 1, 1], seed: 1 }),
    );
    expect(await changed(model, (x) => model.forward(x))).toEqual({ output: 0 });
  });

  it('a vision transformer, with GELU as one node', async () => {
    const model = scattered(
      new models.VisionTransformer({ numClasses: 5, imageSize: 32, patchSize: 8, seed: 1 }),
    );
    expect(await changed(model, (x) => model.forward(x), { opset: 20 })).toEqual({ output: 0 });
  });

  it.each(
    Object.entries({ silu, gelu, hardswish, hardsigmoid, softplus }),
  )('%s, also where it is several nodes', async (_name, activation) => {
    const model = (x: Tensor) => ({ y: activation(mul(x, 5)) });
    const x = tensor(noise([3, 700], 1), [3, 700]);
    const { y: own } = await gpu.capture(model)(x);
    for (const opset of [13, 17, 21]) {
      const loaded = loadOnnx(await exportOnnx(model, { x: [3, 700] }, { opset }));
      const { y } = await gpu.capture((given) => loaded.forward({ x: given }))(x);
      expect(await y!.data(), `opset ${opset}`).toEqual(await own.data());
    }
  });

  it('detections, computed as far as NMS and from there on', async () => {
    const model = scattered(small());
    const images = { shape: [1, 64, 96, 3], data: noise([1, 64, 96, 3], 5) };
    const loaded = loadOnnx(await exportOnnx(model, { images: images.shape }));
    const own = await gpu.capture((x) => model.detect(x))(tensor(images.data, images.shape));
    const { data, shape } = channelsFirst(images);
    const back = await loaded.run(gpu, { images: tensor(data, shape) });
    expect((await own.count.data())[0]).toBeGreaterThan(0);
    for (const name of ['labels', 'count'] as const) {
      expect(await back[name]!.data(gpu)).toEqual(await own[name].data());
    }
    for (const name of ['boxes', 'scores'] as const) {
      const [before, after] = [await own[name].data(), await back[name]!.data(gpu)];
      expect(Math.max(...after.map((value, i) => Math.abs(value - before[i]!)))).toBeLessThan(1e-4);
    }
  });
});
