import { describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { square } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { loadTfjs } from '../../src/tfjs/index.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { caseNamed, tensorOf, weightsOf } from './cases.ts';

describe('models of TensorFlow.js train', () => {
  it('a layers model, with batch norm and dropout', async () => {
    const gpu = await sharedGpu();
    const one = caseNamed('sequential');
    const model = await loadTfjs(one.model, weightsOf(one));
    const x = tensorOf(one.inputs[0]!);
    const { dense } = await gpu.run(() => model.forward(x));
    const expected = one.outputs[0]!.values;
    for (const [i, value] of dense!.entries()) expect(value / expected[i]!).toBeCloseTo(1, 4);

    const lossOf = (images: typeof x) =>
      crossEntropy(model.forward(images).dense!, tensor(Int32Array.of(0, 1)));
    // Without dropout, whose draws are others in every process.
    const before = (await gpu.run(() => ({ loss: lossOf(x) }))).loss[0]!;
    model.train();
    const optimizer = new SGD(model.parameters(), { lr: 0.01 });
    const step = gpu.capture((images) => {
      const loss = lossOf(images);
      backward(loss);
      optimizer.step();
      return { loss };
    });
    const statistics = model.namedStates().find(([name]) => name === 'bn1/moving_mean')![1];
    const old = await gpu.download(statistics);
    for (let i = 0; i < 20; i++) await (await step(x)).loss.item();
    expect(await gpu.download(statistics)).not.toEqual(old);
    model.eval();
    expect((await gpu.run(() => ({ loss: lossOf(x) }))).loss[0]!).toBeLessThan(before);
  });

  it('a graph model', async () => {
    const gpu = await sharedGpu();
    const one = caseNamed('_FusedConv2D bias and relu6');
    const model = await loadTfjs(one.model, weightsOf(one));
    const optimizer = new SGD(model.parameters(), { lr: 0.05 });
    const step = gpu.capture((images) => {
      const loss = mean(square(model.forward(images).out0!));
      backward(loss);
      optimizer.step();
      return { loss };
    });
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push(await (await step(tensorOf(one.inputs[0]!))).loss.item());
    expect(losses[1]).toBeLessThan(losses[0]!);
    expect(losses[2]).toBeLessThan(losses[1]!);
  });
});
