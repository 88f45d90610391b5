import { GpuError } from '../errors.ts';
import { type Assembled, locate } from '../wgsl/assemble.ts';
import { COMPUTE_STAGE } from './usage.ts';

/** A compute pipeline with the layout that its bind groups are made for. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

interface DeviceCache {
  readonly layouts: Map<string, GPUBindGroupLayout>;
  readonly pipelines: Map<string, Pipeline>;
  readonly pending: Map<string, Promise<Pipeline>>;
}

// Keyed by device, so that a borrowed device's pipelines go when it goes.
const caches = new WeakMap<GPUDevice, DeviceCache>();

function cacheOf(device: GPUDevice): DeviceCache {
  let cache = caches.get(device);
  if (!cache) {
    cache = { layouts: new Map(), pipelines: new Map(), pending: new Map() };
    caches.set(device, cache);
  }
  return cache;
}

function describe(device: GPUDevice, shader: Assembled) {
  const { layouts } = cacheOf(device);
  const key = shader.bindings.map((binding) => `${binding.index}${binding.kind}`).join();
  let layout = layouts.get(key);
  if (!layout) {
    layout = device.createBindGroupLayout({
      label: `fovea ${key}`,
      entries: shader.bindings.map((binding) => ({
        binding: binding.index,
        visibility: COMPUTE_STAGE,
        buffer: { type: binding.kind },
      })),
    });
    layouts.set(key, layout);
  }
  const label = shader.parts.at(-1)!.name;
  const module = device.createShaderModule({ label, code: shader.code });
  const descriptor: GPUComputePipelineDescriptor = {
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  };
  return { module, layout, descriptor };
}

/** The pipeline of a shader, made at once. Errors in it surface as uncaptured errors of the device. */
export function getPipeline(device: GPUDevice, shader: Assembled): Pipeline {
  const { pipelines } = cacheOf(device);
  let made = pipelines.get(shader.code);
  if (!made) {
    const { layout, descriptor } = describe(device, shader);
    made = { pipeline: device.createComputePipeline(descriptor), layout };
    pipelines.set(shader.code, made);
  }
  return made;
}

/**
 * The same, compiled beside other work. Throws GpuError with the file and line of every message that the
 * compiler gave.
 */
export function getPipelineAsync(device: GPUDevice, shader: Assembled): Promise<Pipeline> {
  const { pipelines, pending } = cacheOf(device);
  const made = pipelines.get(shader.code);
  if (made) return Promise.resolve(made);
  let promise = pending.get(shader.code);
  if (!promise) {
    promise = compile(device, shader).then(
      (pipeline) => {
        pipelines.set(shader.code, pipeline);
        pending.delete(shader.code);
        return pipeline;
      },
      (error) => {
        pending.delete(shader.code);
        throw error;
      },
    );
    pending.set(shader.code, promise);
  }
  return promise;
}

async function compile(device: GPUDevice, shader: Assembled): Promise<Pipeline> {
  device.pushErrorScope('validation');
  const { module, layout, descriptor } = describe(device, shader);
  const scope = device.popErrorScope();
  const information = await module.getCompilationInfo();
  await scope;
  const errors = information.messages.filter((message) => message.type === 'error');
  if (errors.length > 0) {
    const lines = errors.map((message) => `${locate(shader, message.lineNum)}: ${message.message}`);
    throw new GpuError(`shader does not compile: ${lines.join('; ')}`);
  }
  try {
    return { pipeline: await device.createComputePipelineAsync(descriptor), layout };
  } catch (error) {
    throw new GpuError(`${descriptor.label}: no pipeline: ${(error as Error).message}`, { cause: error });
  }
}
