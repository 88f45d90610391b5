import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { type FusedBoxes, weightedBoxFusion } from '../../src/graph/index.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { sharedGpu } from '../sharedGpu.ts';

/** What the authors' package gives: see test/fixtures/fusion.py. */
interface Known {
  readonly name: string;
  readonly models: number;
  readonly options: {
    readonly iou_thr?: number;
    readonly skip_box_thr?: number;
    readonly conf_type?: 'avg' | 'max';
  };
  readonly boxes: readonly number[];
  readonly scores: readonly number[];
  readonly labels: readonly number[];
  readonly fused: {
    readonly boxes: readonly number[];
    readonly scores: readonly number[];
    readonly labels: readonly number[];
  };
}

const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/fusion.json'), 'utf8')) as {
  cases: readonly Known[];
};

function fuse({ models, options, boxes, scores, labels }: Known): FusedBoxes {
  const R = scores.length;
  return weightedBoxFusion(
    tensor(boxes, [1, R, 4]),
    tensor(scores, [1, R]),
    tensor(Int32Array.from(labels), [1, R]),
    {
      models,
      iouThreshold: options.iou_thr ?? 0.55,
      scoreThreshold: options.skip_box_thr ?? 0,
      confType: options.conf_type ?? 'avg',
    },
  );
}

const gpu = await sharedGpu();
afterAll(() => gpu.dispose());

const far = (got: ArrayLike<number>, want: readonly number[]): number =>
  Math.max(0, ...want.map((value, i) => Math.abs(value - got[i]!)));

describe('weighted box fusion gives what its authors’ package does', () => {
  it.each(cases.map((known) => [known.name, known] as const))('%s', async (_name, known) => {
    const run = await gpu.run(() => ({ ...fuse(known) }));
    const { boxes, scores, labels, count } = fuse(known);
    const [b, s, l, c] = evaluate([boxes, scores, labels, count]);
    const found = known.fused.scores.length;
    expect(found).toBeGreaterThan(3);
    for (const got of [run, { boxes: b!, scores: s!, labels: l!, count: c! }]) {
      expect(got.count[0]).toBe(found);
      expect(Array.from(got.labels.slice(0, found))).toEqual(known.fused.labels);
      expect(far(got.scores, known.fused.scores)).toBeLessThan(2e-6);
      expect(far(got.boxes, known.fused.boxes)).toBeLessThan(2e-6);
      expect(Array.from(got.scores.slice(found)).every((score) => score === 0)).toBe(true);
    }
  });
});
