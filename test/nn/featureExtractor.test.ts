import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { relu } from '../../src/graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { IMAGENET, normalizeImages } from '../../src/models/preprocess.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { Sequential } from '../../src/nn/containers.ts';
import { createFeatureExtractor } from '../../src/nn/featureExtractor.ts';
import { Linear } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

const resnet = () =>
  new ResNet({ block: 'basic', depth: [1, 2, 1, 1], width: 4, stem: 'small', numClasses: 3, seed: 1 }).eval();
const images = () => {
  const random = generator(3);
  return tensor(
    Float32Array.from({ length: 2 * 32 * 32 * 3 }, () => random()),
    [2, 32, 32, 3],
  );
};

class Pair extends Module {
  twice = new Linear(2, 2);
  both = new (class Both extends Module {
    forward(x: Tensor): Tensor[] {
      return [x, x];
    }
  })();
  unused = new Linear(2, 2);

  forward(x: Tensor): Tensor {
    return this.twice.forward(relu(this.twice.forward(this.both.forward(x)[0]!)));
  }
}

describe('createFeatureExtractor', () => {
  it('gives the outputs of layers, of a list that of its last', async () => {
    const model = resnet();
    const extract = createFeatureExtractor(model, {
      layer1: 'c2',
      'layer2.1': 'last',
      layer2: 'c3',
      fc: 'logits',
    });
    const found = extract(images());
    expect(Object.keys(found)).toEqual(['c2', 'last', 'c3', 'logits']);
    const [wantC2, wantC3] = model.features(normalizeImages(images(), IMAGENET));
    const [c2, c3, last, logits] = await gpu.read(found.c2!, found.c3!, found.last!, found.logits!);
    const wanted = await gpu.read(wantC2!, wantC3!, wantC3!, model.forward(images()));
    expect([c2, c3, last, logits]).toEqual(wanted);
  });

  it('computes in a captured step what it computes alone', async () => {
    const model = resnet();
    const extract = createFeatureExtractor(model, ['layer3']);
    const step = gpu.capture((x: Tensor) => ({ y: extract(x).layer3! }));
    const [alone] = await gpu.read(extract(images()).layer3!);
    expect(await (await step(images())).y.data()).toEqual(alone);
    step.dispose();
  });

  it('leaves the model as it was, also after an error', () => {
    const model = resnet();
    const extract = createFeatureExtractor(model, ['layer1']);
    extract(images());
    expect(() => extract(tensor([0], [1]))).toThrow('ResNet: images');
    for (const part of model.modules()) expect(Object.hasOwn(part, 'forward')).toBe(false);
  });

  it('sees a forward that is a field, and puts it back', () => {
    class Field extends Module {
      forward = (x: Tensor) => relu(x);
    }
    const field = new Field();
    const { forward } = field;
    const extract = createFeatureExtractor(new Sequential(field, new Linear(2, 1)), ['0']);
    expect(extract(tensor([-1, 2], [1, 2]))['0']!.shape).toEqual([1, 2]);
    expect(field.forward).toBe(forward);
  });

  it('takes the last output of a layer that runs twice', async () => {
    const model = new Pair();
    const x = tensor([0.5, -1], [1, 2]);
    const [y, own] = await gpu.read(
      createFeatureExtractor(model, ['twice'])(x).twice!,
      model.forward(tensor([0.5, -1], [1, 2])),
    );
    expect(y).toEqual(own);
  });

  it('refuses what is no layer, with what may be meant', () => {
    const model = resnet();
    const make = (names: string[]) => () => createFeatureExtractor(model, names);
    expect(make(['layer5'])).toThrow(UsageError);
    expect(make(['layer2.0.convl'])).toThrow('ResNet has no layer "layer2.0.convl"; did you mean');
    expect(make(['xyz'])).toThrow('; it has conv1, bn1, layer1.0, layer1.0.conv1');
    expect(make([''])).toThrow('has no layer ""');
    expect(make([])).toThrow('no layers');
    expect(() => createFeatureExtractor({} as Module, ['a'])).toThrow('no module with a forward');
    expect(() => createFeatureExtractor(null as never, ['a'])).toThrow('no module with a forward');
    expect(() => createFeatureExtractor(model, [3 as never])).toThrow('returnNodes[0] is 3; give a text');
  });

  it('refuses layers that did not run, or give no single tensor', () => {
    const x = tensor([1, 2], [1, 2]);
    expect(() => createFeatureExtractor(new Pair(), ['unused'])(x)).toThrow(
      'unused does not run in the forward of Pair',
    );
    expect(() => createFeatureExtractor(new Pair(), ['both'])(x)).toThrow('both gives more than one tensor');
  });
});
