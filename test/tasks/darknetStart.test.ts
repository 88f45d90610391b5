import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, StateDictError } from '../../src/errors.ts';
import { tensor } from '../../src/graph/tensor.ts';
import type { LoadedWeights } from '../../src/io/loadedWeights.ts';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { layerGroups } from '../../src/learn/groups.ts';
import { train } from '../../src/learn/train.ts';
import { parseDarknetCfg } from '../../src/models/darknet.ts';
import { YOLO, yoloFastest, yolov3, yolov3Tiny } from '../../src/models/yolo.ts';
import { yoloFastestCfg, yolov3Cfg, yolov3TinyCfg } from '../../src/models/yoloPresets.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { defaultSettings } from '../../src/tasks/settings.ts';
import { describeStart, type StartReport, startFrom } from '../../src/tasks/startWeights.ts';
import { architectureIn, configFromWeights } from '../../src/tasks/weightConfig.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { initialWeights, twoScene } from './scenes.ts';

const SHARED = new URL('../../../shared/weights/', import.meta.url);
const PUBLISHED = new URL('yolo-fastest-1.1.cfg', SHARED);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** The initial weights of a network as Darknet writes them, of the first layers only if a number is given. */
function fileOf(model: YOLO, layers = model.layers.length): Promise<LoadedWeights> {
  const whole = model.encodeDarknet(initialWeights(model));
  const left = model.layers.slice(layers).flatMap((layer) => layer?.namedStates() ?? []);
  const bytes = 4 * left.reduce((sum, [, { initial }]) => sum + initial.length, 0);
  return loadWeights(whole.subarray(0, whole.length - bytes), { name: 'net.weights' });
}

/** A file of so many values, none of which is read. */
const ofLength = (count: number): LoadedWeights => ({
  format: 'darknet',
  source: 'net.weights',
  layout: undefined,
  tensors: new Map([['values', { dtype: 'f32', shape: [count], data: new Float32Array(0) }]]),
  other: new Map(),
  notes: [],
});

/** The number of values of a network, or of its first layers. */
const valuesOf = (model: YOLO, layers = model.layers.length): number =>
  model.layers
    .slice(0, layers)
    .flatMap((layer) => layer?.namedStates() ?? [])
    .reduce((sum, [, { spec }]) => sum + spec.shape.reduce((a, b) => a * b, 1), 0);

const build = (cfg: string, seed: number): YOLO => new YOLO({ cfg, seed });

