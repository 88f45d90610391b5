import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MaskPatch } from '../../src/data/annotation.ts';
import type { FloatImage } from '../../src/data/image.ts';
import { UsageError } from '../../src/errors.ts';
import type { tensor } from '../../src/graph/tensor.ts';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { UNet } from '../../src/models/unet.ts';
import { exportOnnx } from '../../src/onnx/export/exportOnnx.ts';
import { COCO_CLASSES, parseNames, VOC_CLASSES } from '../../src/open/classNames.ts';
import { openModel } from '../../src/open/openModel.ts';
import { fromTorchvision } from '../../src/open/pretrained.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { Segmenter } from '../../src/tasks/infer.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { constantModel } from './constantModel.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** 100 x 50: in 64 x 64 it is 64 x 32, with 16 pixels above it. */
const image: FloatImage = {
  width: 100,
  height: 50,
  channels: 3,
  data: new Float32Array(100 * 50 * 3).fill(0.25),
};

/** Two objects twice, once with a lower score, and noise: centre, size, two scores. */
const CANDIDATES = [
  [32, 32, 16, 8, 0.9, 0.1],
  [32.5, 32, 16, 8, 0.7, 0.2],
  [16, 24, 8, 8, 0.1, 0.6],
  [16, 24, 8, 8, 0.02, 0.03],
  ...Array.from({ length: 80 }, () => [10, 10, 4, 4, 0, 0.01]),
];
const FOUND = [
  { label: "driver's seat", score: 0.9, box: [37.5, 18.75, 62.5, 31.25] },
  { label: 'wheel', score: 0.6, box: [18.75, 6.25, 31.25, 18.75] },
];

/** Compares detections: coordinates to a thousandth. */
function expectFound(
  found: readonly { label: string; score: number; box: readonly number[] }[],
  wanted: typeof FOUND,
) {
  expect(found.map(({ label }) => label)).toEqual(wanted.map(({ label }) => label));
  found.forEach(({ box, score }, i) => {
    expect(score).toBeCloseTo(wanted[i]!.score, 5);
    for (const [k, side] of box.entries()) expect(side).toBeCloseTo(wanted[i]!.box[k]!, 3);
  });
}

