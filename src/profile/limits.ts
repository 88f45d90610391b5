import { expectArguments, GPU } from '../arguments.ts';
import type { Device } from '../device/device.ts';
import { BufferUsage } from '../device/usage.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { AdapterClass } from './adapterClasses.ts';
import { type Encode, PassTimer } from './timer.ts';

/** What an adapter can do at most. */
export interface Limits {
  /** f32 multiplications and additions, in 1e9 a second. */
  readonly gflops: number;
  /** Bytes read and written by a copy, in 1e9 a second. */
  readonly gbps: number;
}

/** Of several runs the shortest counts; of short ones there are more, as each is likely to be disturbed. */
const REPEATS = 5;
const MANY = 25;
const LANES = 64;

const COPY = `
@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4f>;

// An invocation copies ITEMS vec4, neighbours side by side: 32 bytes move for each.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let first = group.x * LANES * ITEMS + local.x;
  for (var i = 0u; i < ITEMS; i++) {
    dst[first + i * LANES] = src[first + i * LANES];
  }
}`;

/** Some drivers compute `fma` exactly and slowly, others do not join a product and a sum: the faster is the limit. */
const STEPS_OF_A_CHAIN = [(a: string) => `${a} = fma(${a}, x, y);`, (a: string) => `${a} = ${a} * x + y;`];

/**
 * Chains of multiply-adds that do not wait for each other, from registers alone; it moves 4 bytes an invocation. They are written out: an
 * array would live in memory.
 */
function fmaShader(chains: number, step: (name: string) => string): string {
  const each = (term: (name: string, i: number) => string, separator: string) =>
    Array.from({ length: chains }, (_, i) => term(`a${i}`, i)).join(separator);
  return `
@group(0) @binding(0) var<storage, read_write> dst: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  // Nothing that the compiler knows beforehand; near 1, so that the chains stay finite.
  let x = vec4f(dst[id.x] + 0.999);
  let y = vec4f(dst[id.x] + 0.001);
  ${each((name, i) => `var ${name} = x * ${i}.0;`, ' ')}
  for (var step = 0u; step < STEPS; step++) {
    ${each(step, ' ')}
  }
  let total = ${each((name) => name, ' + ')};
  // Never so: only what keeps the sums alive.
  if (total.x + total.y + total.z + total.w == 12345.0) {
    dst[id.x] = total.x;
  }
}`;
}

interface Run {
  readonly code: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly buffers: readonly number[];
  readonly groups: number;
  /** Dispatches, one after the other. */
  readonly times?: number;
}

/** The shortest time of a pass, in seconds: by timestamps where the device has them. */
async function fastest(device: Device, run: Run, share: number): Promise<number> {
  const { code, constants, buffers, groups, times = 1 } = run;
  const header = Object.entries(constants).map(([name, value]) => `const ${name} = ${value}u;`);
  const module = device.device.createShaderModule({ code: [...header, code].join('\n') });
  const pipeline = await device.device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const made = buffers.map((size) => device.createBuffer('limits', size, BufferUsage.STORAGE));
  const group = device.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: made.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const encode: Encode = (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(groups);
  };
  const timer = PassTimer.supports(device) ? new PassTimer(device) : undefined;
  try {
    let best = Number.POSITIVE_INFINITY;
    const repeats = share < 1 ? MANY : REPEATS;
    for (let i = 0; i <= repeats; i++) {
      const seconds = timer ? (await timer.time([encode]))[0]! : await wallTime(device, encode);
      // The first run clears the buffers, too. A timestamp may be too coarse to tell two apart.
      if (i > 0 && seconds > 0) best = Math.min(best, seconds);
    }
    return best;
  } finally {
    timer?.dispose();
    for (const buffer of made) buffer.destroy();
  }
}

async function wallTime(device: Device, encode: Encode): Promise<number> {
  const encoder = device.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass);
  pass.end();
  const begin = performance.now();
  device.submit(encoder);
  await device.device.queue.onSubmittedWorkDone();
  return (performance.now() - begin) / 1000;
}

/** Multiply-adds a second. More chains hide latencies, fewer stay in registers. */
async function measureFma(device: Device, share: number): Promise<number> {
  const { software } = device.adapter;
  const groups = software ? 512 : 16384;
  const STEPS = Math.ceil((software ? 256 : 1024) * share);
  let best = 0;
  for (const chains of [4, 8, 12]) {
    for (const step of STEPS_OF_A_CHAIN) {
      const code = fmaShader(chains, step);
      const run = { code, constants: { LANES, STEPS }, buffers: [4 * LANES * groups], groups };
      best = Math.max(best, (2 * 4 * chains * STEPS * LANES * groups) / (await fastest(device, run, share)));
    }
  }
  return best;
}

/** Bytes a second, read and written. Far larger than any cache. */
async function measureCopy(device: Device, share: number): Promise<number> {
  const { maxStorageBufferBindingSize, maxBufferSize } = device.device.limits;
  const bytes = Math.ceil((device.adapter.software ? 1 << 27 : 1 << 29) * share);
  const size = Math.min(bytes, maxStorageBufferBindingSize, maxBufferSize);
  let best = 0;
  for (const ITEMS of [1, 4, 16]) {
    const groups = Math.floor(Math.min(size / 16 / (LANES * ITEMS), 65535));
    const moved = 2 * 16 * groups * LANES * ITEMS;
    const run = { code: COPY, constants: { LANES, ITEMS }, buffers: [size, size], groups };
    best = Math.max(best, moved / (await fastest(device, run, share)));
  }
  return best;
}

/** Dispatches whose time is that of one, many times. */
const LAUNCHES = 256;

/** Seconds from one dispatch to the next that waits for it. */
async function measureLaunch(device: Device): Promise<number> {
  const run = { code: COPY, constants: { LANES, ITEMS: 1 }, buffers: [16 * LANES, 16 * LANES], groups: 1 };
  const many = await fastest(device, { ...run, times: LAUNCHES }, 0);
  return many / LAUNCHES;
}

/**
 * Measures what an adapter can do at most, in a second or some.
 *
 * @param share Of the usual work, above 0 and up to 1 (default). With less, other costs than the work come to the fore.
 */
export const measureLimits = async (device: Device, share = 1): Promise<Limits> => ({
  gflops: (await measureFma(device, share)) / 1e9,
  gbps: (await measureCopy(device, share)) / 1e9,
});

/** Threads of a CPU that software adapters divide workgroups among. Of a GPU WebGPU tells nothing. */
const unitsOf = ({ adapter }: Device): number =>
  adapter.software ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1;

/** An adapter as a class of its own, named `this`, by a short measurement of its limits. */
export async function measureAdapter(gpu: Gpu): Promise<AdapterClass> {
  expectArguments('measureAdapter', { gpu }, { gpu: GPU });
  const { device } = gpu;
  return {
    name: 'this',
    title: device.adapter.name,
    gflops: (await measureFma(device, 1 / 8)) / 1e9,
    gbps: (await measureCopy(device, 1 / 2)) / 1e9,
    units: unitsOf(device),
    launchMicroseconds: (await measureLaunch(device)) * 1e6,
    // The bandwidth is that of a copy.
    efficiency: { compute: 0.6, memory: 1 },
    source: 'measured here: chains of multiply-adds, a copy, and dispatches that do next to nothing',
    caps: device.caps,
  };
}
