import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { add, argmax, mul, rand, reshape, sum, type Tensor, tensor } from '../../src/index.ts';
import * as models from '../../src/models/index.ts';
import { Module, Parameter, Sequential } from '../../src/nn/index.ts';
import { Conv2d } from '../../src/nn/layers.ts';
import {
  type Exported,
  type ExportOptions,
  exportOnnx,
  loadOnnx,
  UnsupportedError,
} from '../../src/onnx/index.ts';
import { parseModel } from '../../src/onnx/parseModel.ts';
import { channelsFirst, difference, differences, noise, scattered } from './exported.ts';
import { runOnnx } from './onnxruntime.mjs';

const resnet = () =>
  scattered(new models.ResNet({ numClasses: 5, width: 4, block: 'basic', depth: [1, 1, 1, 1], seed: 1 }));
const narrow = { ...models.SMALL_RESNET, width: 4, maxWidth: 16 };
const rcnn = {
  numClasses: 3,
  backbone: narrow,
  pyramidWidth: 8,
  rpn: { postNmsTopN: { training: 20, testing: 20 } },
  box: { width: 16 },
  mask: { width: 8, depth: 1 },
  seed: 1,
};
const SHAPE = [1, 32, 32, 3];

/** The graph of a file that a model is exported to. */
const graphOf = async (model: Exported, options: ExportOptions = {}, shape = SHAPE) =>
  parseModel(await exportOnnx(model, { images: shape }, options)).graph;

const count = (nodes: readonly { readonly op: string }[], op: string): number =>
  nodes.filter((node) => node.op === op).length;

describe('exportOnnx', () => {
  it('keeps names, in the layouts of PyTorch, and transposes nothing within a network', async () => {
    const model = resnet();
    const { nodes, initializers, inputs, outputs } = await graphOf(model);
    const torch = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    for (const [name, { shape, data }] of torch) {
      expect(initializers.get(name)?.shape, name).toEqual(shape);
      expect(initializers.get(name)?.data, name).toEqual(data);
    }
    expect(count(nodes, 'Transpose')).toBe(0);
    expect(count(nodes, 'BatchNormalization')).toBeGreaterThan(5);
    expect(inputs).toEqual([{ name: 'images', type: 'float', shape: ['N', 3, 32, 32] }]);
    expect(outputs).toEqual([{ name: 'output', type: 'float', shape: ['N', 5] }]);
    expect(nodes.map(({ name }) => name)).toContain('layer1.0.conv1');
  });

  it('folds batch norms into convolutions', async () => {
    const { nodes } = await graphOf(resnet(), { foldBatchNorm: true });
    expect(count(nodes, 'BatchNormalization')).toBe(0);
    expect(nodes.filter(({ op }) => op === 'Conv').every(({ inputs }) => inputs.length === 3)).toBe(true);
  });

  it('exports in evaluation, and leaves the mode as it was', async () => {
    const model = resnet().train();
    const { nodes } = await graphOf(model);
    expect(count(nodes, 'BatchNormalization')).toBeGreaterThan(5);
    expect([...model.modules()].every(({ training }) => training)).toBe(true);
  });

  it('takes a fixed number of images', async () => {
    const { inputs, outputs, nodes } = await graphOf(resnet(), { dynamicBatch: false }, [2, 32, 32, 3]);
    expect([inputs[0]!.shape, outputs[0]!.shape]).toEqual([
      [2, 3, 32, 32],
      [2, 5],
    ]);
    expect(count(nodes, 'Shape')).toBe(0);
  });

  it('keeps the order of Fovea with layout nhwc', async () => {
    const model = scattered(new models.UNet({ numClasses: 3, width: 4, seed: 1 }));
    const bytes = await exportOnnx(model, { images: SHAPE }, { layout: 'nhwc' });
    const images = { shape: SHAPE, data: noise(SHAPE, 3) };
    const same = { given: <V>(values: V) => values, wanted: <V>(values: V) => values };
    expect(await differences(bytes, (x) => model.forward(x), images, same)).toEqual({
      output: expect.closeTo(0, 4),
    });
    const { nodes } = parseModel(bytes).graph;
    expect(count(nodes, 'Transpose')).toBe(2);
  });

  it('takes functions, several inputs, and outputs by name', async () => {
    const scale = tensor([1, 2, 3]);
    const fn = (a: Tensor, b: Tensor) => ({
      total: add(mul(a, scale), b),
      best: argmax(a, { dim: -1 }),
      rest: sum(b),
    });
    const bytes = await exportOnnx(fn, { a: [1, 3], b: [1, 3] }, { outputs: ['best', 'total'] });
    const found = await runOnnx(bytes, {
      a: { shape: [2, 3], data: Float32Array.of(1, 5, 2, 0, -1, -2) },
      b: { shape: [2, 3], data: Float32Array.of(1, 1, 1, 2, 2, 2) },
    });
    expect(found).toEqual({
      best: { shape: [2], data: Int32Array.of(1, 0) },
      total: { shape: [2, 3], data: Float32Array.of(2, 11, 7, 2, 0, -4) },
    });
  });

  it('names an input, a weight and one value twice as outputs', async () => {
    class Twice extends Module {
      weight = new Parameter([3], Float32Array.of(1, 2, 3));
    }
    const model = new Twice();
    const forward = (x: Tensor) => {
      const y = add(x, model.weight.tensor);
      return { x2: x, y, again: y, w: model.weight.tensor };
    };
    const bytes = await exportOnnx(model, { x: [1, 3] }, { forward });
    const found = await runOnnx(bytes, { x: { shape: [1, 3], data: Float32Array.of(1, 1, 1) } });
    expect(Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, [...data]]))).toEqual({
      x2: [1, 1, 1],
      y: [2, 3, 4],
      again: [2, 3, 4],
      w: [1, 2, 3],
    });
  });

  it('exports again what loadOnnx loaded', async () => {
    const loaded = loadOnnx(await exportOnnx(resnet(), { images: SHAPE }));
    const bytes = await exportOnnx(loaded, { images: [1, 3, 32, 32] });
    const again = loadOnnx(bytes);
    expect(again.inputs).toEqual(loaded.inputs);
    expect(again.outputs).toEqual(loaded.outputs);
    expect(
      again
        .namedStates()
        .map(([name]) => name)
        .sort(),
    ).toEqual(
      loaded
        .namedStates()
        .map(([name]) => name)
        .sort(),
    );
    const images = channelsFirst({ shape: SHAPE, data: noise(SHAPE, 1) });
    const first = await runOnnx(await exportOnnx(resnet(), { images: SHAPE }), { images });
    const second = await runOnnx(bytes, { images });
    expect(difference(second.output!, first.output!)).toBeLessThan(1e-6);
  });

  it('writes texts into the file', async () => {
    const bytes = await exportOnnx(resnet(), { images: SHAPE }, { metadata: { names: 'coin, token' } });
    expect([...parseModel(bytes).metadata]).toEqual([['names', 'coin, token']]);
  });
});

