import { capsOf } from '../device/caps.ts';
import { checkDevice, getPipelineAsync } from '../device/pipelines.ts';
import { UsageError } from '../errors.ts';
import type { TensorSpec } from '../shape.ts';
import type { Kernel, Shaped } from './description.ts';
import { checkScratch, checkTensor, shaderOf, workgroupsOf } from './dispatch.ts';
import { specsOf } from './encodable.ts';

/**
 * Compiles the pipelines that `planKernel` takes for the same arguments, beside other work. Throws as that does, and
 * GpuError where a shader does not compile.
 */
export async function compileKernel(
  device: GPUDevice,
  kernel: Kernel,
  shapes: Readonly<Record<string, Shaped | undefined>>,
  given: object,
): Promise<void> {
  const { name: op } = kernel;
  checkDevice(op, device);
  const caps = capsOf(device);
  const specs = specsOf(kernel, shapes);
  const attrs = kernel.attributes(given as never) as never;
  const outputs: Readonly<Record<string, TensorSpec>> = kernel.infer(specs, attrs);
  for (const [name, spec] of Object.entries({ ...specs, ...outputs })) checkTensor(op, name, spec, caps);
  const plan = kernel.dispatches(caps, specs, outputs, attrs);
  checkScratch(op, plan, caps);
  const active = plan.dispatches.filter((dispatch) => workgroupsOf(dispatch).every((count) => count > 0));
  try {
    await Promise.all(active.map((dispatch) => getPipelineAsync(device, shaderOf(dispatch), op)));
  } catch (error) {
    // On a device that is gone, compilers fail in ways of their own. The loss is known a task later at the latest.
    await new Promise((resolve) => setTimeout(resolve));
    checkDevice(op, device);
    throw error;
  }
}

/** A kernel of any types. */
export interface Plannable {
  /** As of `PlannableKernel`. */
  plan(device: GPUDevice, specs: never, attrs: never): unknown;
}

/**
 * Plans a kernel like `kernel.plan`, but compiles its shaders beside other work, so that a page or a server goes on meanwhile;
 * and finds out whether they compile.
 *
 * @param kernel A kernel of fovea/kernels, or your own.
 * @param planned What `kernel.plan` takes: your device, the shapes of the inputs by name (a shape alone means f32), and the
 * kernel's attributes.
 * @returns What `kernel.plan` returns.
 * @throws UsageError where `kernel` is none; ShapeError, DeviceLimitError or DeviceLostError as `kernel.plan`; GpuError where a shader does not compile, with
 *   the kernel, the file, the line, its text and what the compiler says.
 */
export async function planAsync<K extends Plannable>(
  kernel: K,
  ...planned: Parameters<K['plan']>
): Promise<ReturnType<K['plan']>> {
  if (typeof kernel?.plan !== 'function') {
    throw new UsageError(
      `planAsync: ${String(kernel)} is no kernel; pass one of fovea/kernels, such as conv2d`,
    );
  }
  const [device, specs, attrs] = planned;
  const given = [device, specs, attrs ?? {}] as const;
  await compileKernel(given[0], kernel as unknown as Kernel, given[1], given[2]);
  return kernel.plan(...given) as ReturnType<K['plan']>;
}
