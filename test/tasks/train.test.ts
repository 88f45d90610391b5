import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colorJitter, flip, zoom } from '../../src/data/augment/transforms.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { type StepRecord, train } from '../../src/learn/train.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { BatchNorm2d } from '../../src/nn/norms.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { evaluateDetector, evaluateSegmenter } from '../../src/tasks/evaluate.ts';
import { Detector, Segmenter } from '../../src/tasks/infer.ts';
import type { TrainSettings } from '../../src/tasks/settings.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bytesOf, settingsFor, twoScene, withNorm } from './scenes.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const large = [twoScene(64)];
const small = [twoScene(32)];
const withSteps = (settings: TrainSettings, steps: number): TrainSettings => ({ ...settings, steps });

describe('training', () => {
  it('a RetinaNet overfits one image and finds its objects', async () => {
    const options = { width: 8, batchSize: 1, steps: 40, lr: 0.01 };
    const settings = withNorm(settingsFor('retinanet', large, options), 'group');
    const { trained, history, finished } = await train(gpu, large, settings);
    expect(finished).toBe(true);
    expect(history.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const detector = new Detector(gpu, trained);
    const { result } = await evaluateDetector(detector, large);
    expect(result.ap50).toBeGreaterThanOrEqual(0.9);
    const found = await detector.detect(large[0]!.image, { scoreThreshold: 0.3 });
    expect([...new Set(found.map(({ label }) => label))].sort()).toEqual(['ball', 'crate']);
    for (const { box } of found) expect(box.every((side) => side >= 0 && side <= 64)).toBe(true);
    detector.dispose();
  });

  it('a U-Net overfits one image and says what each pixel shows', async () => {
    const settings = settingsFor('unet', small, { width: 16, batchSize: 1, steps: 40, lr: 0.02 });
    const { trained, history } = await train(gpu, small, settings);
    expect(history.at(-1)!.losses.segmentation).toBeLessThan(0.1);
    const segmenter = new Segmenter(gpu, trained);
    const { meanIou, perClass } = await evaluateSegmenter(segmenter, small);
    expect(meanIou).toBeGreaterThanOrEqual(0.85);
    expect(perClass.map(({ label }) => label)).toEqual(['ball', 'crate']);
    segmenter.dispose();
  });

  it('with batch norm, evaluation uses the running statistics', async () => {
    const options = { width: 8, batchSize: 2, steps: 40, lr: 0.01 };
    const settings = withNorm(settingsFor('retinanet', large, options), 'batch');
    const { trained, weights } = await train(gpu, large, settings);
    const { result } = await evaluateDetector(new Detector(gpu, trained), large);
    expect(result.ap50).toBeGreaterThanOrEqual(0.9);
    const means = [...weights].filter(([name]) => name.endsWith('running_mean'));
    expect(means.length).toBeGreaterThan(10);
    for (const [, { data }] of means) expect(Array.from(data).some((value) => value !== 0)).toBe(true);

    // What an image gives does not depend on the others of its batch.
    const { model } = trained;
    if (!(model instanceof RetinaNet)) throw new Error('no RetinaNet');
    const image = large[0]!.image.data;
    const both = new Float32Array(2 * image.length);
    both.set(image);
    both.fill(0.9, image.length);
    const [alone, together] = await gpu.read(
      model.forward(tensor(image, [1, 64, 64, 3])).logits,
      model.forward(tensor(both, [2, 64, 64, 3])).logits,
    );
    const first = together!.subarray(0, alone!.length);
    expect(Math.max(...Array.from(alone!, (value, i) => Math.abs(value - first[i]!)))).toBeLessThan(1e-4);

    // And it changes with them.
    const changed = new Map(weights);
    const [name, entry] = means[0]!;
    changed.set(name, { ...entry, data: Float32Array.from(entry.data, (value) => value + 1) });
    model.loadStateDict(changed);
    const [moved] = await gpu.read(model.forward(tensor(image, [1, 64, 64, 3])).logits);
    expect(Array.from(moved!)).not.toEqual(Array.from(alone!));
  });

  it('a batch norm that is applied twice in a step moves its statistics twice', async () => {
    const layer = new BatchNorm2d(1);
    const inputs = [tensor(Float32Array.of(1, 3), [2, 1]), tensor(Float32Array.of(10, 14), [2, 1])] as const;
    const step = gpu.capture((a, b) => ({ a: layer.forward(a!), b: layer.forward(b!) }));
    await step(...inputs);
    // Means 2 and 12; unbiased variances 2 and 8.
    expect((await gpu.download(layer.running_mean.state))[0]).toBeCloseTo(
      0.9 * (0.9 * 0 + 0.1 * 2) + 0.1 * 12,
    );
    expect((await gpu.download(layer.running_var.state))[0]).toBeCloseTo(0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 8);
    step.dispose();
  });
});

describe('the captured step', () => {
  it('allocates nothing after the first, and is one submission', async () => {
    const { device } = gpu.device;
    const { queue } = device;
    const counts = { buffers: [] as string[], encoders: [] as string[], submits: 0, other: 0 };
    const count = <
      K extends 'createBuffer' | 'createCommandEncoder' | 'createBindGroup' | 'createComputePipeline',
    >(
      name: K,
      note: (label: string) => void,
    ) => {
      const own = device[name].bind(device) as (descriptor: { label?: string }) => never;
      Object.defineProperty(device, name, {
        configurable: true,
        value: (descriptor: { label?: string }) => {
          note(descriptor.label ?? '');
          return own(descriptor);
        },
      });
    };
    count('createBuffer', (label) => counts.buffers.push(label));
    count('createCommandEncoder', (label) => counts.encoders.push(label));
    count('createBindGroup', () => counts.other++);
    count('createComputePipeline', () => counts.other++);
    const submit = queue.submit.bind(queue);
    Object.defineProperty(queue, 'submit', {
      configurable: true,
      value: (buffers: GPUCommandBuffer[]) => {
        counts.submits++;
        return submit(buffers);
      },
    });
    try {
      const settings = settingsFor('retinanet', large, { width: 4, batchSize: 2, steps: 8 });
      const seen: (typeof counts)[] = [];
      const onStep = () =>
        seen.push({ ...counts, buffers: [...counts.buffers], encoders: [...counts.encoders] });
      await train(gpu, large, settings, { onStep });
      const [from, to] = [seen[1]!, seen[6]!];
      // The losses are read back through a buffer of their own.
      expect(new Set(to.buffers.slice(from.buffers.length))).toEqual(new Set(['readback']));
      expect(to.other).toBe(from.other);
      const encoders = to.encoders.slice(from.encoders.length);
      expect(encoders.filter((label) => label === 'fovea program')).toHaveLength(5);
      expect(encoders.filter((label) => label === 'readback')).toHaveLength(5);
      expect(to.submits - from.submits).toBe(10);
    } finally {
      for (const name of [
        'createBuffer',
        'createCommandEncoder',
        'createBindGroup',
        'createComputePipeline',
      ]) {
        delete (device as unknown as Record<string, unknown>)[name];
      }
      delete (queue as unknown as Record<string, unknown>).submit;
    }
  });
});

describe('the same seed', () => {
  const run = async (settings: TrainSettings): Promise<{ bytes: string; history: readonly StepRecord[] }> => {
    const { weights, history } = await train(gpu, settings.model === 'retinanet' ? large : small, settings);
    return { bytes: bytesOf(weights), history };
  };

  it.each(['retinanet', 'unet'] as const)('gives the same bytes, another seed others: %s', async (model) => {
    const samples = model === 'retinanet' ? large : small;
    const options = {
      width: 4,
      batchSize: 2,
      steps: 5,
      augment: [zoom({ scale: [0.8, 1.2] }), flip(), colorJitter({ brightness: 0.2 })],
    } as const;
    const settings = settingsFor(model, samples, options);
    const [first, second] = [await run(settings), await run(settings)];
    expect(second.bytes).toBe(first.bytes);
    expect(second.history).toEqual(first.history);
    const other = await run({ ...settings, seed: 1 });
    expect(other.bytes).not.toBe(first.bytes);
    const fewer = await run(withSteps(settings, 4));
    expect(fewer.bytes).not.toBe(first.bytes);
  });
});