describe('exportOnnx refuses', () => {
  it('all operations without an ONNX form at once', async () => {
    const model = new models.PanopticFPN({ ...rcnn, numStuff: 2, semantic: { width: 8 } });
    const failure = exportOnnx(model, { images: [1, 64, 64, 3] });
    await expect(failure).rejects.toThrow(UnsupportedError);
    await expect(failure).rejects.toThrow(
      /no ONNX form: panoptic_merge; leave out what needs them by outputs/,
    );
    const seed = tensor(Int32Array.of(1), []);
    const random = (x: Tensor) => ({ a: mul(x, rand([3], seed)), b: add(x, rand([3], seed)) });
    await expect(exportOnnx(random, { x: [1, 3] })).rejects.toThrow(/no ONNX form: rand \(2 times\)/);
  });

  it('what is computed otherwise for other numbers of images', async () => {
    const fn = (x: Tensor) => (x.shape[0]! % 2 === 0 ? add(x, 1) : mul(x, 2));
    await expect(exportOnnx(fn, { x: [1, 3] })).rejects.toThrow(/export with dynamicBatch: false/);
    const constants = (x: Tensor) =>
      add(
        x,
        tensor(
          Float32Array.from({ length: x.size }, (_, i) => i * i),
          x.shape,
        ),
      );
    await expect(exportOnnx(constants, { x: [1, 3] })).rejects.toThrow(/grows with the number of images/);
    await exportOnnx(constants, { x: [1, 3] }, { dynamicBatch: false });
  });

  it('a function that is async', async () => {
    await expect(exportOnnx(async (x: Tensor) => x, { x: [1, 3] })).rejects.toThrow(
      'exportOnnx: the function is async; record without await',
    );
  });

  it('a model of one image only, with the way out', async () => {
    const row = (x: Tensor) => reshape(x, [3]);
    const failure = exportOnnx(row, { x: [1, 3] });
    await expect(failure).rejects.toThrow(ShapeError);
    await expect(failure).rejects.toThrow(
      /; the model was recorded for 2 images, .*; if it takes 1 only, export with dynamicBatch: false$/,
    );
    await exportOnnx(row, { x: [1, 3] }, { dynamicBatch: false });
    // What does not depend on it is said of the shape that was given.
    await expect(exportOnnx(row, { x: [1, 4] })).rejects.toThrow(/\[1,4\](?!.*dynamicBatch)/);
  });

  it('options that do not fit', async () => {
    const detector = scattered(new models.MaskRCNN(rcnn));
    const images = { images: [1, 64, 64, 3] };
    const refused = (model: Exported, options: object) => expect(exportOnnx(model, images, options)).rejects;
    await refused(detector, { nms: 'outside' }).toThrow(/masks depend on NMS/);
    await refused(resnet(), { nms: 'outside' }).toThrow(/has no NMS/);
    await refused(resnet(), { opset: 12 }).toThrow(UsageError);
    await refused(resnet(), { outputs: ['logits'] }).toThrow(/no output "logits"; there are output/);
    await refused(resnet(), { batch: 3 }).toThrow(/takes \[/);
    const option = (name: string, value: unknown, message: string) =>
      refused(resnet(), { [name]: value }).toThrow(new UsageError(`exportOnnx: ${message}`));
    const spec = (given: unknown) => expect(exportOnnx(resnet(), { x: given } as never)).rejects;
    await spec([1, -3]).toThrow('exportOnnx: x: shape [1,-3] must be whole numbers of 0 or more');
    await spec({ shape: [1, 3], dtype: 'f64' }).toThrow('exportOnnx: x: no dtype "f64"; choose f32, f16');
    await option('nms', 'none', 'nms is "none"; choose inside, outside');
    await option('layout', 'torch', 'layout is "torch"; choose nchw, nhwc');
    await option('metadata', { a: 3 }, 'metadata.a is 3; give a text');
    await option('metadata', 'a', 'metadata is "a"; give an object');
    await option('dynamicBatch', 'N', 'options.dynamicBatch is "N"; give true or false');
    await option('outputs', 'output', 'options.outputs is "output"; give a list');
    await option('forward', 'detect', 'options.forward is "detect"; give a function');
  });
});

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
const CHECK = `
import sys, onnx
for file in sys.argv[1:]:
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    assert [o.type for o in inferred.graph.output] == [o.type for o in model.graph.output], file
print(len(sys.argv) - 1, 'checked')
`;

// Debian's python3-onnx, where it is installed.
describe.runIf(hasOnnx)('onnx.checker', () => {
  it('accepts the files, with full shape inference', async () => {
    const detector = { images: [1, 64, 64, 3] };
    const files = [
      await exportOnnx(resnet(), { images: SHAPE }),
      await exportOnnx(resnet(), { images: SHAPE }, { opset: 13, foldBatchNorm: true }),
      await exportOnnx(new models.ViTSegmenter({ numClasses: 3, imageSize: 32, patchSize: 8, seed: 1 }), {
        images: SHAPE,
      }),
      await exportOnnx(new models.MaskRCNN(rcnn), detector),
      await exportOnnx(new models.RetinaNet({ numClasses: 3, backbone: narrow, seed: 1 }), detector),
      await exportOnnx(models.yolov3Tiny({ numClasses: 2, width: 0.1 }), detector, { dynamicBatch: false }),
      await exportOnnx(new Sequential(new Conv2d(3, 2, 3)), { images: SHAPE }, { layout: 'nhwc' }),
    ];
    const folder = mkdtempSync(join(tmpdir(), 'fovea-checker-'));
    try {
      const paths = files.map((bytes, i) => {
        const path = join(folder, `${i}.onnx`);
        writeFileSync(path, bytes);
        return path;
      });
      const said = execFileSync(python, ['-c', CHECK, ...paths], { encoding: 'utf8' });
      expect(said.trim()).toBe(`${files.length} checked`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
