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

const LAYERS = 60;

/** Calls of a compute pass, with what they were given. */
type PassCalls = (readonly ['setPipeline' | 'setBindGroup' | 'dispatchWorkgroups', readonly unknown[]])[];

/** What is called of the compute passes that begin while something happens. */
async function passCallsDuring(device: GPUDevice, doing: () => Promise<unknown>): Promise<PassCalls> {
  const calls: PassCalls = [];
  const create = device.createCommandEncoder;
  device.createCommandEncoder = (...given) => {
    const encoder = create.apply(device, given);
    const begin = encoder.beginComputePass;
    encoder.beginComputePass = (...options) => {
      const pass = begin.apply(encoder, options);
      for (const name of ['setPipeline', 'setBindGroup', 'dispatchWorkgroups'] as const) {
        const method = pass[name] as (...args: unknown[]) => undefined;
        Object.assign(pass, {
          [name]: (...args: unknown[]) => {
            calls.push([name, args]);
            method.apply(pass, args);
          },
        });
      }
      return pass;
    };
    return encoder;
  };
  await doing();
  device.createCommandEncoder = create;
  return calls;
}

/** Encodes and submits the same calls, as a program would that does nothing but this. */
function replay(device: GPUDevice, calls: PassCalls): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const [name, args] of calls) (pass[name] as (...given: readonly unknown[]) => undefined)(...args);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

it('a captured step encodes and submits, and does nothing else', async () => {
  using gpu = await openGpu({ validate: false });
  const { device } = gpu.device;
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

  const calls = await callsDuring(gpu, () => step(input));
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

  // The least times of many runs by turns: what else the machine does hits both.
  const passCalls = await passCallsDuring(device, () => step(input));
  expect(passCalls.length).toBeGreaterThan(2 * dispatches);
  const least = { step: Number.POSITIVE_INFINITY, replay: Number.POSITIVE_INFINITY };
  for (let run = 0; run < 20; run++) {
    let start = performance.now();
    await step(input);
    least.step = Math.min(least.step, performance.now() - start);
    await device.queue.onSubmittedWorkDone();
    start = performance.now();
    replay(device, passCalls);
    least.replay = Math.min(least.replay, performance.now() - start);
    await device.queue.onSubmittedWorkDone();
  }
  const ratio = least.step / least.replay;
  console.log(`${dispatches} dispatches: ${ratio.toFixed(2)} times what a replay of their calls takes`);
  expect(ratio).toBeLessThan(3);
});
