import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import {
  capturing,
  DeviceLedger,
  devices,
  dropping,
  eager,
  models,
  training,
  uncaptured,
  type Workload,
} from './workloads.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let gpu: Gpu;
let ledger: DeviceLedger;
beforeAll(async () => {
  gpu = await openGpu({ validate: false });
  ledger = new DeviceLedger(gpu.device.device);
});
afterAll(() => gpu?.dispose());

/** What is in use after everything that can be freed was freed, also by finalizers. */
async function measure() {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external } = process.memoryUsage();
  const { buffers, bytes, pipelines } = ledger;
  return { device: { buffers, bytes, pipelines }, host: heapUsed + external };
}

/** Growth from a third of the way on. The heap moves by a few hundred kilobytes as code is compiled: npm run leak takes longer and looks closer. */
async function expectFlat(workload: Workload, times: number): Promise<void> {
  const warm = Math.ceil(times / 3);
  for (let i = 0; i < warm; i++) await workload(i);
  const before = await measure();
  for (let i = warm; i < times; i++) await workload(i);
  const after = await measure();
  expect(after.device).toEqual(before.device);
  expect(after.host - before.host).toBeLessThan(2 ** 20);
}

describe('memory of the device and of JavaScript stays what it was', () => {
  it.each([
    [10, 1000],
    [1, 300],
    [0, 300],
  ])('over a captured training step whose loss is read every %i steps, %i times', async (every, times) => {
    await expectFlat(training(gpu, every), times);
  });

  it('over graphs that run once', () => expectFlat(uncaptured(gpu), 150));

  it('over captures, good and failing', () => expectFlat(capturing(gpu), 150));

  it('over captures that are dropped', () => expectFlat(dropping(gpu), 150));

  it('over values that are computed from themselves and read', () => expectFlat(eager(gpu), 300));

  it('over models that are made and dropped', () => expectFlat(models(gpu), 30));

  it('over devices', () => expectFlat(devices, 9));
});
