import type { Device } from '../device/device.ts';
import { BufferUsage } from '../device/usage.ts';
import { toHalf } from '../half.ts';
import { type EncodableKernel, type Kernel, planKernel, type Specs } from '../kernels/kernel.ts';
import { compileKernel } from '../kernels/planAsync.ts';
import type { RefArray, Reference, RefTensor } from '../reference/reference.ts';
import { byteLength, type HostArray, type TensorSpec } from '../shape.ts';
import type { CaseRow, HostTensors } from './cases/case.ts';

/** Values by name, as a device gave them: f16 as float32. */
export type Arrays = Readonly<Record<string, HostArray>>;

const specsOf = (inputs: Specs): Specs =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));

/** Runs a kernel on the GPU, in a pass of its own, and reads its outputs back. */
export async function runKernel(
  gpu: Device,
  kernel: Kernel,
  inputs: HostTensors,
  attrs: object = {},
): Promise<Arrays> {
  const { device } = gpu;
  const { name: op, inPlace } = kernel;
  const buffers: Record<string, GPUBuffer> = {};
  const create = (name: string, spec: TensorSpec): GPUBuffer => {
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST | BufferUsage.COPY_SRC;
    buffers[name] = gpu.createBuffer(`${op} ${name}`, byteLength(spec), usage);
    return buffers[name];
  };
  let planned: EncodableKernel | undefined;
  try {
    gpu.check(op);
    await compileKernel(device, kernel, specsOf(inputs), attrs);
    const outputs = gpu.watch(op, () => {
      planned = planKernel(device, kernel, specsOf(inputs), attrs);
      for (const [name, input] of Object.entries(inputs)) {
        gpu.write(create(name, input), input.dtype === 'f16' ? toHalf(input.data) : input.data);
      }
      const specs = Object.entries(planned.outputs);
      for (const [name, spec] of specs) if (!inPlace?.[name]) create(name, spec);
      const encoder = device.createCommandEncoder({ label: op });
      const pass = encoder.beginComputePass();
      planned.encode(pass, buffers);
      pass.end();
      gpu.submit(encoder);
      return specs;
    });
    const results: Record<string, HostArray> = {};
    for (const [name, spec] of outputs) {
      results[name] = await gpu.read({ buffer: buffers[inPlace?.[name] ?? name]! }, spec, op);
    }
    // Of an operation without outputs' elements nothing was read, and nothing waited for.
    await gpu.settled();
    gpu.check(op);
    return results;
  } finally {
    for (const buffer of Object.values(buffers)) buffer.destroy();
    planned?.dispose();
  }
}

/** Inputs as references take them: floats in float64. */
export const referenceTensors = (inputs: HostTensors): Readonly<Record<string, RefTensor>> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype, data }]) => [
      name,
      { shape, dtype, data: data instanceof Float32Array ? Float64Array.from(data) : data },
    ]),
  );

/** A row's attributes with what it leaves out filled in. */
export const attributesOf = (kernel: Kernel, attrs: object = {}): never =>
  kernel.attributes(attrs as never) as never;

/** Runs a kernel's float64 reference. */
export function runReference(
  kernel: Kernel,
  reference: Reference,
  inputs: Readonly<Record<string, RefTensor>>,
  attrs?: object,
): Readonly<Record<string, RefArray>> {
  const complete = attributesOf(kernel, attrs);
  return reference(inputs as never, complete, kernel.infer(specsOf(inputs), complete));
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

/** What a row allows in f32. */
export const tolerances = (row: CaseRow): [rtol: number, atol: number] => [
  row.rtol ?? 1e-4,
  row.atol ?? 1e-5,
];
