// npm run eager [-- TURNS]: `x = f(x); await x.data()` in a loop (5,000 turns by default) on the adapter at hand. Prints the time
// of a turn and the device's buffers over the first and the last tenth, after a tenth of warm-up, and JavaScript's heap; exits 1
// where a turn costs more at the end than at the beginning: any buffer or byte, or half as much time again.
import { workloads } from './workloads.mjs';

const { DeviceLedger, eager, openGpu } = workloads;
const turns = Number(process.argv[2] ?? 5000);
if (!Number.isInteger(turns) || turns < 100) {
  console.error(`eager: ${process.argv[2]} turns; give a whole number of 100 or more`);
  process.exit(2);
}
const gpu = await openGpu();
const ledger = new DeviceLedger(gpu.device.device);
console.log(`eager: ${turns} turns, ${gpu.device.adapter.name}, Node ${process.version}`);
const turn = eager(gpu);
const tenth = Math.floor(turns / 10);
// Code is compiled, caches fill.
for (let i = 0; i < tenth; i++) await turn(i);
/** @param {number} count */
async function measure(count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) await turn(i);
  const ms = (performance.now() - start) / count;
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed / 2 ** 20;
  return { ms, heap, buffers: ledger.buffers, bytes: ledger.bytes };
}
const first = await measure(tenth);
if (turns > 3 * tenth) await measure(turns - 3 * tenth);
const last = await measure(tenth);
for (const [name, { ms, heap, buffers, bytes }] of Object.entries({ first, last })) {
  console.log(
    `${name.padEnd(5)} ${tenth} turns: ${ms.toFixed(2)} ms each, ${buffers} buffers of ${bytes} bytes, heap ${heap.toFixed(1)} MiB`,
  );
}
gpu.dispose();
const grown = last.buffers > first.buffers || last.bytes > first.bytes || last.ms > 1.5 * first.ms;
console.log(grown ? 'FAILED: a turn costs more at the end' : 'ok');
process.exit(grown ? 1 : 0);
