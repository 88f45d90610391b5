import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../../src/errors.ts';
import { CocoEvaluator, type CocoOptions } from '../../../src/vision/index.ts';
import { type Rle, rleArea, rleFromPolygon, rleMerge } from '../../../src/vision/rle.ts';
import { rleFromString } from '../../../src/vision/rleText.ts';

type Segmentation = number[][] | { size: [number, number]; counts: string | number[] };
interface Item {
  category_id: number;
  bbox?: [number, number, number, number];
  segmentation?: Segmentation;
  area?: number;
  iscrowd?: number;
  ignore?: number;
}

/** COCO's files in short, and what COCOeval gives for them: test/fixtures/coco.py. */
interface Case {
  name: string;
  iouType: 'bbox' | 'segm';
  size: number;
  classes: number;
  params?: { iouThrs: number[]; areaRng: [number, number][]; maxDets: number[] };
  images: { annotations: Item[]; results: (Item & { score: number })[] }[];
  expected: { precision: number[]; recall: number[]; stats: number[]; curve: number[]; scores: number[] };
}

const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/coco/evaluation.json'), 'utf8'),
) as Case[];

function maskOf(segmentation: Segmentation, size: number): Rle {
  if (Array.isArray(segmentation)) {
    return rleMerge(segmentation.map((points) => rleFromPolygon(points, { width: size, height: size })));
  }
  const { counts } = segmentation;
  return typeof counts === 'string'
    ? rleFromString(counts, { width: size, height: size })
    : { size: segmentation.size, counts };
}

function objectOf({ category_id, bbox, segmentation, area, iscrowd, ignore }: Item, size: number) {
  const mask = segmentation && maskOf(segmentation, size);
  const [x, y, w, h] = bbox ?? [0, 0, 0, 0];
  return {
    label: category_id,
    ...(bbox && { box: [x, y, x + w, y + h] as const }),
    ...(mask && { mask }),
    area: area ?? (mask ? rleArea(mask) : w * h),
    iscrowd: iscrowd === 1,
    ignore: ignore === 1,
  };
}

function evaluatorOf({ classes, iouType, params, images, size }: Case): CocoEvaluator<number> {
  const options: CocoOptions<number> = {
    classes: Array.from({ length: classes }, (_, i) => i + 1),
    iouType,
    ...(params && {
      iouThrs: params.iouThrs,
      maxDets: params.maxDets,
      areaRng: Object.fromEntries(params.areaRng.map((range, i) => [['all', 'own'][i]!, range])),
    }),
  };
  const evaluator = new CocoEvaluator(options);
  for (const { annotations, results } of images) {
    evaluator.add({
      groundTruth: annotations.map((item) => objectOf(item, size)),
      predictions: results.map((item) => ({ ...objectOf(item, size), score: item.score })),
    });
  }
  return evaluator;
}

const orMinusOne = (value: number): number => (Number.isNaN(value) ? -1 : value);

function expectClose(got: ArrayLike<number>, want: readonly number[]): void {
  expect(got.length).toBe(want.length);
  const far = want.flatMap((value, i) =>
    Math.abs(orMinusOne(got[i]!) - value) <= 1e-9 ? [] : [{ i, got: got[i], want: value }],
  );
  expect(far).toEqual([]);
}

