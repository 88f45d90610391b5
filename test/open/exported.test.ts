import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FloatImage } from '../../src/data/image.ts';
import { UsageError } from '../../src/errors.ts';
import { exportOnnx } from '../../src/onnx/export/exportOnnx.ts';
import { openModel } from '../../src/open/openModel.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { architectureOf } from '../../src/tasks/architectures.ts';
import { evaluateDetector } from '../../src/tasks/evaluate.ts';
import { Detector } from '../../src/tasks/infer.ts';
import { buildModel, metadataOf } from '../../src/tasks/modelFile.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const SIDE = 64;
const image: FloatImage = {
  width: SIDE,
  height: SIDE,
  channels: 3,
  data: Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => ((i * 7919) % 251) / 251),
};

describe('a detector that was exported', () => {
  const config = architectureOf('retinanet').defaultConfig({ numClasses: 2, width: 4, cropSize: SIDE });
  const model = buildModel('retinanet', config, 0);
  const trained = {
    name: 'retinanet',
    model: model.eval(),
    classNames: ['a', 'b'],
    preprocessing: { maxSide: SIDE },
  } as const;
  const metadata = { 'fovea.model': JSON.stringify(metadataOf(trained)) };
  const open = async (detect?: { readonly scoreThreshold?: number; readonly iouThreshold?: number }) =>
    openModel(
      await exportOnnx(model, { images: [1, SIDE, SIDE, 3] }, { metadata, ...(detect ? { detect } : {}) }),
      { name: 'a.onnx' },
    );

  it('gives the detections of the model with the thresholds of its export', async () => {
    // New weights give every box a score of about 0.01.
    const thresholds = { scoreThreshold: 0.0099, iouThreshold: 0.3 };
    const opened = await open(thresholds);
    expect(opened.leastScore).toBe(0.0099);
    const [own, other] = [
      await new Detector(gpu, trained).detect(image, thresholds),
      await opened.detector(gpu).detect(image, { scoreThreshold: 0.0099 }),
    ];
    expect(other.length).toBeGreaterThan(5);
    expect(other.map(({ label }) => label)).toEqual(own.map(({ label }) => label));
    for (const [i, { score }] of other.entries()) expect(score).toBeCloseTo(own[i]!.score, 6);
  });

  it('refuses thresholds that its file cannot reach, and is evaluated with what is there', async () => {
    const opened = await open();
    const detector = opened.detector(gpu);
    expect([opened.leastScore, detector.leastScore]).toEqual([0.05, 0.05]);
    await expect(detector.detect(image, { scoreThreshold: 0.01 })).rejects.toThrow(
      new UsageError(
        'a.onnx: scoreThreshold is 0.01, but the file was exported with 0.05 and has no detection of a lower score; give at least 0.05, or export the model with a lower one',
      ),
    );
    await expect(detector.detect(image, { iouThreshold: 0.3 })).rejects.toThrow(
      new UsageError(
        'a.onnx: iouThreshold is 0.3, but NMS is in the file, with 0.5; leave it out, or export the model with another',
      ),
    );
    const annotation = { width: SIDE, height: SIDE, shapes: [] };
    const { images } = await evaluateDetector(detector, [{ name: 'x', image, annotation }]);
    expect(images).toEqual([{ groundTruth: [], predictions: [] }]);
  });

  it('takes thresholds of detect only where it detects, and NMS is in the file', async () => {
    const inputs = { images: [1, SIDE, SIDE, 3] };
    const detect = { scoreThreshold: 0.1 };
    await expect(exportOnnx((x) => x, inputs, { detect })).rejects.toThrow(
      new UsageError('exportOnnx: detect has options for a model that detects; leave it out'),
    );
    await expect(exportOnnx(model, inputs, { detect, nms: 'outside' })).rejects.toThrow(
      new UsageError(
        "exportOnnx: detect.scoreThreshold is of NMS, which nms: 'outside' leaves out of the file; leave out one of the two",
      ),
    );
    await expect(exportOnnx(model, inputs, { detect: { threshold: 0.1 } as never })).rejects.toThrow(
      UsageError,
    );
  });
});
