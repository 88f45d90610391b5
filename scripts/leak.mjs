// npm run leak [-- STEPS]: repeats what users repeat (10,000 training steps by default) on the adapter at hand, and
// measures JavaScript's heap, the process's memory and the device's buffers. Prints a table; exits 1 where something
// grows. The first tenth is warm-up: code is compiled, caches fill. With MALLOC_ARENA_MAX=1 the process's memory shows
// less of glibc's arenas, one for each thread of a software adapter, and so more of what leaks.
import { workloads } from './workloads.mjs';

const { DeviceLedger, capturing, devices, dropping, eager, models, openGpu, training, uncaptured } =
  workloads;

if (!globalThis.gc) {
  console.error('leak: needs the garbage collector; run node --expose-gc scripts/leak.mjs');
  process.exit(2);
}
const steps = Number(process.argv[2] ?? 10_000);
if (!Number.isInteger(steps) || steps < 100) {
  console.error(`leak: ${process.argv[2]} steps; give a whole number of 100 or more`);
  process.exit(2);
}
const gpu = await openGpu();
const ledger = new DeviceLedger(gpu.device.device);
const MIB = 2 ** 20;

/** Frees what can be freed, also what finalizers free, then counts. */
async function measure() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heap: (heapUsed + external) / MIB,
    rss: rss / MIB,
    buffers: ledger.buffers,
    bytes: ledger.bytes,
    pipelines: ledger.pipelines,
  };
}

/**
 * Growth that counts as a leak, once code is compiled and caches are filled: any buffer, byte or pipeline of the
 * device from the first tenth to the last; and, means of three measurements each, `heap` MiB of JavaScript (0.25 over
 * 6,600 steps are 40 bytes per step) or `rss` MiB of the process (allocators keep pages).
 *
 * @param {string} title @param {number} count
 * @param {import('../test/faults/workloads.ts').Workload} workload
 * @param {{ heap: number, rss: number }} limits
 */
async function repeat(title, count, workload, { heap, rss }) {
  /** @type {({ i: number } & Awaited<ReturnType<typeof measure>>)[]} */
  const samples = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    await workload(i);
    if ((i + 1) % (count / 10) === 0) samples.push({ i: i + 1, ...(await measure()) });
  }
  const ms = (performance.now() - start) / count;
  console.log(`\n${title}: ${count} times, ${ms.toFixed(2)} ms each`);
  console.log('     done   heap MiB    rss MiB   buffers   device bytes   pipelines');
  for (const s of samples) {
    /** @type {[value: number | string, width: number][]} */
    const cells = [
      [s.i, 9],
      [s.heap.toFixed(2), 11],
      [s.rss.toFixed(1), 11],
      [s.buffers, 10],
      [s.bytes, 15],
      [s.pipelines, 12],
    ];
    console.log(cells.map(([value, width]) => String(value).padStart(width)).join(''));
  }
  /** @param {'heap' | 'rss'} name @param {number} from */
  const mean = (name, from) => (samples[from][name] + samples[from + 1][name] + samples[from + 2][name]) / 3;
  /** @type {Record<string, [before: number, after: number, limit: number]>} */
  const growth = {
    heap: [mean('heap', 1), mean('heap', 7), heap],
    rss: [mean('rss', 1), mean('rss', 7), rss],
    buffers: [samples[0].buffers, samples[9].buffers, 0],
    bytes: [samples[0].bytes, samples[9].bytes, 0],
    pipelines: [samples[0].pipelines, samples[9].pipelines, 0],
  };
  const grown = Object.entries(growth).filter(([, [before, after, limit]]) => after - before > limit);
  for (const [name, [before, after, limit]] of grown) {
    console.log(`FAILED: ${name} grew from ${before} to ${after}, more than ${limit}`);
  }
  if (grown.length === 0) console.log('ok');
  return grown.length === 0;
}

const tenth = Math.ceil(steps / 100) * 10;
console.log(`leak: ${gpu.device.adapter.name}, Node ${process.version}`);
const short = { heap: 0.5, rss: 32 };
const results = [
  await repeat('training, loss read every 10 steps', tenth * 10, training(gpu, 10), { heap: 0.25, rss: 32 }),
  await repeat('training, loss read every step', tenth * 2, training(gpu, 1), short),
  await repeat('training, loss never read', tenth * 2, training(gpu, 0), short),
  await repeat('gpu.run and gpu.read', tenth, uncaptured(gpu), short),
  await repeat('capture and dispose', tenth, capturing(gpu), short),
  await repeat('captures run and dropped', 1000, dropping(gpu), short),
  await repeat('eager turns, each read', 1000, eager(gpu), short),
  await repeat('models made and dropped', 100, models(gpu), short),
];
gpu.dispose();
results.push(await repeat('devices opened and disposed of', 100, devices, { heap: 0.5, rss: 64 }));
const failed = results.filter((ok) => !ok).length;
console.log(`\n${results.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