describe('an ONNX model', () => {
  const names = { names: `{0: "driver's seat", 1: 'wheel'}`, task: 'detect', imgsz: '[64, 64]' };

  it('with the head of YOLOv8 is a detector, with names from its metadata', async () => {
    const A = CANDIDATES.length;
    const data = [0, 1, 2, 3, 4, 5].flatMap((channel) => CANDIDATES.map((row) => row[channel]!));
    const model = await openModel(
      constantModel({ output0: { shape: [1, 6, A], data } }, { metadata: names }),
    );
    expect(model).toMatchObject({ task: 'detect', classNames: ["driver's seat", 'wheel'] });
    expect(model.description).toBe(
      'ONNX model with a head of Ultralytics, 2 classes; images as large as fits in 64x64, on grey (114), in 0..1',
    );
    const detector = model.detector(gpu);
    expectFound(await detector.detect(image), FOUND);
    expectFound(await detector.detect(image, { scoreThreshold: 0.8 }), FOUND.slice(0, 1));
    expect((await detector.detect(image, { iouThreshold: 1 })).length).toBe(3);
    detector.dispose();
    expect(() => model.segmenter(gpu)).toThrow(/finds objects; use fovea detect/);
  });

  it('with the head of YOLOv5 multiplies by the score of any object', async () => {
    const rows = CANDIDATES.map(([x, y, w, h, a, b]) => [x!, y!, w!, h!, 0.5, 2 * a!, 2 * b!]);
    const bytes = constantModel(
      { output: { shape: [1, rows.length, 7], data: rows.flat() } },
      { metadata: names },
    );
    const found = await (await openModel(bytes)).detector(gpu).detect(image);
    expectFound(found, FOUND);
  });

  it('with suppressed rows takes them as they are, with names that are given', async () => {
    const data = [24, 28, 40, 36, 0.9, 0, 12, 20, 20, 28, 0.6, 1, 0, 0, 0, 0, 0, 0];
    const bytes = constantModel({ output0: { shape: [1, 3, 6], data } });
    const model = await openModel(bytes, { names: ["driver's seat", 'wheel'] });
    expectFound(await model.detector(gpu).detect(image), FOUND);
  });

  it.each([
    'YOLOv8',
    'YOLOv5',
    'suppressed rows',
  ])('with prototypes beside the head of %s has masks from them, within the boxes', async (kind) => {
    // The first map is inside on the left half, the second in the top half; a quarter of the network's size.
    const maps = [0, 1].flatMap((map) =>
      Array.from({ length: 16 * 16 }, (_, i) => ((map === 0 ? i % 16 : Math.floor(i / 16)) < 8 ? 1 : -1)),
    );
    // The driver's seat, in 24..40 x 28..36, has the right half; the wheel, in 12..20 x 20..28, the top and three of the left: all of it.
    const coefficients = CANDIDATES.map(([x]) => (x === 32 ? [-1, 0] : [3, 1]));
    const rows = CANDIDATES.map(([x, y, w, h, a, b], i) => {
      const centred = kind === 'YOLOv5' ? [x!, y!, w!, h!, 0.5, 2 * a!, 2 * b!] : [x!, y!, w!, h!, a!, b!];
      return [...centred, ...coefficients[i]!];
    });
    const shape = [1, rows.length, rows[0]!.length];
    const head = {
      YOLOv8: {
        shape: [1, 8, rows.length],
        data: rows[0]!.flatMap((_, channel) => rows.map((row) => row[channel]!)),
      },
      YOLOv5: { shape, data: rows.flat() },
      'suppressed rows': {
        shape: [1, 3, 8],
        data: [24, 28, 40, 36, 0.9, 0, -1, 0, 12, 20, 20, 28, 0.6, 1, 3, 1, ...new Array(8).fill(0)],
      },
    }[kind]!;
    const bytes = constantModel(
      { output0: head, output1: { shape: [1, 2, 16, 16], data: maps } },
      { metadata: { ...names, task: 'segment' } },
    );
    const detector = (await openModel(bytes)).detector(gpu);
    expect(detector.hasMasks).toBe(true);
    const found = await detector.detect(image);
    expectFound(found, FOUND);
    const area = ({ data }: MaskPatch) => data.reduce((sum, value) => sum + value, 0);
    const [seat, wheel] = found.map(({ mask }) => mask!);
    expect(seat).toMatchObject({ x: 37, y: 18, width: 26, height: 14 });
    // x = 32 of the network is 50 of the image: columns 50 to 62, all 14 rows.
    expect(seat!.data.subarray(0, 26)).toEqual(
      Uint8Array.from({ length: 26 }, (_, i) => (37 + i >= 50 ? 1 : 0)),
    );
    expect(area(seat!)).toBe(13 * 14);
    expect(area(wheel!)).toBe(wheel!.width * wheel!.height);
    detector.dispose();
  });

  it.each<[string, Record<string, number>, number | undefined]>([
    ['Faster R-CNN', { 'roi_heads.box_predictor.cls_score.bias': 4 }, 4],
    [
      'RetinaNet',
      { 'head.classification_head.cls_logits.bias': 45, 'head.regression_head.bbox_reg.bias': 36 },
      5,
    ],
    ['FCOS', { 'head.classification_head.cls_logits.bias': 9, 'head.regression_head.bbox_reg.bias': 4 }, 9],
    [
      'SSD',
      { 'head.classification_head.module_list.0.bias': 16, 'head.regression_head.module_list.0.bias': 16 },
      4,
    ],
    [
      'SSDlite',
      {
        'head.classification_head.module_list.0.0.1.bias': 672,
        'head.regression_head.module_list.0.0.1.bias': 672,
        'head.classification_head.module_list.0.1.weight': 24,
        'head.regression_head.module_list.0.1.weight': 24,
      },
      4,
    ],
    ['an exporter that renames', { 'onnx::Conv_1': 24 }, undefined],
  ])('of torchvision has as many classes as its head: %s', async (_, weights, count) => {
    const lists = {
      boxes: { shape: [1, 4], data: [16, 16, 48, 48] },
      scores: { shape: [1], data: [0.9] },
      labels: { type: 'int64' as const, shape: [1], data: [2] },
    };
    const model = await openModel(constantModel(lists, { weights }));
    expect(model.description).toContain(
      `ONNX model with a head of torchvision, ${count === undefined ? 'classes by number' : `${count} classes`}; images`,
    );
    expect(model.classNames).toEqual(Array.from({ length: count ?? 91 }, (_, i) => String(i)));
  });

  it("with torchvision's lists has labels that count the background, and masks", async () => {
    const masks = Array.from({ length: 50 * 100 }, (_, i) => (i % 100 < 50 ? 0.9 : 0.1));
    const bytes = constantModel(
      {
        boxes: { shape: [2, 4], data: [37.5, 18.75, 62.5, 31.25, 18.75, 6.25, 31.25, 18.75] },
        labels: { type: 'int64', shape: [2], data: [1, 2] },
        scores: { shape: [2], data: [0.9, 0.6] },
        masks: { shape: [2, 1, 50, 100], data: [...masks, ...masks] },
      },
      { input: [3, 50, 100] },
    );
    const model = await openModel(bytes, { names: ['__background__', "driver's seat", 'wheel'] });
    const detector = model.detector(gpu);
    expect(detector.hasMasks).toBe(true);
    const found = await detector.detect(image);
    expectFound(found, FOUND);
    const { x, width, height, data } = found[0]!.mask!;
    expect([x, width, height]).toEqual([37, 26, 14]);
    expect([...data.subarray(0, 26)]).toEqual([...new Array(13).fill(1), ...new Array(13).fill(0)]);
  });

  it('that gives maps is a segmenter: the class of the highest score, VOC names for 21 classes', async () => {
    const label = (y: number, x: number) => (y < 8 ? 0 : x < 8 ? 3 : 20);
    const data = Array.from({ length: 21 * 256 }, (_, i) =>
      label(Math.floor((i % 256) / 16), i % 16) === Math.floor(i / 256) ? 2 : -1,
    );
    const zeros = new Array(21 * 256).fill(0);
    const bytes = constantModel({
      aux: { shape: [1, 21, 16, 16], data: zeros },
      out: { shape: [1, 21, 16, 16], data },
    });
    const model = await openModel(bytes);
    expect(model).toMatchObject({ task: 'segment', classNames: VOC_CLASSES.slice(1) });
    expect(model.description).toMatch(/images stretched to 64x64, in 0\.\.1, normalised as ImageNet$/);
    const { labels, width, height } = await model.segmenter(gpu).segment(image);
    expect([width, height]).toEqual([100, 50]);
    const wanted = Array.from({ length: 5000 }, (_, i) => (i < 2500 ? 0 : i % 100 < 50 ? 3 : 20));
    expect([...labels]).toEqual(wanted);
    expect(() => model.detector(gpu)).toThrow(/gives maps of classes; use fovea segment/);
  });

  it('that gives one map finds what is above a half, or above 0 as logits', async () => {
    for (const [low, high] of [
      [0.4, 0.6],
      [-0.1, 0.2],
    ]) {
      const data = Array.from({ length: 64 }, (_, i) => (i < 32 ? low! : high!));
      const model = await openModel(constantModel({ mask: { shape: [1, 1, 8, 8], data } }), {
        names: ['thing'],
      });
      expect(model.classNames).toEqual(['thing']);
      const { labels } = await model.segmenter(gpu).segment(image);
      expect([labels[0], labels.at(-1)]).toEqual([0, 1]);
    }
  });

  it('with another head, input or number of names is refused with what it has', async () => {
    const logits = constantModel({ logits: { shape: [1, 2, 5], data: new Array(10).fill(0) } });
    await expect(openModel(logits, { name: 'c.onnx' })).rejects.toThrow(
      /^c\.onnx: its outputs are logits \[1,2,5\], a head that is not known; known are Ultralytics’ \[1,4\+K,A\], /,
    );
    const pose = { output0: { shape: [1, 6, 84], data: new Array(6 * 84).fill(0) } };
    await expect(openModel(constantModel(pose, { metadata: { task: 'pose' } }))).rejects.toThrow(
      /its task is pose/,
    );
    await expect(openModel(constantModel(pose, { input: [1, 1, 8, 8] }))).rejects.toThrow(
      /its inputs are images \[1,1,8,8\]; models of one RGB image/,
    );
    await expect(openModel(constantModel(pose), { names: ['a'] })).rejects.toThrow(
      /has 2 classes, but there are 1 names/,
    );
    await expect(openModel(constantModel(pose), { arch: 'fcn_resnet50' })).rejects.toThrow(
      /which --arch is not for/,
    );
  });

  it('with options that cannot be used is refused with what there is', async () => {
    const bytes = new Uint8Array(8);
    for (const [options, message] of [
      [{ fit: 'crop' }, 'fit is "crop"; choose letterbox, stretch'],
      [{ normalize: 'coco' }, 'normalize is "coco"; choose imagenet, none'],
      [{ names: 'coco.names' }, 'options.names is "coco.names"; give a list'],
      [{ weights: 'yolo.weights' }, 'options.weights is "yolo.weights"; give a Uint8Array'],
    ] as const) {
      await expect(openModel(bytes, options as never)).rejects.toThrow(
        new UsageError(`openModel: ${message}`),
      );
    }
    await expect(openModel(bytes, { normalise: 'none' } as never)).rejects.toThrow('did you mean normalize?');
  });

  it('that was exported here gives the labels of the model that it was', async () => {
    const model = new UNet({ numClasses: 3, width: 4, depth: 2, seed: 1 });
    model.eval();
    const trained = { name: 'unet', model, classNames: ['a', 'b'], preprocessing: { maxSide: 64 } } as const;
    const metadata = { 'fovea.model': JSON.stringify(metadataOf(trained)) };
    const forward = (x: ReturnType<typeof tensor>) => ({ logits: model.forward(x) });
    const bytes = await exportOnnx(model, { images: [1, 64, 64, 3] }, { forward, metadata });
    const opened = await openModel(bytes);
    expect(opened).toMatchObject({ task: 'segment', classNames: ['a', 'b'] });
    const noise: FloatImage = {
      ...image,
      data: Float32Array.from(image.data, (_, i) => ((i * 7919) % 251) / 251),
    };
    const [own, other] = [
      await new Segmenter(gpu, trained).segment(noise),
      await opened.segmenter(gpu).segment(noise),
    ];
    const same = own.labels.filter((label, i) => label === other.labels[i]).length;
    // The whole is padded to 64 x 64 there, to 64 x 32 here: what is near the padding may differ.
    expect(same / own.labels.length).toBeGreaterThan(0.9);
  });
});

