import type { Probe } from './probe.ts';
import copyShader from './wgsl/copy.wgsl';
import fmaShader from './wgsl/fma.wgsl';

/** What the adapter can do at most, measured before anything else. */
export interface Limits {
  /** f32 multiplications and additions, in 1e9 a second. */
  readonly gflops: number;
  /** Bytes read and written by a copy, in 1e9 a second. */
  readonly gbps: number;
}

const STORAGE = 0x80;
/** Copies, and the kernel's best of several shapes. */
const REPEATS = 5;

interface Run {
  readonly code: string;
  readonly buffers: readonly number[];
  readonly groups: number;
}

/** The shortest time of a kernel, in seconds: by timestamps where the device has them. */
async function fastest(probe: Probe, { code, buffers, groups }: Run): Promise<number> {
  const { device } = probe;
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const made = buffers.map((size) => device.createBuffer({ size, usage: STORAGE }));
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: made.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= REPEATS; i++) {
    probe.start();
    const begin = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    const wall = performance.now() - begin;
    const gpu = await probe.stop();
    // The first run clears the buffers, too.
    if (i > 0) best = Math.min(best, (gpu ?? wall) / 1000);
  }
  for (const buffer of made) buffer.destroy();
  return best;
}

const withConstants = (text: string, constants: Readonly<Record<string, number>>): string =>
  `${Object.entries(constants)
    .map(([name, value]) => `const ${name} = ${value}u;\n`)
    .join('')}${text}`;

/** Some drivers compute `fma` exactly and slowly, others do not join a product and a sum: the faster is the limit. */
const STEPS_OF_A_CHAIN = [(a: string) => `${a} = fma(${a}, x, y);`, (a: string) => `${a} = ${a} * x + y;`];

/** Multiply-adds a second. More chains hide latencies, fewer stay in registers. */
async function measureFma(probe: Probe, software: boolean, share: number): Promise<number> {
  const LANES = 64;
  const groups = software ? 512 : 16384;
  const STEPS = Math.ceil((software ? 256 : 1024) * share);
  let best = 0;
  for (const chains of [4, 8, 12]) {
    const each = (term: (name: string, i: number) => string, separator: string) =>
      Array.from({ length: chains }, (_, i) => term(`a${i}`, i)).join(separator);
    for (const step of STEPS_OF_A_CHAIN) {
      const code = withConstants(fmaShader, { LANES, STEPS })
        .replace(
          /START$/m,
          each((name, i) => `var ${name} = x * ${i}.0;`, ' '),
        )
        .replace(/ROUND$/m, each(step, ' '))
        .replace('TOTAL;', `${each((name) => name, ' + ')};`);
      const seconds = await fastest(probe, { code, buffers: [4 * LANES * groups], groups });
      best = Math.max(best, (2 * 4 * chains * STEPS * LANES * groups) / seconds);
    }
  }
  return best;
}

/** Bytes a second, read and written. Far larger than any cache. */
async function measureCopy(probe: Probe, software: boolean, share: number): Promise<number> {
  const LANES = 64;
  const bytes = Math.ceil((software ? 1 << 27 : 1 << 29) * share);
  const size = Math.min(
    bytes,
    probe.device.limits.maxStorageBufferBindingSize,
    probe.device.limits.maxBufferSize,
  );
  let best = 0;
  for (const ITEMS of [1, 4, 16]) {
    const groups = Math.floor(Math.min(size / 16 / (LANES * ITEMS), 65535));
    const moved = 2 * 16 * groups * LANES * ITEMS;
    const code = withConstants(copyShader, { LANES, ITEMS });
    best = Math.max(best, moved / (await fastest(probe, { code, buffers: [size, size], groups })));
  }
  return best;
}

/**
 * Measures what the adapter can do at most.
 *
 * @param software Whether the adapter computes on the CPU, where less work is enough.
 * @param share Of the usual work, above 0 and up to 1 (default). With less, other costs than the work come to the fore.
 */
export const measureLimits = async (probe: Probe, software: boolean, share = 1): Promise<Limits> => ({
  gflops: (await measureFma(probe, software, share)) / 1e9,
  gbps: (await measureCopy(probe, software, share)) / 1e9,
});
