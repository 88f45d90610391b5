import { expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { loadStrategies, strategiesOf } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { shaderOf } from '../../src/kernels/kernel.ts';
import { candidates } from '../../src/kernels/strategy.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';

await loadStrategies(Object.values(operations));

/** The shaders that the table's convolutions and matrix products run with on such a device. */
function shadersOn(lanes: number): Set<string> {
  const limits = { f16: true, maxBindingSize: 2 ** 27, maxStorageBuffers: 8 };
  const caps: Caps = { ...limits, family: lanes > 0 ? 'subgroup' : 'tile', subgroupSize: lanes };
  const names = new Set<string>();
  for (const row of cases) {
    const operation = operations[row.op];
    const attrs = attributesOf(operation.kernel, row.attrs);
    const outputs = operation.kernel.infer(row.inputs, attrs);
    const problem = { caps, specs: row.inputs, outputs, attrs, purpose: { training: false } };
    for (const strategy of candidates(strategiesOf(operation), problem)) {
      for (const dispatch of strategy.plan().dispatches) names.add(shaderOf(dispatch).name);
    }
  }
  return new Set([...names].filter((name) => /^gemm_|^conv2d_|^transpose_weight/.test(name)));
}

it.each([
  [0, ['gemm_gpu', 'gemm_tile']],
  [
    4,
    [
      'conv2d_backward_weight_subgroup4',
      'conv2d_backward_weight_subgroup4_narrow',
      'gemm_slide',
      'gemm_subgroup4',
      'gemm_subgroup4_flat',
      'gemm_subgroup4_narrow',
    ],
  ],
  [
    8,
    [
      'conv2d_backward_weight_subgroup8',
      'gemm_slide',
      'gemm_subgroup8',
      'gemm_subgroup8_flat',
      'gemm_subgroup8_narrow',
    ],
  ],
] as const)('the table of cases runs every matrix kernel there is for %i lanes', (lanes, kernels) => {
  const wanted = [...kernels, 'transpose_weight'].map((name) => `${name}.wgsl`);
  expect([...shadersOn(lanes)].sort()).toEqual(wanted.sort());
});