describe('Yolo-Fastest', () => {
  it.runIf(existsSync(PUBLISHED))('has the layers of the published .cfg, and computes the same', async () => {
    const published = readFileSync(PUBLISHED, 'utf8');
    const layers = (cfg: string) =>
      parseDarknetCfg(cfg).layers.map((layer) => ({
        ...layer,
        line: 0,
        jitter: 0,
        ...('padding' in layer && layer.type === 'convolutional' && layer.size === 1 ? { padding: 0 } : {}),
      }));
    expect(layers(yoloFastestCfg({ numClasses: 80 }))).toEqual(layers(published));
    const [theirs, own] = [build(published, 0), yoloFastest({ numClasses: 80, seed: 1 })];
    const shapes = (model: YOLO) => model.namedStates().map(([name, { spec }]) => [name, spec.shape]);
    expect(shapes(own)).toEqual(shapes(theirs));
    expect([own.imageSize, own.stride, own.numClasses]).toEqual([theirs.imageSize, theirs.stride, 80]);
    const bytes = readFileSync(new URL('yolo-fastest-1.1.weights', SHARED));
    for (const model of [theirs, own]) {
      model.loadDarknet(bytes);
      model.eval();
    }
    const images = tensor(
      Float32Array.from({ length: 64 * 96 * 3 }, (_, i) => ((i * 37) % 101) / 101),
      [1, 64, 96, 3],
    );
    const [a, b] = [await gpu.read(...theirs.forward(images)), await gpu.read(...own.forward(images))];
    expect(a.map(({ length }) => length)).toEqual([2 * 3 * 255, 4 * 6 * 255]);
    expect(b).toEqual(a);
  });

  it('has the width, classes, size and anchors that it is given', () => {
    const anchors = [4, 8, 12, 16].map((side): [number, number] => [side, side]);
    const model = yoloFastest({ numClasses: 3, width: 0.5, anchors, imageSize: [64, 96], seed: 0 });
    const { layers } = parseDarknetCfg(model.config.cfg);
    expect([model.numClasses, ...model.imageSize, model.stride]).toEqual([3, 64, 96, 32]);
    const convolutions = layers.filter((layer) => layer.type === 'convolutional');
    expect(convolutions.map(({ filters }) => filters).slice(0, 6)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(convolutions.at(-1)?.filters).toBe(2 * 8);
    const heads = layers.filter((layer) => layer.type === 'yolo');
    expect(heads.map(({ mask }) => mask)).toEqual([
      [2, 3],
      [0, 1],
    ]);
    expect(() => yoloFastest({ numClasses: 3, anchors: anchors.slice(1) })).toThrow(DataError);
  });

  it('is split into the halves of its backbone, and what follows the pyramid pooling', () => {
    const model = yoloFastest({ numClasses: 3, seed: 0 });
    const groups = layerGroups(model);
    expect(groups.map(({ name }) => name)).toEqual(['body.0', 'body.1', 'head']);
    const names = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
    const ends = groups.map(({ parameters }) =>
      [parameters[0]!, parameters.at(-1)!].map((p) => names.get(p)),
    );
    expect(ends[1]![1]).toMatch(/^layers\.106\./);
    expect(ends[2]).toEqual(['layers.115.conv.weight', 'layers.129.conv.bias']);
    expect(groups.flatMap(({ parameters }) => parameters)).toHaveLength(model.parameters().length);
  });
});

describe('groups of other networks of Darknet', () => {
  it.each([
    ['yolov3', () => yolov3({ numClasses: 2, width: 0.1, seed: 0 }), 75],
    ['yolov3-tiny', () => yolov3Tiny({ numClasses: 2, width: 0.1, seed: 0 }), 12],
  ])('%s', (_, make, first) => {
    const model = make();
    const groups = layerGroups(model);
    const names = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
    expect(groups.map(({ name }) => name)).toEqual(['body.0', 'body.1', 'head']);
    expect(names.get(groups[2]!.parameters[0]!)).toBe(`layers.${first}.conv.weight`);
  });
});

describe('a .weights file alone', () => {
  it('is of the published network that has so many values', () => {
    const files: [string, number][] = [
      ['yolo-fastest', valuesOf(yoloFastest({ numClasses: 80, seed: 0 }))],
      ['yolo-fastest', valuesOf(yoloFastest({ numClasses: 1, seed: 0 }))],
      ['yolo-fastest', valuesOf(yoloFastest({ numClasses: 1, seed: 0 }), 109)],
      ['yolov3-tiny', valuesOf(yolov3Tiny({ numClasses: 80, seed: 0 }))],
      ['yolov3-tiny', valuesOf(yolov3Tiny({ numClasses: 7, seed: 0 }))],
      ['yolov3-tiny', valuesOf(yolov3Tiny({ numClasses: 7, seed: 0 }), 15)],
      ['yolov3', valuesOf(yolov3({ numClasses: 80, seed: 0 }))],
      ['yolov3', valuesOf(yolov3({ numClasses: 80, seed: 0 }), 75)],
    ];
    for (const [name, count] of files) expect(architectureIn(ofLength(count))).toBe(name);
    expect(configFromWeights('yolov3', ofLength(files[7]![1]), 2)).toEqual({
      cfg: yolov3Cfg({ numClasses: 2 }),
    });
    expect(configFromWeights('yolov3-tiny', ofLength(files[4]![1]), 2)).toEqual({
      cfg: yolov3TinyCfg({ numClasses: 2 }),
    });
  });

  it('that fits nothing is an error with both numbers, and names the network that it fits', async () => {
    const whole = valuesOf(yoloFastest({ numClasses: 80, seed: 0 }));
    expect(() => architectureIn(ofLength(whole - 1))).toThrow(
      new DataError(
        `net.weights: has ${whole - 1} values, which fit none of yolov3, yolov3-tiny, yolo-fastest with any number of classes, and none of their first layers; give the file of one of these networks`,
      ),
    );
    expect(() => configFromWeights('yolo-fastest', ofLength(whole - 1), 2)).toThrow(
      /has 346061 values, which fit yolo-fastest with no number of classes \(\d+ with one, 654 more for each other\) and none of its first layers; give the file of the published network/,
    );
    expect(() => configFromWeights('yolov3-tiny', ofLength(whole), 2)).toThrow(
      /they are those of a yolo-fastest: train that$/,
    );
    expect(() => configFromWeights('retinanet', ofLength(whole), 2)).toThrow(
      "net.weights: is Darknet's weights, and retinanet is none of its networks; train yolov3, yolov3-tiny, yolo-fastest from them",
    );
    const bytes = yoloFastest({ numClasses: 1, seed: 0 });
    const file = bytes.encodeDarknet(initialWeights(bytes));
    await expect(loadWeights(file.subarray(0, file.length - 2))).rejects.toThrow(
      /bytes of weights after its header, which is no multiple of 4; download it again/,
    );
    await expect(loadWeights(file.subarray(0, 18))).rejects.toThrow('the header alone takes 20');
  });

  it('is loaded as one tensor of values, with what the header says', async () => {
    const model = yoloFastest({ numClasses: 1, seed: 0 });
    const bytes = model.encodeDarknet(initialWeights(model), { seen: 640 });
    const { format, tensors, other } = await loadWeights(bytes);
    expect([format, [...tensors.keys()], [...other]]).toEqual([
      'darknet',
      ['values'],
      [
        ['version', '0.2.5'],
        ['seen', 640],
      ],
    ]);
    expect(tensors.get('values')?.shape).toEqual([valuesOf(model)]);
  });

  it('gives all layers, in their order, and of a head for other classes all but the classes', async () => {
    const published = yoloFastest({ numClasses: 6, seed: 3 });
    const weights = await fileOf(published);
    const before = yoloFastest({ numClasses: 2, seed: 4 });
    const model = yoloFastest({ numClasses: 2, seed: 4 });
    const report = startFrom(model, 'yolo-fastest', weights);
    const total = model.namedStates().length;
    expect(describeStart(report)).toBe(
      `net.weights: ${total - 4} of ${total} tensors matched, 4 new: layers.120, layers.129`,
    );
    const [own, theirs, initial] = [model, published, before].map((of) => new Map(of.namedStates()));
    for (const name of report.matched) expect(own!.get(name)!.initial).toEqual(theirs!.get(name)!.initial);
    for (const { name } of report.mismatched) {
      const [now, taken, random] = [own, theirs, initial].map((of) => of!.get(name)!.initial);
      now!.forEach((value, i) => {
        // Three anchors, each with x, y, width, height, objectness, and classes.
        const [anchor, k] = [Math.floor(i / 7), i % 7];
        expect(value).toBe(k < 5 ? taken![anchor * 11 + k] : random![i]);
      });
    }
  });

  it('of the same classes gives everything', async () => {
    const published = yoloFastest({ numClasses: 2, seed: 3 });
    const model = yoloFastest({ numClasses: 2, seed: 4 });
    const report = startFrom(model, 'yolo-fastest', await fileOf(published));
    expect([report.missing, report.mismatched]).toEqual([[], []]);
    expect(initialWeights(model)).toEqual(initialWeights(published));
  });

  it('that ends early gives the first layers', async () => {
    const published = yolov3Tiny({ numClasses: 2, seed: 3 });
    const weights = await fileOf(published, 15);
    const [model, before] = [4, 4].map((seed) => yolov3Tiny({ numClasses: 2, seed })) as [YOLO, YOLO];
    const report = startFrom(model, 'yolov3-tiny', weights);
    const [theirs, initial] = [published, before].map((of) => new Map(of.namedStates()));
    for (const [name, { initial: values }] of model.namedStates()) {
      const early = Number(name.split('.')[1]) < 15;
      expect(report.matched.includes(name)).toBe(early);
      const wanted = (early ? theirs : initial)!.get(name)!.initial;
      expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(wanted.buffer))).toBe(0);
    }
  });

  it('does not fit a network of another width', async () => {
    const weights = await fileOf(yoloFastest({ numClasses: 2, seed: 3 }));
    expect(() =>
      startFrom(yoloFastest({ numClasses: 2, width: 2, seed: 0 }), 'yolo-fastest', weights),
    ).toThrow(StateDictError);
  });

  it('sets what a training does by default, and takes other anchors', () => {
    const [image, annotation] = [
      { width: 240, height: 160, channels: 3 as const, data: new Float32Array(0) },
      twoScene(64).annotation,
    ];
    const samples = [{ name: 'wide', image, annotation }];
    const fastest = ofLength(valuesOf(yoloFastest({ numClasses: 80, seed: 0 })));
    const { cropSize, lr, steps, config } = defaultSettings('yolo-fastest', samples, { weights: fastest });
    expect([cropSize, lr, steps, config]).toEqual([
      256,
      0.003,
      1000,
      { cfg: yoloFastestCfg({ numClasses: 2 }) },
    ]);
    expect(defaultSettings('yolo-fastest', samples)).toMatchObject({ cropSize: 96, lr: 0.01, steps: 2500 });
    const anchors = {
      kind: 'list',
      count: 2,
      anchors: [
        [20, 20],
        [60, 60],
      ],
    } as const;
    const tiny = ofLength(valuesOf(yolov3Tiny({ numClasses: 80, seed: 0 })));
    expect(defaultSettings('yolov3-tiny', samples, { weights: tiny, anchors }).config).toEqual({
      cfg: yolov3TinyCfg({ numClasses: 2, anchors: anchors.anchors, imageSize: [256, 256] }),
    });
  });

  it('is trained from, and frozen layers keep their weights and statistics bit for bit', async () => {
    const published = yoloFastest({ numClasses: 6, seed: 3 });
    const weights = await fileOf(published);
    const samples = [twoScene(64)];
    const settings = defaultSettings('yolo-fastest', samples, {
      ...{ weights, steps: 2, batchSize: 1, cropSize: 64, maxSide: 64 },
      freeze: ['layers.?.*', 'layers.??.*'],
    });
    expect(settings).toMatchObject({ weights: 'net.weights', classNames: ['ball', 'crate'] });
    let report: StartReport | undefined;
    const { weights: trained } = await train(gpu, samples, settings, {
      weights,
      onWeights: (given) => {
        report = given;
      },
    });
    expect(report?.mismatched.map(({ name }) => name)).toHaveLength(4);
    const changed: string[] = [];
    for (const [name, { initial }] of published.namedStates()) {
      const now = trained.get(name)!.data as Float32Array;
      const same = now.length === initial.length && now.every((value, i) => Object.is(value, initial[i]));
      if (!same) changed.push(name);
      if (Number(name.split('.')[1]) < 100) expect([name, same]).toEqual([name, true]);
    }
    expect(changed).toContain('layers.119.conv.weight');
    expect(changed).toContain('layers.128.bn.running_mean');
  });
});
