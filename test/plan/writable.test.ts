import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { loadStrategies, strategiesOf } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { type Dispatch, shaderOf } from '../../src/kernels/kernel.ts';
import type { OpName } from '../../src/kernels/ops.ts';
import { candidates } from '../../src/kernels/strategy.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { asWritable } from '../../src/plan/shaders.ts';
import { fillInputs } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';
import { sharedGpu } from '../sharedGpu.ts';

await loadStrategies(Object.values(operations));

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

/** The dispatches of all strategies in all cases of an operation, on a device of either family. */
function dispatchesOf(name: OpName): Dispatch[] {
  const operation = operations[name];
  const own = gpu.device.caps;
  const tile: Caps = { ...own, family: 'tile', subgroupSize: 0 };
  return cases
    .filter(({ op }) => op === name)
    .flatMap((row) => {
      const specs = fillInputs(name, row);
      const attrs = attributesOf(operation.kernel, row.attrs);
      const outputs = operation.kernel.infer(specs, attrs);
      return [own, tile].flatMap((caps) =>
        [true, false].flatMap((training) =>
          candidates(strategiesOf(operation), { caps, specs, outputs, attrs, purpose: { training } }).flatMap(
            ({ plan }) => plan().dispatches,
          ),
        ),
      );
    });
}

/** The messages of the compiler for these shaders, with all that they read bound as writable. */
async function complaints(dispatches: readonly Dispatch[]): Promise<string[]> {
  const codes = new Set(
    dispatches.map((dispatch) => {
      const shader = shaderOf(dispatch);
      const read = shader.bindings.filter(({ kind }) => kind === 'read-only-storage');
      return asWritable(shader, new Set(read.map(({ index }) => index))).code;
    }),
  );
  const { device } = gpu.device;
  const found: string[] = [];
  for (const code of codes) {
    device.pushErrorScope('validation');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    await device.popErrorScope();
    found.push(...messages.filter(({ type }) => type === 'error').map(({ message }) => message));
  }
  return found;
}

describe('shaders whose inputs share a buffer with what they write, and are bound as writable', () => {
  // The compiler takes what is read from such a buffer to differ between invocations: no barrier may depend on it.
  it.each(Object.keys(operations) as OpName[])('of %s compile', async (name) => {
    expect(await complaints(dispatchesOf(name))).toEqual([]);
  });
});
