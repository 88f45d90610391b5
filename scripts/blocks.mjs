// npm run blocks [-- MS]: captures training steps of whole models with empty caches on the adapter at hand, while it watches
// Node's event loop. Prints the longest time for which the loop stood still, phase by phase, and the longest single call of
// WebGPU's functions; exits 1 where the loop stood still for longer than MS milliseconds (50 by default). On Linux these are
// milliseconds in which the thread ran: compilers and other processes keep the cores busy, and it may wait for one.
import { readFileSync } from 'node:fs';
import { ensureBuilt } from './built.mjs';

process.env.MESA_SHADER_CACHE_DISABLE = 'true';
process.env.FOVEA_AUTOTUNE = '0';
await ensureBuilt(['library']);
const { add, backward, crossEntropy, openGpu, tensor } = await import('fovea');
const { FasterRCNN, RESNETS, ResNet, RetinaNet } = await import('fovea/models');
const { AdamW } = await import('fovea/nn');

const most = Number(process.argv[2] ?? 50);
if (!(most > 0)) {
  console.error(`blocks: ${process.argv[2]} ms; give a number above 0`);
  process.exit(2);
}
const CALLS = /** @type {const} */ ([
  'createShaderModule',
  'createComputePipelineAsync',
  'createBuffer',
  'createBindGroup',
]);

/** Milliseconds for which this thread has run, where the system tells, else those of the clock. */
function now() {
  if (process.platform !== 'linux') return performance.now();
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

/** @type {Record<string, number>} The longest call of each of the device's functions. */
let calls = {};
/** @param {any} owner @param {string} name */
function time(owner, name) {
  const call = owner[name].bind(owner);
  owner[name] = (/** @type {any[]} */ ...args) => {
    const start = now();
    const result = call(...args);
    calls[name] = Math.max(calls[name] ?? 0, now() - start);
    return result;
  };
}

/** Looks at the clock at every turn of the event loop. Returns what ends it and gives the longest time between two turns. */
function watch() {
  let [last, longest, running] = [now(), 0, true];
  const look = () => {
    const time = now();
    longest = Math.max(longest, time - last);
    last = time;
    if (running) setImmediate(look);
  };
  setImmediate(look);
  return () => {
    running = false;
    return Math.max(longest, now() - last);
  };
}

const images = tensor(new Float32Array(2 * 64 * 64 * 3), [2, 64, 64, 3]);
const boxes = tensor([8, 8, 30, 40, 20, 4, 60, 50], [2, 1, 4]);
const labels = tensor(Int32Array.of(0, 2), [2, 1], 'i32');
const counts = tensor(Int32Array.of(1, 1), [2], 'i32');

/**
 * A training step of each model. How long compiling takes does not depend on the images' size.
 *
 * @type {Record<string, () => { fn: (...inputs: any[]) => any, inputs: any[] }>}
 */
const MODELS = {
  'ResNet-18'() {
    const model = new ResNet({ ...RESNETS.resnet18, numClasses: 10 });
    const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
    return {
      fn(x, target) {
        const loss = crossEntropy(model.forward(x), target);
        backward(loss);
        optimizer.step();
        return { loss };
      },
      inputs: [images, tensor(Int32Array.of(3, 4), [2], 'i32')],
    };
  },
};
for (const [name, Model] of Object.entries({ RetinaNet, FasterRCNN })) {
  MODELS[name] = () => {
    const model = new Model({ numClasses: 3 });
    const optimizer = new AdamW(model.parameters(), { lr: 1e-3, clipNorm: 10 });
    return {
      fn(x, targetBoxes, targetLabels, targetCounts) {
        const losses = Object.values(
          model.losses(x, { boxes: targetBoxes, labels: targetLabels, counts: targetCounts }),
        );
        const loss = losses.reduce((sum, next) => add(sum, next));
        backward(loss);
        optimizer.step();
        return { loss };
      },
      inputs: [images, boxes, labels, counts],
    };
  };
}

let failed = false;
for (const [name, make] of Object.entries(MODELS)) {
  const gpu = await openGpu();
  const { device } = gpu.device;
  for (const call of CALLS) time(device, call);
  time(device.queue, 'writeBuffer');
  calls = {};
  const { fn, inputs } = make();
  let recorded = 0;
  /** @param {any[]} given */
  const timed = (...given) => {
    const start = now();
    const result = fn(...given);
    recorded = now() - start;
    return result;
  };
  const step = gpu.capture(timed);
  const start = performance.now();
  const before = watch();
  /** @type {number | undefined} */
  let lowering;
  let compiling = before;
  const stats = await step.prepare(inputs, () => {
    if (lowering !== undefined) return;
    // The first pipeline is there: what follows is the compiler's.
    lowering = before();
    compiling = watch();
  });
  const seconds = (performance.now() - start) / 1000;
  const longest = compiling();
  const ms = (/** @type {number} */ value) => `${value.toFixed(0)} ms`;
  console.log(
    `${name}: ${stats.operations} operations, ${stats.pipelines} pipelines in ${seconds.toFixed(1)} s on ${gpu.device.adapter.name}`,
  );
  console.log(
    `  recording ${ms(recorded)}; longest block until the first pipeline ${ms(lowering ?? 0)} (recording is one), after it ${ms(longest)}`,
  );
  console.log(
    `  longest calls: ${Object.entries(calls)
      .map(([call, time]) => `${call} ${ms(time)}`)
      .join(', ')}`,
  );
  failed ||= Math.max(recorded, lowering ?? 0, longest) > most;
  gpu.dispose();
}
console.log(failed ? `FAILED: the event loop stood still for over ${most} ms` : 'ok');
process.exit(failed ? 1 : 0);
