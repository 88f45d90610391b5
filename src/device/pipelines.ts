import { DeviceLostError, GpuError, ShapeError } from '../errors.ts';
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
 * Throws ShapeError for what is no GPUDevice, and DeviceLostError where the device is known to be lost. WebGPU tells that by a
 * promise, so that a device must have been seen here before, and a loss is known from the next microtask on.
 */
export function checkDevice(op: string, device: GPUDevice): void {
  if (!device?.queue) throw new ShapeError(`${op}: pass a GPUDevice (gpu.device.device)`);
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
  const descriptor: GPUComputePipelineDescriptor = {
    label: name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ label: name, code }), entryPoint: 'main' },
  };
  return { layout, descriptor };
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
 * The same, compiled beside other work. Throws GpuError with the operation `op`, and for every error of the compiler's the
 * file, the line, its text, and what the compiler says.
 */
export function getPipelineAsync(device: GPUDevice, shader: Assembled, op: string): Promise<Pipeline> {
  const [pipelines, pending] = [pipelinesOf(device), pendingOf(device)];
  const made = pipelines.get(shader.code);
  if (made) return Promise.resolve(made);
  let promise = pending.get(shader.code);
  if (!promise) {
    promise = compile(device, shader, op).then(
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

async function compile(device: GPUDevice, shader: Assembled, op: string): Promise<Pipeline> {
  device.pushErrorScope('validation');
  const { layout, descriptor } = describe(device, shader);
  try {
    const { module } = descriptor.compute;
    const [{ messages }] = await Promise.all([module.getCompilationInfo(), device.popErrorScope()]);
    const errors = messages.filter(({ type }) => type === 'error');
    if (errors.length > 0) {
      const lines = errors.map(({ lineNum, message }) => {
        const { place, text } = locate(shader, lineNum);
        return `${place}: ${message}, in "${text}"`;
      });
      throw new GpuError(`${op}: its shader does not compile: ${lines.join('; ')}`);
    }
    return { pipeline: await device.createComputePipelineAsync(descriptor), layout };
  } catch (error) {
    if (error instanceof GpuError) throw error;
    throw new GpuError(`${op}: ${shader.name} gives no pipeline: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
