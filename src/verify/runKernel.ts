import type { Device } from '../device/device.ts';
import { BufferUsage, MAP_READ_MODE } from '../device/usage.ts';
import { EncodableKernel } from '../kernels/kernel.ts';
import { kernelOf } from '../kernels/ops.ts';
import { references } from '../reference/ops.ts';
import type { RefArray, RefTensor } from '../reference/reference.ts';
import { byteLength, type TensorSpec } from '../shape.ts';
import { type Case, type CaseArray, fillInputs } from './cases/case.ts';

export type Arrays = Record<string, CaseArray>;

const specsOf = (row: Case): Record<string, TensorSpec> =>
  Object.fromEntries(Object.entries(row.inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));

/** Runs a case's own kernel on the GPU, in a pass of its own, and reads its outputs back. */
export async function runKernel(gpu: Device, row: Case): Promise<Arrays> {
  const { device } = gpu;
  const kernel = new EncodableKernel(device, kernelOf(row.op), specsOf(row), (row.attrs ?? {}) as never);
  const buffers: Record<string, GPUBuffer> = {};
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST | BufferUsage.COPY_SRC;
  const inputs = fillInputs(row);
  for (const [name, data] of Object.entries(inputs)) {
    buffers[name] = gpu.createBuffer(name, data.byteLength, usage);
    device.queue.writeBuffer(buffers[name], 0, data as Float32Array<ArrayBuffer>);
  }
  const { inPlace } = kernelOf(row.op);
  for (const [name, spec] of Object.entries(kernel.outputs)) {
    if (inPlace?.[name]) continue;
    buffers[name] = gpu.createBuffer(name, byteLength(spec), usage);
    // Outputs must not count on memory that is zero at first.
    device.queue.writeBuffer(buffers[name], 0, new Uint8Array(buffers[name].size).fill(0x7f));
  }
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  kernel.encode(pass, buffers);
  pass.end();
  const outputs = Object.entries(kernel.outputs);
  const bufferOf = (name: string) => buffers[inPlace?.[name] ?? name]!;
  const staging = outputs.map(([name]) => {
    const buffer = gpu.createBuffer(
      'readback',
      bufferOf(name).size,
      BufferUsage.MAP_READ | BufferUsage.COPY_DST,
    );
    encoder.copyBufferToBuffer(bufferOf(name), 0, buffer, 0, buffer.size);
    return buffer;
  });
  device.queue.submit([encoder.finish()]);
  const results: Arrays = {};
  for (const [i, [name, spec]] of outputs.entries()) {
    await staging[i]!.mapAsync(MAP_READ_MODE);
    const bytes = staging[i]!.getMappedRange().slice(0, byteLength(spec));
    results[name] =
      spec.dtype === 'i32'
        ? new Int32Array(bytes)
        : spec.dtype === 'u32'
          ? new Uint32Array(bytes)
          : new Float32Array(bytes);
    staging[i]!.destroy();
  }
  for (const buffer of Object.values(buffers)) buffer.destroy();
  kernel.dispose();
  gpu.check();
  return results;
}

/** Runs a case's float64 reference. */
export function runReference(row: Case): Record<string, RefArray> {
  const specs = specsOf(row);
  const outputs = kernelOf(row.op).infer(specs, (row.attrs ?? {}) as never);
  const inputs = fillInputs(row);
  const tensors: Record<string, RefTensor> = Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => [
      name,
      { ...specs[name]!, data: data instanceof Float32Array ? Float64Array.from(data) : data },
    ]),
  );
  return references[row.op](tensors as never, (row.attrs ?? {}) as never, outputs);
}

export interface Comparison {
  readonly ok: boolean;
  /** |got - want| of the element that stands worst against what it is allowed, and that allowance. */
  readonly maxError: number;
  readonly tolerance: number;
  /** Empty where all is well. */
  readonly message: string;
}

/** |got - want| <= atol + rtol * |want| everywhere; integers must be equal; NaN and infinities must agree. */
export function compare(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  rtol: number,
  atol: number,
): Comparison {
  const infinite = Number.POSITIVE_INFINITY;
  if (got.length !== want.length) {
    const message = `${name}: ${got.length} elements instead of ${want.length}`;
    return { ok: false, maxError: infinite, tolerance: 0, message };
  }
  const exact = !(want instanceof Float32Array || want instanceof Float64Array);
  let worst = { ratio: 0, error: 0, allowed: exact ? 0 : atol, index: -1 };
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [got[i]!, want[i]!];
    if (g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    const finite = Number.isFinite(g) && Number.isFinite(w);
    const error = finite ? Math.abs(g - w) : infinite;
    const allowed = exact || !finite ? 0 : atol + rtol * Math.abs(w);
    const ratio = allowed > 0 ? error / allowed : infinite;
    if (ratio > worst.ratio) worst = { ratio, error, allowed, index: i };
  }
  const { ratio, error, allowed, index } = worst;
  const message = ratio <= 1 ? '' : `${name}[${index}]: got ${got[index]}, want ${want[index]}`;
  return { ok: ratio <= 1, maxError: error, tolerance: allowed, message };
}

const ratioOf = ({ maxError, tolerance }: Comparison): number =>
  maxError === 0 ? 0 : tolerance > 0 ? maxError / tolerance : Number.POSITIVE_INFINITY;

/** The comparison that stands worst; of none, nothing is wrong. */
export function worstOf(all: readonly Comparison[]): Comparison {
  let worst = all[0] ?? { ok: true, maxError: 0, tolerance: 0, message: '' };
  for (const next of all) {
    const worse = next.ok === worst.ok ? ratioOf(next) > ratioOf(worst) : worst.ok;
    if (worse) worst = next;
  }
  return worst;
}

export const tolerances = (row: Case): [rtol: number, atol: number] => [row.rtol ?? 1e-4, row.atol ?? 1e-5];
