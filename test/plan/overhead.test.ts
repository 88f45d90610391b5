import { expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { conv2d } from '../../src/graph/functions/conv.ts';
import { mul, tanh } from '../../src/graph/functions/elementwise.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { Parameter } from '../../src/nn/module.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { callsDuring } from './counting.ts';
import { random, values } from './graphs.ts';

/** Microseconds of JavaScript, Dawn and the driver's submit for each dispatch; 3.5 to 4.5 on two busy cores. */
const MOST = 12;
const LAYERS = 150;

it('a captured step encodes and submits, and does nothing else', async () => {
  using gpu = await openGpu({ validate: false });
  const weights = Array.from(
    { length: LAYERS },
    (_, i) => new Parameter([3, 3, 4, 4], values(`w${i}`, [3, 3, 4, 4], 0.2)),
  );
  const optimizer = new SGD(weights, { lr: 0.01, momentum: 0.9 });
  const step = gpu.capture((x) => {
    const y = weights.reduce((z, w) => tanh(conv2d(z, w.tensor, undefined, { padding: 1 })), x!);
    const loss = mean(mul(y, y));
    backward(loss);
    optimizer.step();
    return { loss };
  });
  const input = random('x', [1, 4, 4, 4]);
  const { dispatches } = await step.prepare([input]);
  expect(dispatches).toBeGreaterThan(4 * LAYERS);

  const calls = await callsDuring(gpu, () => {
    optimizer.advance();
    return step(input);
  });
  const { setPipeline = 0, pushErrorScope, popErrorScope, ...others } = calls;
  expect(setPipeline).toBeLessThanOrEqual(dispatches);
  expect(pushErrorScope).toBe(popErrorScope);
  expect(pushErrorScope).toBeLessThanOrEqual(2);
  expect(others).toEqual({
    // The input, and the learning rate.
    writeBuffer: 2,
    createCommandEncoder: 1,
    beginComputePass: 1,
    setBindGroup: dispatches,
    dispatchWorkgroups: dispatches,
    end: 1,
    finish: 1,
    submit: 1,
  });

  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 60; run++) {
    optimizer.advance();
    const start = performance.now();
    await step(input);
    least = Math.min(least, performance.now() - start);
    await gpu.device.device.queue.onSubmittedWorkDone();
  }
  const each = (least * 1000) / dispatches;
  console.log(`${each.toFixed(1)} us for each of ${dispatches} dispatches`);
  expect(each).toBeLessThan(MOST);
});
