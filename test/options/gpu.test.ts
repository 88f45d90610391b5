import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError, UsageError } from '../../src/errors.ts';
import { relu } from '../../src/kernels/elementwise/activations.ts';
import { borrowGpu, type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { normal, verifyOperation } from '../../src/verify/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

describe('an option that does not exist is refused', () => {
  it('by openGpu and borrowGpu', async () => {
    const wrong = { adaptor: 'lavapipe' } as never;
    await expect(openGpu(wrong)).rejects.toThrow(UsageError);
    await expect(openGpu(wrong)).rejects.toThrow(
      /^openGpu: takes \[.*\], got \[adaptor\]; did you mean adapter\?$/,
    );
    expect(() => borrowGpu(gpu.device.device, { autotun: true } as never)).toThrow('did you mean autotune?');
  });

  it('by capture', () => {
    const wrong = () => gpu.capture(() => ({}), { maxProgram: 1 } as never);
    expect(wrong).toThrow(UsageError);
    expect(wrong).toThrow('capture: takes [maxPrograms], got [maxProgram]; did you mean maxPrograms?');
  });

  it('by tune', async () => {
    await expect(gpu.tune(() => ({}), [], { againn: true } as never)).rejects.toThrow(
      'tune: takes [again,progress], got [againn]; did you mean again?',
    );
    await expect(gpu.tune(() => ({}), [], 3 as never)).rejects.toThrow(UsageError);
  });

  it('by capture and tune, of what is no function', async () => {
    expect(() => gpu.capture(3 as never)).toThrow('capture: takes a function, got 3');
    await expect(gpu.tune(3 as never)).rejects.toThrow('tune: takes a function, got 3');
  });

  it('by plan', () => {
    const plan = () => relu.plan(gpu.device.device, { x: [4] }, { slope: 1 } as never);
    expect(plan).toThrow('relu: takes [], got [slope]');
  });

  it('by verification, in its options and its cases', async () => {
    const wrong = verifyOperation(gpu, 'relu', { repeats: 2 } as never);
    await expect(wrong).rejects.toThrow('did you mean repeat?');
    const verify = (row: object) => verifyOperation(gpu, 'relu', { cases: [row as never] });
    const row = { name: 'a', inputs: { x: normal([3]) } };
    await expect(verify({ ...row, grads: ['x'] })).rejects.toThrow(/case "a": .* did you mean grad\?/);
    await expect(verify({ ...row, attrs: { slope: 1 } })).rejects.toThrow(
      'verify: relu: case "a": relu: takes [], got [slope]',
    );
    await expect(verify({ name: 'a' })).rejects.toThrow(FoveaError);
  });
});
