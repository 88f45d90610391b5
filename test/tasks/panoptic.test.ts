import { describe, expect, it } from 'vitest';
import { detectionSummary } from '../../cli/src/evalReport.ts';
import type { AnnotatedShape, Annotation } from '../../src/data/annotation.ts';
import { BatchSource, type Sample } from '../../src/data/dataset.ts';
import { UsageError } from '../../src/errors.ts';
import { evaluateDetector } from '../../src/tasks/evaluate.ts';
import type { ObjectDetector } from '../../src/tasks/infer.ts';
import { panopticTruth } from '../../src/tasks/panoptic.ts';
import { defaultSettings } from '../../src/tasks/settings.ts';
import type { Box } from '../../src/vision/boxes.ts';

const SIDE = 8;

/** A shape that fills its box. */
const filled = (label: string, box: Box, flags: Partial<AnnotatedShape> = {}): AnnotatedShape => {
  const [x, y, x2, y2] = box;
  const [width, height] = [x2 - x, y2 - y];
  const mask = { x, y, width, height, data: new Uint8Array(width * height).fill(1) };
  return { label, box, mask, groupId: null, ...flags };
};
/** The grass is labelled last, and yet behind the objects. */
const SHAPES = [
  filled('ball', [0, 0, 3, 3]),
  filled('crate', [2, 2, 6, 6]),
  filled('ball', [5, 0, 8, 2]),
  filled('grass', [0, 4, 8, 8]),
];
const annotation = (shapes = SHAPES, more: Partial<Annotation> = {}): Annotation => ({
  ...{ imagePath: 'a.png', width: SIDE, height: SIDE, shapes },
  ...more,
});
const sample = (labelled = annotation()): Sample => ({
  name: 'a.png',
  image: { width: SIDE, height: SIDE, channels: 3, data: new Float32Array(SIDE * SIDE * 3) },
  annotation: labelled,
});

const rows = (values: ArrayLike<number>): string[] =>
  Array.from({ length: SIDE }, (_, y) =>
    Array.from({ length: SIDE }, (_, x) => values[y * SIDE + x]).join(' '),
  );

describe('batches with regions', () => {
  const batch = (stuff: readonly string[], labelled = annotation()) =>
    new BatchSource([sample(labelled)], {
      ...{ task: 'detect', batchSize: 1, size: [SIDE, SIDE], seed: 0, masks: true },
      classNames: ['ball', 'crate', ...stuff],
      stuff,
    } as const).next();

  it('have objects alone as objects, and a map with the objects in front', () => {
    const { counts, labels, semantic } = batch(['grass']);
    expect([...counts]).toEqual([3]);
    expect([...labels].sort()).toEqual([-1, 0, 0, 1]);
    expect(rows(semantic!)).toEqual([
      '0 0 0 255 255 0 0 0',
      '0 0 0 255 255 0 0 0',
      '0 0 0 0 0 0 255 255',
      '255 255 0 0 0 0 255 255',
      '1 1 0 0 0 0 1 1',
      '1 1 0 0 0 0 1 1',
      '1 1 1 1 1 1 1 1',
      '1 1 1 1 1 1 1 1',
    ]);
  });

  it('give the background what nothing labelled covers, and ignore regions to ignore', () => {
    const labelled = annotation(SHAPES, { ignored: [{ box: [6, 6, 8, 8] }] });
    expect(rows(batch(['grass', 'background'], labelled).semantic!)).toEqual([
      '0 0 0 2 2 0 0 0',
      '0 0 0 2 2 0 0 0',
      '0 0 0 0 0 0 2 2',
      '2 2 0 0 0 0 2 2',
      '1 1 0 0 0 0 1 1',
      '1 1 0 0 0 0 1 1',
      '1 1 1 1 1 1 255 255',
      '1 1 1 1 1 1 255 255',
    ]);
  });

  it('refuse regions that are not the last classes', () => {
    const options = { task: 'detect', batchSize: 1, size: [SIDE, SIDE], seed: 0 } as const;
    const classNames = ['grass', 'ball', 'crate'];
    expect(() => new BatchSource([sample()], { ...options, classNames, stuff: ['grass'] })).toThrow(
      UsageError,
    );
  });
});

