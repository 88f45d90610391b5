import type { Device } from '../device/device.ts';
import { BufferUsage, MAP_READ_MODE } from '../device/usage.ts';
import { EncodableKernel } from '../kernels/kernel.ts';
import { kernelOf } from '../kernels/ops.ts';
import { references } from '../reference/ops.ts';
import type { RefArray, RefTensor } from '../reference/reference.ts';
import { byteLength, numel, type TensorSpec } from '../shape.ts';
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
  /** The largest |got - want|, and where it stands. */
  readonly maxError: number;
  readonly index: number;
  readonly got: number;
  readonly want: number;
  readonly message: string;
}

/** |got - want| <= atol + rtol * |want| everywhere; integers must be equal; NaN and infinities must agree. */
export function compare(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  rtol: number,
  atol: number,
): Comparison {
  let worst = { excess: Number.NEGATIVE_INFINITY, error: 0, index: 0 };
  let maxError = 0;
  if (got.length !== want.length) {
    return {
      ok: false,
      maxError: Number.POSITIVE_INFINITY,
      index: 0,
      got: got.length,
      want: want.length,
      message: `${got.length} elements instead of ${want.length}`,
    };
  }
  const exact = !(want instanceof Float32Array || want instanceof Float64Array);
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [got[i]!, want[i]!];
    if (Object.is(g, w) || g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    const error = Number.isFinite(g) && Number.isFinite(w) ? Math.abs(g - w) : Number.POSITIVE_INFINITY;
    const excess = exact ? error : error - (atol + rtol * Math.abs(w));
    maxError = Math.max(maxError, error);
    if (excess > worst.excess) worst = { excess, error, index: i };
  }
  const ok = worst.excess <= 0;
  const [g, w] = [got[worst.index] ?? 0, want[worst.index] ?? 0];
  const message = ok ? '' : `element ${worst.index}: got ${g}, want ${w}`;
  return { ok, maxError, index: worst.index, got: g, want: w, message };
}

export const tolerances = (row: Case): [rtol: number, atol: number] => [row.rtol ?? 1e-4, row.atol ?? 1e-5];

export const elementsOf = (row: Case): number =>
  Object.values(row.inputs).reduce((total, input) => total + numel(input.shape), 0);