describe('names in metadata', () => {
  it.each([
    [`{0: 'person', 1: "driver's seat"}`, ['person', "driver's seat"]],
    ["['a', 'it\\'s']", ['a', "it's"]],
    ['{"0":"x","1":"y, z"}', ['x', 'y, z']],
    ['["x"]', ['x']],
    ["{2: 'c', 0: 'a'}", ['a', '1', 'c']],
  ])('%s', (text, names) => expect(parseNames(text)).toEqual(names));

  it.each(['', 'x', '{0: print(1)}', "{0: 'a' 1: 'b'}", "{999999999: 'a'}", '{}'])('not %s', (text) =>
    expect(parseNames(text)).toBeUndefined());

  it('has 91 for COCO and 21 for VOC', () => {
    expect([COCO_CLASSES.length, VOC_CLASSES.length]).toEqual([91, 21]);
    expect([COCO_CLASSES[1], COCO_CLASSES[44], COCO_CLASSES[90], VOC_CLASSES[15]]).toEqual([
      ...['person', 'bottle', 'toothbrush', 'person'],
    ]);
  });
});

describe("torchvision's weights", () => {
  const bytesOf = (folder: string) =>
    new Uint8Array(
      readFileSync(join(import.meta.dirname, `../fixtures/models/${folder}/weights.safetensors`)),
    );

  it.each([
    ['retinanet-eval', 'retinanet', 'detect', 4],
    ['fasterrcnn-eval', 'fasterrcnn', 'detect', undefined],
    ['maskrcnn-eval', 'maskrcnn', 'detect', undefined],
    ['fcn-eval', 'fcn', 'segment', undefined],
    ['ssd-eval', 'ssdlite', 'detect', undefined],
    ['ssdlite-eval', 'ssdlite', 'detect', undefined],
    ['keypointrcnn-eval', 'fasterrcnn', 'detect', undefined],
  ] as const)('of a narrow model, %s, tell their architecture and run', async (folder, name, task, classes) => {
    const model = await openModel(bytesOf(folder), { name: folder });
    expect([model.trained?.name, model.task]).toEqual([name, task]);
    if (classes) expect(model.classNames).toHaveLength(classes);
    const small = { ...image, width: 40, height: 32, data: image.data.subarray(0, 40 * 32 * 3) };
    if (task === 'segment') {
      const { labels } = await model.segmenter(gpu).segment(small);
      expect(labels).toHaveLength(40 * 32);
    } else {
      const found = await model.detector(gpu).detect(small, { scoreThreshold: 0.05 });
      expect(found.every(({ label }) => model.classNames.includes(label))).toBe(true);
    }
  });

  it('of another builder, without one, or with wrong names are refused', async () => {
    const weights = await loadWeights(bytesOf('retinanet-eval'), { name: 'r.safetensors' });
    expect(() => fromTorchvision(weights, { arch: 'resnet50' })).toThrow(/^resnet50: is a classifier; /);
    expect(() => fromTorchvision(weights, { arch: 'retinanet_resnet50_fpn' })).toThrow(/^r\.safetensors: /);
    expect(() => fromTorchvision(weights, { names: ['a'] })).toThrow(/^r\.safetensors: has 4 classes/);
    const other = encodeSafetensors({ x: { dtype: 'f32', shape: [1], data: Float32Array.of(1) } });
    await expect(openModel(other, { name: 'x.safetensors' })).rejects.toThrow(
      /^x\.safetensors: is no model of Fovea \(it has no fovea\.model metadata\), and .* name that, as in --arch /,
    );
  });
});
