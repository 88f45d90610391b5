import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import { ShapeError } from '../../src/errors.ts';
import { backward, grad } from '../../src/graph/backward.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { panopticMerge } from '../../src/graph/functions/boxes.ts';
import { add } from '../../src/graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { PanopticFPN, panopticFpn } from '../../src/models/panopticFpn.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import { oneCycle } from '../../src/nn/schedules.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { PanopticQuality } from '../../src/vision/metrics/panoptic.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';

const SIDE = 64;
const PIXELS = SIDE * SIDE;

/** Crates and balls before two kinds of ground. */
interface Scene {
  readonly horizon: number;
  readonly objects: readonly (
    | { readonly label: 1; readonly box: readonly [number, number, number, number] }
    | { readonly label: 2; readonly centre: readonly [number, number]; readonly radius: number }
  )[];
}
type Thing = Scene['objects'][number];

const SCENES: readonly Scene[] = [
  {
    horizon: 28,
    objects: [
      { label: 1, box: [6, 8, 30, 34] },
      { label: 2, centre: [44, 44], radius: 14 },
    ],
  },
  {
    horizon: 40,
    objects: [
      { label: 2, centre: [18, 22], radius: 12 },
      { label: 1, box: [34, 30, 60, 52] },
    ],
  },
];
const COLORS = {
  1: [0.9, 0.25, 0.2],
  2: [0.95, 0.85, 0.1],
  sky: [0.4, 0.6, 0.95],
  grass: [0.2, 0.5, 0.2],
} as const;

function polygonOf(thing: Thing): [number, number][] {
  if (thing.label === 1) {
    const [x1, y1, x2, y2] = thing.box;
    return [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ];
  }
  const { centre, radius } = thing;
  return Array.from({ length: 40 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 40;
    return [centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)];
  });
}

