import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../../src/errors.ts';
import {
  type Box,
  type DetectionErrorCounts,
  type DetectionImage,
  detectionErrors,
} from '../../../src/vision/index.ts';

/** TIDE's types: test/fixtures/detectionErrors.py. */
const known = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/detectionErrors.json'), 'utf8'),
) as (DetectionImage<number> & { readonly errors: DetectionErrorCounts })[];

const object = (box: Box, label = 'coin', more: object = {}) => ({ box, label, ...more });
const found = (box: Box, score: number, label = 'coin') => ({ box, score, label });

describe('detectionErrors', () => {
  it('gives TIDE\u2019s types for random boxes', () => {
    const { images, counts, worst } = detectionErrors(known, { scoreThreshold: 0 });
    expect(images.map((one) => one.counts)).toEqual(known.map(({ errors }) => errors));
    for (const [type, count] of Object.entries(counts)) {
      expect(count).toBe(images.reduce((sum, one) => sum + one.counts[type as 'both'], 0));
      expect(count).toBeGreaterThan(10);
    }
    const totals = worst.map(({ total }) => total);
    expect(totals).toEqual(totals.toSorted((a, b) => b - a));
    expect(new Set(worst)).toEqual(new Set(images));
  });

  it('says what each is about', () => {
    const coins = [
      object([0, 0, 10, 10]),
      object([50, 0, 60, 10]),
      object([0, 50, 10, 60]),
      object([50, 50, 60, 60], 'button'),
    ];
    const predictions = [
      found([0, 0, 10, 10], 0.9),
      found([0, 0, 10, 9], 0.95),
      found([54, 0, 64, 10], 0.8),
      found([50, 50, 60, 60], 0.7),
      found([80, 80, 90, 90], 0.6),
      found([55, 55, 65, 65], 0.55),
      found([30, 30, 40, 40], 0.1),
    ];
    const { images, correct } = detectionErrors([{ groundTruth: coins, predictions }]);
    expect(correct).toBe(1);
    expect(images[0]!.errors).toEqual([
      // The first to be matched is that with the highest score, not the best place.
      { type: 'duplicate', prediction: predictions[0], groundTruth: coins[0], iou: 1 },
      { type: 'localization', prediction: predictions[2], groundTruth: coins[1], iou: 60 / 140 },
      { type: 'classification', prediction: predictions[3], groundTruth: coins[3], iou: 1 },
      { type: 'background', prediction: predictions[4], iou: 0 },
      { type: 'both', prediction: predictions[5], iou: 0 },
      { type: 'missed', groundTruth: coins[2], iou: 0 },
    ]);
    expect(images[0]).toMatchObject({ image: 0, correct: 1, total: 6 });
  });

  it('leaves out crowds, what is to be ignored, other classes and low scores', () => {
    const image = {
      groundTruth: [
        object([0, 0, 100, 100], 'coin', { iscrowd: true }),
        object([200, 0, 210, 10], 'coin', { ignore: true }),
        object([300, 0, 310, 10], 'other'),
      ],
      predictions: [
        found([10, 10, 20, 20], 0.9),
        found([200, 0, 210, 10], 0.9),
        found([300, 0, 310, 10], 0.9, 'other'),
      ],
    };
    expect(detectionErrors([image], { classes: ['coin'] })).toMatchObject({
      correct: 0,
      images: [{ total: 0 }],
    });
    expect(detectionErrors([image])).toMatchObject({ correct: 1, images: [{ total: 0 }] });
    const missed = detectionErrors([image], { scoreThreshold: 0.95 });
    expect(missed.counts).toEqual({
      classification: 0,
      localization: 0,
      both: 0,
      duplicate: 0,
      background: 0,
      missed: 1,
    });
    expect(detectionErrors([])).toMatchObject({ correct: 0, images: [], worst: [] });
  });

  it('refuses what cannot be used', () => {
    expect(() => detectionErrors([], { iouThreshold: 0.05 })).toThrow(
      'detectionErrors: backgroundThreshold is 0.1 and iouThreshold 0.05; give rising numbers above 0, up to 1',
    );
    expect(() => detectionErrors([], { scoreTreshold: 1 } as never)).toThrow('did you mean scoreThreshold?');
    expect(() => detectionErrors([{} as never])).toThrow(UsageError);
    const image = { groundTruth: [], predictions: [found([0, 0, Number.NaN, 1], 1)] };
    expect(() => detectionErrors([image])).toThrow(DataError);
  });
});
