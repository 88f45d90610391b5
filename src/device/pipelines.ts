import { DeviceLostError, GpuError } from '../errors.ts';
import { type Assembled, locate } from '../wgsl/assemble.ts';
import { lossOf } from './loss.ts';
import { perDevice } from './perDevice.ts';
import { COMPUTE_STAGE } from './usage.ts';

/** A compute pipeline with the layout that its bind groups are made for. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** By the text of the shader. */
const pipelinesOf = /* @__PURE__ */ perDevice(() => new Map<string, Pipeline>());
const pendingOf = /* @__PURE__ */ perDevice(() => new Map<string, Promise<Pipeline>>());

/**
 * Throws DeviceLostError where the device is known to be lost. WebGPU tells it by a promise, so that a device must
 * have been seen here before, and a loss is known from the next microtask on.
 */
export function checkNotLost(op: string, device: GPUDevice): void {
  const { info } = lossOf(device);
  if (!info) return;
  throw new DeviceLostError(
    `${op}: the GPU device is lost (${info.reason}: ${info.message}); plan it on a new one`,
  );
}

function describe(device: GPUDevice, { name, code, bindings }: Assembled) {
  const layout = device.createBindGroupLayout({
    entries: bindings.map(({ index, kind }) => ({
      binding: index,
      visibility: COMPUTE_STAGE,
      buffer: { type: kind },
    })),
  });
  const module = device.createShaderModule({ label: name, code });
  const descriptor: GPUComputePipelineDescriptor = {
    label: name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  };
  return { module, layout, descriptor };
}

/** The pipeline of a shader, made at once. Errors in it surface as uncaptured errors of the device. */
export function getPipeline(device: GPUDevice, shader: Assembled): Pipeline {
  const pipelines = pipelinesOf(device);
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
  const [pipelines, pending] = [pipelinesOf(device), pendingOf(device)];
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