describe('CocoEvaluator', () => {
  it.each(cases.map((one) => [one.name, one] as const))('gives COCOeval’s numbers for %s', (_, one) => {
    const evaluator = evaluatorOf(one);
    const { counts, precision, recall, scores } = evaluator.accumulate();
    const [T, R, K, A, M] = counts;
    const means = new Float64Array(T * K * A * M);
    for (let i = 0; i < precision.length; i++) {
      const inner = K * A * M;
      means[Math.floor(i / (R * inner)) * inner + (i % inner)]! += precision[i]! / R;
    }
    expectClose(means, one.expected.precision);
    expectClose(recall, one.expected.recall);
    // At the first threshold, area range "all", most detections, every tenth recall.
    const [curve, at] = [precision, scores].map((of) =>
      Array.from({ length: 11 * K }, (_, i) => of[(10 * Math.floor(i / K) * K + (i % K)) * A * M + M - 1]!),
    );
    expectClose(curve!, one.expected.curve);
    expectClose(at!, one.expected.scores);
    if (one.expected.stats.length > 0) expectClose(evaluator.summarize().stats, one.expected.stats);
  });

  it('names the twelve numbers, and has each class’s', () => {
    const one = cases.find(({ name }) => name === 'boxes, crowds, areas')!;
    const { expected, classes } = one;
    const summary = evaluatorOf(one).summarize();
    expect(summary.stats).toEqual([
      ...[summary.ap, summary.ap50, summary.ap75, summary.apSmall, summary.apMedium, summary.apLarge],
      ...summary.ar,
      ...[summary.arSmall, summary.arMedium, summary.arLarge],
    ]);
    expect(summary.ar.length).toBe(3);
    // [T, K, A, M], of which A is "all" and M 100.
    const at = (values: readonly number[], t: number, k: number) => values[(t * classes + k) * 12 + 2]!;
    summary.perClass.forEach(({ label, ap50, ap75, ap, ar, groundTruths }, k) => {
      const over = (values: readonly number[]) =>
        Array.from({ length: 10 }, (_, t) => at(values, t, k)).reduce((a, b) => a + b, 0) / 10;
      expectClose(
        [ap50, ap75, ap, ar],
        [
          at(expected.precision, 0, k),
          at(expected.precision, 5, k),
          over(expected.precision),
          over(expected.recall),
        ],
      );
      const there = one.images.flatMap(({ annotations }) =>
        annotations.filter((a) => a.category_id === label && a.iscrowd === 0),
      );
      expect(groundTruths).toBe(there.length);
    });
    expect(summary.perClass.some(({ ap }) => Number.isNaN(ap))).toBe(true);
  });

  it('draws the curve of one class and of all, without what does not count', () => {
    const evaluator = new CocoEvaluator<string>({ classes: ['a', 'b'] });
    evaluator.add({
      groundTruth: [
        { label: 'a', box: [0, 0, 10, 10] },
        { label: 'a', box: [50, 50, 90, 90], iscrowd: true },
        { label: 'b', box: [20, 0, 30, 10] },
      ],
      predictions: [
        { label: 'a', box: [0, 0, 10, 10], score: 0.5 },
        { label: 'a', box: [60, 60, 70, 70], score: 0.9 },
        { label: 'b', box: [70, 60, 80, 70], score: 0.7 },
      ],
    });
    expect(evaluator.precisionRecall({ label: 'a' })).toEqual({ recall: [1], precision: [1], scores: [0.5] });
    expect(evaluator.precisionRecall()).toEqual({
      recall: [0, 0.5],
      precision: [0, 0.5],
      scores: [0.7, 0.5],
    });
    expect(() => evaluator.precisionRecall({ label: 'c' })).toThrow(ShapeError);
    expect(() => evaluator.precisionRecall({ iouThr: 0.51 })).toThrow(/0\.51/);
  });

  it('keeps no masks, and forgets nothing between images', () => {
    const one = cases.find(({ iouType }) => iouType === 'segm')!;
    const whole = evaluatorOf(one);
    const before = whole.summarize();
    whole.add({ groundTruth: [], predictions: [] });
    expect(whole.summarize()).toEqual(before);
  });

  it('counts nothing of an image that it refuses', () => {
    const evaluator = new CocoEvaluator({ classes: ['a'], iouType: 'segm' });
    const mask: Rle = { size: [4, 4], counts: [3, 5, 8] };
    evaluator.add({ groundTruth: [{ label: 'a', mask }], predictions: [{ label: 'a', mask, score: 1 }] });
    const add = (groundTruth: object, prediction: object) => () =>
      evaluator.add({
        groundTruth: [{ label: 'a', ...groundTruth }],
        predictions: [{ label: 'a', score: 0.5, ...prediction }],
      });
    expect(add({ mask }, { box: [0, 0, 1, 1] })).toThrow(/image 1 has a "a" without mask/);
    expect(add({ mask }, { mask: { size: [4, 4], counts: [3] } })).toThrow(DataError);
    expect(add({ mask }, { mask: { size: [2, 8], counts: [16] } })).toThrow(/4x4 and 8x2/);
    expect(add({ mask, area: Number.NaN }, { mask })).toThrow(DataError);
    expect(add({ mask }, { mask, score: Infinity })).toThrow(DataError);
    expect(evaluator.summarize()).toMatchObject({ ap: 1, perClass: [{ groundTruths: 1 }] });
  });

  it('refuses parameters that mean nothing', () => {
    expect(() => new CocoEvaluator({ classes: [1], iouThrs: [0.5, 50] })).toThrow(/50/);
    expect(() => new CocoEvaluator({ classes: [1], iouThrs: [] })).toThrow(ShapeError);
    expect(() => new CocoEvaluator({ classes: [1], maxDets: [0] })).toThrow(ShapeError);
  });
});
