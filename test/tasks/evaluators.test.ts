/** Evaluators give of predictions what the evaluation gives that makes them. */
import { expect, it } from 'vitest';
import type { AnnotatedShape, Annotation } from '../../src/data/annotation.ts';
import type { Sample } from '../../src/data/dataset.ts';
import { ClassificationEvaluator } from '../../src/tasks/classificationEvaluator.ts';
import type { ImageClassifier } from '../../src/tasks/classifier.ts';
import {
  DetectionEvaluator,
  type DetectionsToEvaluate,
  detectForEvaluation,
  EVALUATED_SCORE,
} from '../../src/tasks/detectionEvaluator.ts';
import { evaluateDetector, evaluateSegmenter } from '../../src/tasks/evaluate.ts';
import { evaluateClassifier } from '../../src/tasks/evaluateClassifier.ts';
import type { Detection, ObjectDetector, PixelSegmenter } from '../../src/tasks/infer.ts';
import { SegmentationEvaluator } from '../../src/tasks/segmentationEvaluator.ts';
import { Random } from '../../src/vision/random.ts';

const SIZE = { width: 24, height: 16 };
const CLASSES = ['cat', 'dog'];
const random = new Random(1);
const whole = (most: number): number => Math.floor(random.uniform() * most);

const shapeAt = (label: string): AnnotatedShape => {
  const [x, y] = [whole(16), whole(8)];
  return { label, box: [x, y, x + 4 + whole(4), y + 4 + whole(4)], groupId: null };
};
const samples = Array.from({ length: 6 }, (_, i): Sample => {
  const shapes = [shapeAt('cat'), shapeAt('dog'), shapeAt('cat')].slice(0, 1 + (i % 3));
  const annotation: Annotation = { imagePath: `${i}.png`, ...SIZE, shapes };
  const image = { ...SIZE, channels: 3 as const, data: new Float32Array(24 * 16 * 3).fill(i / 8) };
  return { name: `${i}.png`, image, annotation };
});
const numberOf = ({ data }: { readonly data: ArrayLike<number> }): number => Math.round(8 * data[0]!);

/** As they come from another process. */
const travelled = <T>(value: T): T => structuredClone(value);

it.each([false, true])('evaluates detections, with masks: %s', async (hasMasks) => {
  const asked: unknown[] = [];
  const detector = {
    classNames: CLASSES,
    hasMasks,
    leastScore: undefined,
    async detect(image: Sample['image'], options: unknown) {
      asked.push(options);
      const { shapes } = samples[numberOf(image)]!.annotation;
      return shapes.map(({ label, box: [x1, y1, x2, y2] }, i): Detection => {
        const mask = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
        return {
          ...{ label: i === 2 ? 'dog' : label, score: 0.9 - i / 5, box: [x1, y1, x2, y2] },
          ...(hasMasks ? { mask: { ...mask, data: new Uint8Array(mask.width * mask.height).fill(1) } } : {}),
        };
      });
    },
    dispose: () => undefined,
  } as unknown as ObjectDetector;
  const wanted = await evaluateDetector(detector, samples);
  const evaluator = new DetectionEvaluator({ classNames: CLASSES, hasMasks });
  for (const sample of samples) {
    const found: DetectionsToEvaluate = await detectForEvaluation(detector, sample.image);
    evaluator.add(sample, travelled(found));
  }
  expect(evaluator.result()).toEqual(wanted);
  expect(wanted.segm !== undefined).toBe(hasMasks);
  for (const options of asked) expect(options).toEqual({ scoreThreshold: EVALUATED_SCORE });
});

it('evaluates label maps', async () => {
  const segmenter = {
    classNames: CLASSES,
    segment: async (image: Sample['image']) => ({
      ...SIZE,
      labels: Uint8Array.from({ length: 24 * 16 }, (_, i) => (i * (1 + numberOf(image))) % 3),
    }),
    dispose: () => undefined,
  } as unknown as PixelSegmenter;
  const chosen = { region: [2, 2, 20, 12] as const, objects: ([x]: readonly [number, number]) => x < 12 };
  for (const options of [{}, chosen]) {
    const wanted = await evaluateSegmenter(segmenter, samples, options);
    const evaluator = new SegmentationEvaluator({ classNames: CLASSES, ...options });
    for (const sample of samples) evaluator.add(sample, travelled(await segmenter.segment(sample.image)));
    expect(evaluator.result()).toEqual(wanted);
  }
  const other = { labels: new Uint8Array(3) };
  expect(() => new SegmentationEvaluator({ classNames: CLASSES }).add(samples[0]!, other)).toThrow(
    'there are 3 predictions and 384 targets',
  );
});

it('evaluates probabilities of classes', async () => {
  const labelled = samples.map(({ name, image }, i) => ({ name, image, label: CLASSES[i % 2]! }));
  const classifier = {
    classNames: CLASSES,
    async probabilities(image: Sample['image']) {
      const share = (1 + numberOf(image)) / 8;
      return Float32Array.of(share, 1 - share);
    },
  } as unknown as ImageClassifier;
  const wanted = await evaluateClassifier(classifier, labelled);
  const evaluator = new ClassificationEvaluator({ classNames: CLASSES });
  expect(() => evaluator.result()).toThrow('there are no samples');
  for (const { image, ...sample } of labelled) {
    evaluator.add(sample, travelled(await classifier.probabilities(image)));
  }
  expect(evaluator.result()).toEqual(wanted);
  const refused = (label: string, shares: number[]) => () => evaluator.add({ name: 'a', label }, shares);
  expect(refused('fox', [1, 0])).toThrow('a has label "fox", the classes are cat, dog; leave it out');
  expect(refused('cat', [1])).toThrow('a has 1 probabilities, and there are 2 classes; give one for each');
  expect(evaluator.result()).toEqual(wanted);
});
