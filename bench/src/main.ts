import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import type { AdapterChoice } from '../../src/device/device.ts';
import { backward } from '../../src/graph/backward.ts';
import { roiAlign } from '../../src/graph/functions/boxes.ts';
import { conv2d } from '../../src/graph/functions/conv.ts';
import { matmul, sum } from '../../src/graph/functions/reduce.ts';
import { apply, Tensor } from '../../src/graph/tensor.ts';
import type { Results, Step } from '../../src/plan/gpu.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { numel, type Shape } from '../../src/shape.ts';

/** One workload: what is computed, from inputs of these shapes, and the multiply-adds it takes. */
interface Workload {
  readonly name: string;
  readonly inputs: readonly Shape[];
  readonly multiplyAdds: number;
  run(...inputs: Tensor[]): Results;
}

const random = (shape: Shape): Tensor => {
  const data = Float32Array.from({ length: numel(shape) }, () => Math.random() - 0.5);
  return new Tensor({ shape, dtype: 'f32' }, { kind: 'constant', data }, true);
};

const gemm = (n: number): Workload => ({
  name: `gemm ${n}`,
  inputs: [
    [n, n],
    [n, n],
  ],
  multiplyAdds: n ** 3,
  run: (a, b) => ({ y: matmul(a!, b!) }),
});

function conv(n: number, size: number, from: number, to: number, kernel: number): Workload[] {
  const x = [n, size, size, from];
  const weight = [kernel, kernel, from, to];
  const padding = (kernel - 1) / 2;
  const name = `conv ${kernel}x${kernel} ${n}x${size}x${size}x${from}->${to}`;
  const multiplyAdds = n * size * size * from * to * kernel * kernel;
  return [
    {
      name,
      inputs: [x, weight],
      multiplyAdds,
      run: (a, b) => ({ y: conv2d(a!, b!, undefined, { padding }) }),
    },
    {
      name: `${name}, forward and backward`,
      inputs: [x, weight],
      multiplyAdds: 3 * multiplyAdds,
      run: (a, b) => {
        backward(sum(conv2d(a!, b!, undefined, { padding })));
        const grads = { x: a!.grad!, weight: b!.grad! };
        a!.grad = undefined;
        b!.grad = undefined;
        return grads;
      },
    },
  ];
}

const workloads: Workload[] = [
  gemm(256),
  gemm(512),
  ...conv(1, 56, 64, 64, 3),
  ...conv(1, 56, 64, 256, 1),
  ...conv(8, 32, 32, 32, 3),
  {
    name: 'group_norm 8x64x64x32',
    inputs: [[8, 64, 64, 32], [32], [32]],
    multiplyAdds: 0,
    run: (x, weight, bias) => apply('group_norm', { x, weight, bias }, { numGroups: 8, eps: 1e-5 }),
  },
  {
    name: 'roi_align 64 of 1x50x68x64',
    inputs: [
      [1, 50, 68, 64],
      [64, 5],
    ],
    multiplyAdds: 0,
    run: (x, rois) => ({ y: roiAlign(x!, rois!, { outputSize: 7, samplingRatio: 2 }) }),
  },
];

const { values } = parseArgs({
  options: { filter: { type: 'string', default: '' }, adapter: { type: 'string' } },
});
const gpu = await openGpu(values.adapter === undefined ? {} : { adapter: values.adapter as AdapterChoice });
console.log(`adapter: ${gpu.device.adapter.name}`);
const bench = new Bench({ time: 500, warmupIterations: 2, warmupTime: 0, iterations: 3 });
const steps: Step<Results>[] = [];
const chosen = workloads.filter(({ name }) => name.includes(values.filter));
for (const { name, inputs, run } of chosen) {
  const step = gpu.capture(run);
  const data = inputs.map(random);
  await step.prepare(data);
  steps.push(step);
  bench.add(name, async () => {
    await step(...data);
    await gpu.device.device.queue.onSubmittedWorkDone();
  });
}
await bench.run();
for (const [i, task] of bench.tasks.entries()) {
  const { result } = task;
  if (!('latency' in result)) throw new Error(`${task.name}: ${result.state}`);
  const { p50, min } = result.latency;
  const { multiplyAdds } = chosen[i]!;
  const rate = multiplyAdds > 0 ? `${((2 * multiplyAdds) / min / 1e6).toFixed(2).padStart(8)} GFLOP/s` : '';
  console.log(
    `${task.name.padEnd(52)} median ${p50.toFixed(2).padStart(9)} ms  best ${min.toFixed(2).padStart(9)} ms ${rate}`,
  );
}
gpu.dispose();
