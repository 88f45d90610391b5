import { expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { alternativeKernels } from '../../src/kernels/alternatives.ts';
import { shaderOf } from '../../src/kernels/kernel.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';
import { subjectOf } from '../../src/verify/subject.ts';

/** The shaders that the table's convolutions and matrix products run with on such a device. */
function shadersOn(lanes: number): Set<string> {
  const limits = { f16: true, maxBindingSize: 2 ** 27, maxStorageBuffers: 8 };
  const caps: Caps = { ...limits, family: lanes > 0 ? 'subgroup' : 'tile', subgroupSize: lanes };
  const names = new Set<string>();
  for (const row of cases) {
    const { kernel } = subjectOf(operations[row.op]);
    const attrs = attributesOf(kernel, row.attrs);
    const others = alternativeKernels(kernel, caps, row.inputs, attrs, { training: false }).values();
    for (const { dispatches } of [kernel, ...others]) {
      const plan = dispatches(caps, row.inputs, kernel.infer(row.inputs, attrs), attrs);
      for (const dispatch of plan.dispatches) names.add(shaderOf(dispatch).name);
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
