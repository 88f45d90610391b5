import { afterEach, expect, it, vi } from 'vitest';
import { matmul } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/index.ts';
import { openGpu } from '../../src/plan/gpu.ts';

/** The options of every instance of Dawn that was made. */
const made = vi.hoisted((): string[][] => []);
vi.mock('webgpu', async (original) => {
  const { create, ...rest } = await original<{ create(options: string[]): GPU }>();
  return {
    ...rest,
    create(options: string[]) {
      made.push(options);
      return create(options);
    },
  };
});
afterEach(() => vi.unstubAllEnvs());

it('leaves out checks of bounds only where that is asked for', async () => {
  const products = async (options: { boundsChecks?: boolean }): Promise<number[]> => {
    const gpu = await openGpu(options);
    const step = gpu.capture((a, b) => ({ y: matmul(a!, b!) }));
    const values = tensor([1, 2, 3, 4], [2, 2]);
    const { y } = await step(values, values);
    const found = [...(await y.data())];
    gpu.dispose();
    return found;
  };
  for (const options of [{}, { boundsChecks: false }, { boundsChecks: true }]) {
    expect(await products(options)).toEqual([7, 10, 15, 22]);
  }
  vi.stubEnv('FOVEA_BOUNDS_CHECKS', '0');
  expect(await products({})).toEqual([7, 10, 15, 22]);
  // One instance for all devices with checks, and one for all without.
  expect(made.map((toggles) => toggles.join().includes('disable_robustness'))).toEqual([false, true]);
});

it('refuses what is neither', async () => {
  await expect(openGpu({ boundsChecks: 'no' as never })).rejects.toThrow(
    'openGpu: boundsChecks is "no"; give true or false',
  );
});