describe('settings', () => {
  it('put regions last, and count them', () => {
    const { classNames, config } = defaultSettings('panopticfpn', [sample()], { stuff: ['grass'] });
    expect(classNames).toEqual(['ball', 'crate', 'grass']);
    expect(config).toMatchObject({ numClasses: 2, numStuff: 1 });
  });

  it('have the background by default', () => {
    const { classNames, config } = defaultSettings('panopticfpn', [sample()]);
    expect(classNames).toEqual(['ball', 'crate', 'grass', 'background']);
    expect(config).toMatchObject({ numClasses: 3, numStuff: 1 });
  });

  it('refuse unknown regions, regions alone, and regions of other models', () => {
    const make = (model: 'panopticfpn' | 'maskrcnn', stuff: string[]) => () =>
      defaultSettings(model, [sample()], { stuff });
    expect(make('panopticfpn', ['sky'])).toThrow('stuff has "sky", the classes are ball, crate, grass');
    expect(make('panopticfpn', ['ball', 'crate', 'grass'])).toThrow('needs objects and regions');
    expect(make('panopticfpn', [])).toThrow('train a maskrcnn');
    expect(make('maskrcnn', ['grass'])).toThrow('stuff is for panopticfpn');
  });
});

describe('evaluation', () => {
  const stuff = ['grass', 'background'];
  /** Finds what is labelled, but for what `change` does to it. */
  const perfect = (labelled: Annotation, change = (ids: Int32Array) => ids): ObjectDetector => {
    const truth = panopticTruth(labelled, stuff);
    const panoptic = { ...truth, ids: change(truth.ids) };
    const detections = truth.segments
      .filter(({ isthing }) => isthing)
      .map(({ label, box, score }) => ({ label, box, score }));
    return {
      ...{ classNames: ['ball', 'crate'], stuff, hasMasks: false },
      detect: async () => detections,
      panoptic: async () => ({ detections, panoptic }),
      dispose: () => undefined,
    };
  };

  it('gives what is found as labelled a panoptic quality of 1', async () => {
    const summary = detectionSummary(await evaluateDetector(perfect(annotation()), [sample()]));
    expect(summary.lines.slice(0, 3)).toEqual([
      'panoptic quality, all: PQ 1.000, SQ 1.000, RQ 1.000',
      'panoptic quality, things: PQ 1.000, SQ 1.000, RQ 1.000',
      'panoptic quality, stuff: PQ 1.000, SQ 1.000, RQ 1.000',
    ]);
    const table = summary.tables.find(({ title }) => title.startsWith('Panoptic'));
    expect(table?.rows[0]).toEqual(['ball', 1, 1, 1, '2', '0', '0']);
    expect(table?.total).toEqual(['mean of all', 1, 1, 1, '', '', '']);
    expect(summary.metrics).toMatchObject({ panoptic: { all: { pq: 1, n: 4 } } });
  });

  it('counts a region that is found in half of its place', async () => {
    // Grass has 24 visible pixels; 16 of them stay.
    const cut = (ids: Int32Array) => ids.map((id, i) => (id === 1 && i >= 56 ? 2 : id));
    const { panoptic } = await evaluateDetector(perfect(annotation(), cut), [sample()]);
    expect(panoptic?.perClass.find(({ label }) => label === 'grass')?.pq).toBeCloseTo(16 / 24, 6);
    expect(panoptic?.things.pq).toBe(1);
  });

  it('does not count what is to be ignored or hard to make out', () => {
    const hard = [...SHAPES.slice(0, 2), { ...SHAPES[2]!, difficult: true }, SHAPES[3]!];
    const { ids, segments } = panopticTruth(annotation(hard, { ignored: [{ box: [6, 6, 8, 8] }] }), stuff);
    expect(rows(ids)).toEqual([
      '3 3 3 2 2 0 0 0',
      '3 3 3 2 2 0 0 0',
      '3 3 4 4 4 4 2 2',
      '2 2 4 4 4 4 2 2',
      '1 1 4 4 4 4 1 1',
      '1 1 4 4 4 4 1 1',
      '1 1 1 1 1 1 0 0',
      '1 1 1 1 1 1 0 0',
    ]);
    expect(segments.map(({ label, area, box }) => [label, area, box])).toEqual([
      ['grass', 20, [0, 4, 8, 8]],
      ['background', 10, [0, 0, 8, 4]],
      ['ball', 8, [0, 0, 3, 3]],
      ['crate', 16, [2, 2, 6, 6]],
    ]);
  });

  it('has no panoptic quality of selected objects', async () => {
    const found = await evaluateDetector(perfect(annotation()), [sample()], { objects: () => true });
    expect(found.panoptic).toBeUndefined();
  });
});
