import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gpu } from '../../src/plan/gpu.ts';
import { verifyCase } from '../../src/verify/verify.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { arbitraries, forwardOps } from './arbitraries/index.ts';

/** Cases of all operations together; `npm run fuzz` asks for more. */
const runs = Number(process.env.FUZZ_RUNS ?? 2000);
/** The same cases every time, so that the tests of a commit pass or fail alike everywhere; fuzzing takes new ones. */
const seed = Number(process.env.FUZZ_SEED ?? 1);
const only = process.env.FUZZ_OP;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ limits: 'guaranteed' });
});
afterAll(() => gpu.dispose());

const ops = Object.keys(arbitraries).filter((op) => !only || op === only) as (keyof typeof arbitraries)[];

describe(`random shapes and attributes, ${runs} in all, seed ${seed}`, () => {
  it('every operation has some', () => {
    expect(Object.keys(arbitraries).sort()).toEqual([...forwardOps].sort());
  });

  it.each(ops)('%s agrees with its reference, forward and backward', async (op) => {
    // Every third in halves, where the adapter has them.
    const dtypes = gpu.device.caps.f16 ? (['f32', 'f32', 'f16'] as const) : (['f32'] as const);
    const check = fc.asyncProperty(arbitraries[op], fc.constantFrom(...dtypes), async (row, dtype) => {
      for (const { ok, direction, message } of await verifyCase(gpu, row, { dtype })) {
        if (!ok) throw new Error(`${direction}: ${message}`);
      }
    });
    await fc.assert(check, { numRuns: Math.ceil(runs / ops.length), seed });
  });
});