/** Images, targets, and the segments by pixel: things 1 and 2, then sky (3) and grass (4); their labels are one less. */
function batch(scenes: readonly Scene[]) {
  const random = new Random('panoptic');
  const N = scenes.length;
  const images = new Float32Array(N * PIXELS * 3);
  const masks = new Float32Array(N * 2 * PIXELS);
  const semantic = new Int32Array(N * PIXELS);
  const boxes: number[] = [];
  const truths = scenes.map(({ horizon, objects }, n) => {
    const ids = new Int32Array(PIXELS).map((_, i) => (i < horizon * SIDE ? 3 : 4));
    objects.forEach((thing, g) => {
      const points = polygonOf(thing);
      const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
      boxes.push(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
      rasterizePolygon(points, { width: SIDE, height: SIDE }).forEach((inside, i) => {
        if (!inside) return;
        ids[i] = thing.label;
        masks[(n * 2 + g) * PIXELS + i] = 1;
      });
    });
    ids.forEach((id, i) => {
      const color = id === 3 ? COLORS.sky : id === 4 ? COLORS.grass : COLORS[id as 1 | 2];
      semantic[n * PIXELS + i] = Math.max(id - 2, 0);
      for (let c = 0; c < 3; c++) images[(n * PIXELS + i) * 3 + c] = color[c]! + random.range(-0.06, 0.06);
    });
    return { ids, segments: [1, 2, 3, 4].map((id) => ({ id, label: id - 1 })) };
  });
  const labels = scenes.flatMap(({ objects }) => objects.map(({ label }) => label - 1));
  return {
    truths,
    inputs: [
      tensor(images, [N, SIDE, SIDE, 3]),
      tensor(boxes, [N, 2, 4]),
      tensor(Int32Array.from(labels), [N, 2]),
      tensor(new Int32Array(N).fill(2)),
      tensor(masks, [N, 2, SIDE, SIDE]),
      tensor(semantic, [N, SIDE, SIDE]),
    ] as const,
  };
}

const config = {
  backbone: { ...SMALL_RESNET, width: 8 },
  pyramidWidth: 16,
  rpn: {
    anchorSizes: [[12], [16], [24], [32], [48]],
    preNmsTopN: { training: 60, testing: 60 },
    postNmsTopN: { training: 30, testing: 30 },
  },
  box: { width: 64, batchSizePerImage: 24 },
  mask: { width: 16, depth: 1, resolution: 7, maxRegions: 8 },
  semantic: { width: 16, groups: 4, lossWeight: 0.5 },
  numClasses: 2,
  numStuff: 2,
};

const lossesOf = (model: PanopticFPN, inputs: readonly Tensor[]) => {
  const [images, boxes, labels, counts, masks, semantic] = inputs as ReturnType<typeof batch>['inputs'];
  return model.losses(images, { boxes, labels, counts, masks, semantic });
};
const total = (losses: Record<string, Tensor>): Tensor => Object.values(losses).reduce((a, b) => add(a, b));

/** How often something is submitted to the queue meanwhile. */
async function submissionsOf(action: () => Promise<unknown>): Promise<number> {
  const { queue } = gpu.device.device;
  const submit = queue.submit.bind(queue);
  let submissions = 0;
  const counting = (buffers: GPUCommandBuffer[]) => {
    submissions++;
    return submit(buffers);
  };
  Object.defineProperty(queue, 'submit', { configurable: true, value: counting });
  await action().finally(() => {
    delete (queue as unknown as Record<string, unknown>).submit;
  });
  return submissions;
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

describe('PanopticFPN', () => {
  it('has the branch of the paper beside what Mask R-CNN has', () => {
    const names = (model: MaskRCNN) => model.namedStates().map(([name, { spec }]) => `${name} ${spec.shape}`);
    const model = panopticFpn('resnet18', { numClasses: 80, numStuff: 53 });
    const { numStuff: _, semantic: __, ...config } = model.config;
    const mask = new Set(names(new MaskRCNN(config)));
    const own = names(model).filter((name) => !mask.has(name));
    const stages = [1, 1, 2, 3].flatMap((count, level) =>
      Array.from({ length: count }, (_, i) => `semantic_head.scale_heads.${level}.${i}`).flatMap(
        (stage, i) => [
          `${stage}.conv.weight 3,3,${i === 0 ? 256 : 128},128`,
          `${stage}.norm.weight 128`,
          `${stage}.norm.bias 128`,
        ],
      ),
    );
    const predictor = 'semantic_head.predictor';
    expect(own).toEqual([...stages, `${predictor}.weight 1,1,128,54`, `${predictor}.bias 54`]);
    expect(names(model)).toHaveLength(mask.size + own.length);
  });

  it('every loss is finite, and their sum has a gradient for every parameter', async () => {
    const { inputs } = batch(SCENES);
    const model = new PanopticFPN({ ...config, seed: 1 });
    const losses = lossesOf(model, inputs);
    const names = ['box_reg', 'classifier', 'mask', 'objectness', 'rpn_box_reg', 'semantic'];
    expect(Object.keys(losses).sort()).toEqual(names);
    const named = [...model.namedParameters()];
    const gradients = grad(
      [total(losses)],
      named.map(([, parameter]) => parameter.tensor),
    );
    const values = await gpu.read(...Object.values(losses), ...gradients.map((g) => g!));
    for (const [loss] of values.slice(0, names.length)) expect(loss).toBeGreaterThan(0);
    const found = values.slice(names.length);
    const still = named.filter((_, i) => !(Math.hypot(...found[i]!) > 0)).map(([name]) => name);
    expect(still).toEqual([]);
    expect(values.every((list) => list.every(Number.isFinite))).toBe(true);
  });

  it('ignores 255, and an image of nothing else costs nothing', async () => {
    const model = new PanopticFPN({ ...config, seed: 1 });
    const { inputs } = batch(SCENES);
    const semantic = async (map: Int32Array) => {
      const targets = [...inputs.slice(0, 5), tensor(map, [2, SIDE, SIDE])];
      return (await gpu.run(() => ({ loss: lossesOf(model, targets).semantic }))).loss[0]!;
    };
    const map = new Int32Array(2 * PIXELS).fill(255);
    expect(await semantic(map)).toBe(0);
    // Of one pixel that counts, the loss is its own: least for the class that the model finds there.
    const at = PIXELS + 11 * SIDE + 7;
    const found = await gpu.run(() => model.detect(inputs[0]));
    const each = await Promise.all([0, 1, 2].map((label) => semantic(map.with(at, label))));
    expect(each.indexOf(Math.min(...each))).toBe(found.semantic[at]);
    expect(each.reduce((sum, loss) => sum + Math.exp(-2 * loss), 0)).toBeCloseTo(1, 4);
  });

  it('detects on images of any sizes, and finds nothing in their padding', async () => {
    const model = new PanopticFPN({ ...config, resize: { minSize: 48, maxSize: 96 }, seed: 2 }).eval();
    const random = new Random('sizes');
    const noise = (h: number, w: number) =>
      tensor(
        Float32Array.from({ length: h * w * 3 }, () => random.range(0, 1)),
        [h, w, 3],
      );
    const images = [noise(24, 36), noise(50, 48)];
    const found = await gpu.run(() =>
      model.detect(images, { scoreThreshold: 0, instanceThreshold: 0, maxDetections: 7, stuffAreaLimit: 1 }),
    );
    // 48 x 72 and 50 x 48 pixels in 64 x 96.
    for (const [n, [h, w]] of [
      [48, 72],
      [50, 48],
    ].entries()) {
      const inside = (i: number) => Math.floor(i / 96) < h! && i % 96 < w!;
      const map = found.semantic.slice(n * 64 * 96, (n + 1) * 64 * 96);
      expect([...map].every((label, i) => (inside(i) ? label >= 0 && label <= 2 : label === 255))).toBe(true);
      const count = found.segmentCount[n]!;
      expect(count).toBeGreaterThan(0);
      const row = (values: ArrayLike<number>) => Array.from(values).slice(n * 9, (n + 1) * 9);
      row(found.segmentLabels).forEach((label, s) => {
        const detection = row(found.segmentDetections)[s]!;
        const score = row(found.segmentScores)[s]!;
        if (s >= count) expect([label, detection, score]).toEqual([0, -1, 0]);
        else if (label >= 2) expect([detection, score]).toEqual([-1, 1]);
        else
          expect([label, score]).toEqual([found.labels[n * 7 + detection], found.scores[n * 7 + detection]]);
      });
      const ids = new Set(found.panoptic.slice(n * 64 * 96, (n + 1) * 64 * 96));
      for (let id = 1; id <= count; id++) expect(ids.has(id)).toBe(true);
    }
    const maps = images.map(({ shape: [h, w] }) => tensor(new Int32Array(h! * w!), [h!, w!]));
    const targets = {
      boxes: tensor([4, 4, 20, 20, 4, 4, 20, 20], [2, 1, 4]),
      labels: tensor(Int32Array.of(0, 1), [2, 1]),
      counts: tensor(Int32Array.of(1, 1)),
      masks: images.map(({ shape: [h, w] }) => tensor(new Float32Array(h! * w!).fill(1), [1, h!, w!])),
    };
    const losses = await gpu.run(() => model.losses(images, { ...targets, semantic: maps }));
    for (const loss of Object.values(losses)) expect(Number.isFinite(loss[0])).toBe(true);
    const refused = (semantic: Tensor | Tensor[]) => () => model.losses(images, { ...targets, semantic });
    expect(refused(maps.slice(1))).toThrow(/1 semantic maps for 2 images/);
    expect(refused([maps[1]!, maps[1]!])).toThrow(/semantic 0 i32 \[50,48\] must be i32 \[24,36\]/);
    expect(refused(tensor(new Int32Array(8), [2, 2, 2]))).toThrow(ShapeError);
  });

  it('refuses classes of regions that a label map cannot hold', () => {
    expect(() => new PanopticFPN({ ...config, numStuff: 0 })).toThrow(/use MaskRCNN/);
    expect(() => new PanopticFPN({ ...config, numStuff: 255 })).toThrow(/1 to 254, got 255/);
  });

  it('learns two images, a step and a detection in one submission each', async () => {
    const { inputs, truths } = batch(SCENES);
    const model = new PanopticFPN({ ...config, seed: 3 });
    const optimizer = new AdamW(model.parameters(), { lr: 0.004, clipNorm: 10 });
    const step = gpu.capture((...tensors) => {
      const losses = lossesOf(model, tensors);
      backward(total(losses));
      optimizer.step();
      return losses;
    });
    const losses: number[] = [];
    const rate = oneCycle({ maxLr: 0.004, steps: 120 });
    for (let i = 0; i < 120; i++) {
      optimizer.lr = rate(i);
      if (i === 60) expect(await submissionsOf(() => step(...inputs))).toBe(1);
      else losses.push((await (await step(...inputs)).semantic.data())[0]!);
    }
    const [before, after] = [losses[0]!, losses.at(-1)!];
    step.dispose();
    expect(after).toBeLessThan(before / 4);

    model.eval();
    const detect = gpu.capture((images) => model.detect(images!));
    await detect(inputs[0]);
    expect(await submissionsOf(() => detect(inputs[0]))).toBe(1);
    const found = await detect(inputs[0]);
    const [ids, labels, counts] = await Promise.all(
      [found.panoptic, found.segmentLabels, found.segmentCount].map((value) => value.data()),
    );
    detect.dispose();
    const quality = new PanopticQuality<number>({ things: [0, 1], stuff: [2, 3] });
    const most = labels!.length / truths.length;
    truths.forEach((truth, n) => {
      const segments = Array.from({ length: counts![n]! }, (_, s) => ({
        id: s + 1,
        label: labels![n * most + s]!,
      }));
      quality.add({ ids: ids!.slice(n * PIXELS, (n + 1) * PIXELS), segments }, truth);
    });
    const { all } = quality.result();
    expect(all.n).toBe(4);
    expect(all.pq).toBeGreaterThan(0.8);
  });
});

describe('panopticMerge', () => {
  it('makes whole segments of many objects in a large image, as its reference does', async () => {
    const random = new Random('many');
    const [D, M, H, W] = [60, 14, 150, 203];
    // Discs, each softer towards its border: no pixel lies within a rounding error of 0.5.
    const masks = Float32Array.from({ length: D * M * M }, (_, i) => {
      const [x, y] = [(i % M) - 6.5, (Math.floor(i / M) % M) - 6.5];
      return Math.hypot(x, y) < 5.7 ? 0.809017 : 0;
    });
    const boxes = Array.from({ length: D }, () => {
      const [x, y] = [random.range(-10, W), random.range(-10, H)];
      return [x, y, x + random.range(4, 90), y + random.range(4, 90)];
    }).flat();
    const semantic = Int32Array.from({ length: H * W }, (_, i) => 1 + (Math.floor(i / 4000) % 5));
    const results = Object.values(
      panopticMerge(
        {
          masks: tensor(masks, [1, D, M, M]),
          boxes: tensor(boxes, [1, D, 4]),
          count: tensor(Int32Array.of(D)),
        },
        tensor(semantic, [1, H, W]),
        { numStuff: 4, stuffAreaLimit: 900 },
      ),
    );
    const [got, want] = [await gpu.read(...results), evaluate(results)];
    expect(got.map((values) => Array.from(values))).toEqual(want.map((values) => Array.from(values)));
    const segments = got[2]![0]!;
    expect(segments).toBeGreaterThan(10);
    expect(segments).toBeLessThan(D);
  });

  it.each([
    ['masks that are not square', { masks: [1, 2, 4, 5] }, /masks must be \[N,D,M,M\]/],
    ['boxes of another number', { boxes: [1, 3, 4] }, /boxes \[1,3,4\]/],
    ['maps of another batch', { semantic: [2, 6, 6] }, /semantic \[2,6,6\] i32/],
  ])('refuses %s', (_, shapes, message) => {
    const { masks, boxes, semantic } = {
      masks: [1, 2, 4, 4],
      boxes: [1, 2, 4],
      semantic: [1, 6, 6],
      ...shapes,
    };
    const zeros = (shape: readonly number[], of: typeof Float32Array | typeof Int32Array) =>
      tensor(new of(shape.reduce((a, b) => a * b)), [...shape]);
    const merge = () =>
      panopticMerge(
        {
          masks: zeros(masks, Float32Array),
          boxes: zeros(boxes, Float32Array),
          count: zeros([1], Int32Array),
        },
        zeros(semantic, Int32Array),
        { numStuff: 2 },
      );
    expect(merge).toThrow(ShapeError);
    expect(merge).toThrow(message);
  });

  it('refuses thresholds and numbers of classes that mean nothing', () => {
    const merge = (options: object) => () =>
      panopticMerge(
        {
          masks: tensor(new Float32Array(16), [1, 1, 4, 4]),
          boxes: tensor(new Float32Array(4), [1, 1, 4]),
          count: tensor(Int32Array.of(1)),
        },
        tensor(new Int32Array(9), [1, 3, 3]),
        { numStuff: 2, ...options },
      );
    expect(merge({ numStuff: 2049 })).toThrow(/numStuff must be 2048 or less, got 2049/);
    expect(merge({ numStuff: -1 })).toThrow(/numStuff/);
    expect(merge({ overlapThreshold: Number.NaN })).toThrow(/overlapThreshold/);
    expect(merge({ stuffAreaLimit: 0.5 })).toThrow(/stuffAreaLimit/);
    expect(merge({ maskThreshold: 0 })).toThrow(/maskThreshold/);
  });
});
