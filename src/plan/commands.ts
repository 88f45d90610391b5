import type { LoweredDispatch, LoweredOp } from './storage.ts';

export interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly op: LoweredOp;
  readonly dispatch: LoweredDispatch;
}

/** Commands in one pass, from each of these on to the last. */
export function encodePass(
  encoder: GPUCommandEncoder,
  commands: readonly Command[],
  from: readonly number[] = [0],
): void {
  const pass = encoder.beginComputePass();
  let last: GPUComputePipeline | undefined;
  for (const first of from) {
    for (let i = first; i < commands.length; i++) {
      const { pipeline, group, workgroups } = commands[i]!;
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    }
  }
  pass.end();
}
