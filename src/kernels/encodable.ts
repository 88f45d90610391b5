import { capsOf } from '../device/caps.ts';
import { checkDevice, getPipeline } from '../device/pipelines.ts';
import { upload } from '../device/upload.ts';
import { COPY_DST, STORAGE, UNIFORM } from '../device/usage.ts';
import { LifetimeError, ShapeError } from '../errors.ts';
import { expectNames } from '../options.ts';
import { byteLength, expectShape, formatSpec, type Shape, type TensorSpec } from '../shape.ts';
import { packParams } from '../wgsl/assemble.ts';
import type { Kernel, Shaped } from './description.ts';
import { checkScratch, checkTensor, shaderOf, workgroupsOf } from './dispatch.ts';

/** A device buffer of your own: whole, or from an offset (a multiple of the device's minStorageBufferOffsetAlignment). */
export type BufferSource = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset?: number };

/** Buffers by name: `N`, and `O` where those inputs were planned. */
export type Buffers<N extends string, O extends string = never> = { readonly [K in N]: BufferSource } & {
  readonly [K in O]?: BufferSource;
};

/**
 * A kernel planned for fixed shapes on your device. It owns a small uniform buffer, its scratch memory and its tables; your
 * device, pass and buffers stay yours.
 */
export interface EncodableKernel<
  N extends string = string,
  Y extends string = string,
  O extends string = never,
> {
  /** Shapes and dtypes of what the kernel computes. */
  readonly outputs: { readonly [K in Y]: TensorSpec };
  /**
   * Records the dispatches into your compute pass. `buffers` holds every input and output by name (`N`, and of the optional
   * inputs `O` those that were planned); what is updated in place is there once, under the input's name. May be called any number of times in one pass or in
   * many, with the same or other buffers: WebGPU runs one dispatch after the other, so that the calls share scratch.
   * Throws, before it records anything, ShapeError where a buffer is missing, too small, not STORAGE, at an offset
   * that does not align, or written while it holds another tensor; LifetimeError after `dispose()`; DeviceLostError.
   * What WebGPU tells nobody before the submission (a buffer that was destroyed, or is mapped, or of another device)
   * it reports there, as a validation error of your device.
   */
  encode(pass: GPUComputePassEncoder, buffers: Buffers<N, O>): void;
  /** Frees what the kernel owns. What was submitted before still runs; what was encoded and not yet submitted fails. */
  dispose(): void;
  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void;
}

type ByName<T> = Record<string, T>;

/** What is given, with names and shapes checked. */
export function specsOf(kernel: Kernel, shapes: Readonly<ByName<Shaped | undefined>>): ByName<TensorSpec> {
  const { name: op, inputs, optional, variadic } = kernel;
  if (!variadic) expectNames(op, shapes, inputs, optional);
  const specs: ByName<TensorSpec> = {};
  for (const [name, given] of Object.entries(shapes ?? {})) {
    if (given === undefined) continue;
    const spec = (given as TensorSpec | null)?.dtype
      ? (given as TensorSpec)
      : { shape: given as Shape, dtype: 'f32' as const };
    expectShape(`${op}: ${name}`, spec.shape);
    specs[name] = spec;
  }
  return specs;
}

/** Where a tensor is: part of a buffer of the caller's. */
interface Range {
  readonly name: string;
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Bindings come in whole words, and that of nothing must do for any type: 16 bytes. */
const wordsOf = (bytes: number): number => Math.ceil(bytes / 4) * 4 || 16;

/** The distance from one `struct Params` to the next: WebGPU's alignment of uniforms. */
const STRIDE = 256;

/** `Kernel.plan`, for a kernel whose particular types nobody knows. */
export function planKernel(
  device: GPUDevice,
  kernel: Kernel,
  shapes: Readonly<ByName<Shaped | undefined>>,
  given: object,
): EncodableKernel {
  const { name: op } = kernel;
  const inPlace: Readonly<ByName<string | undefined>> = kernel.inPlace ?? {};
  checkDevice(op, device);
  const caps = capsOf(device);
  const specs = specsOf(kernel, shapes);
  const attrs = kernel.attributes((given ?? {}) as never) as never;
  const outputs: Readonly<ByName<TensorSpec>> = kernel.infer(specs, attrs);
  /** What the caller has buffers for, and which of these the kernel writes. */
  const tensors = { ...specs };
  const written = new Set<string>();
  for (const [name, spec] of Object.entries(outputs)) {
    if (!inPlace[name]) tensors[name] = spec;
    written.add(inPlace[name] ?? name);
  }
  for (const [name, spec] of Object.entries(tensors)) checkTensor(op, name, spec, caps);
  const plan = kernel.dispatches(caps, specs, outputs, attrs);
  checkScratch(op, plan, caps);
  const own: ByName<GPUBuffer> = {};
  const create = (name: string, bytes: number, usage: number): GPUBuffer => {
    own[name] = device.createBuffer({ label: `${op} ${name}`, size: wordsOf(bytes), usage });
    return own[name];
  };
  for (const [name, bytes] of Object.entries(plan.scratch ?? {})) create(name, bytes, STORAGE);
  for (const [name, values] of Object.entries(plan.tables ?? {})) {
    upload(device, create(name, values.byteLength, STORAGE | COPY_DST), 0, values);
  }
  const uniforms = create('struct Params', plan.dispatches.length * STRIDE, UNIFORM | COPY_DST);
  const steps = plan.dispatches.flatMap((dispatch, i) => {
    const workgroups = workgroupsOf(dispatch);
    if (workgroups.includes(0)) return [];
    const shader = shaderOf(dispatch);
    const { pipeline, layout } = getPipeline(device, shader);
    upload(device, uniforms, i * STRIDE, packParams(shader, dispatch.params ?? {}));
    const bind = (ranges: readonly Range[]): GPUBindGroup =>
      device.createBindGroup({
        label: op,
        layout,
        entries: shader.bindings.map(({ index, name, kind }) => {
          const tensor = dispatch.bind?.[name] ?? name;
          const resource =
            kind === 'uniform'
              ? { buffer: uniforms, offset: i * STRIDE, size: STRIDE }
              : (ranges.find((range) => range.name === (inPlace[tensor] ?? tensor)) ?? {
                  buffer: own[tensor]!,
                });
          return { binding: index, resource };
        }),
      });
    return { pipeline, bind, workgroups };
  });

  const rangeOf = (name: string, source: BufferSource): Range => {
    const spec = tensors[name]!;
    const { buffer, offset = 0 } = (source as Partial<Range> | null)?.buffer
      ? (source as Range)
      : { buffer: source as GPUBuffer };
    const alignment = device.limits.minStorageBufferOffsetAlignment;
    const size = wordsOf(byteLength(spec));
    const left = buffer?.size - offset;
    const problem =
      offset >= 0 && offset % alignment === 0
        ? left < size
          ? `has ${left} bytes from offset ${offset}, ${size} are needed`
          : buffer?.usage & STORAGE
            ? ''
            : 'lacks GPUBufferUsage.STORAGE'
        : `is at offset ${offset}; use a multiple of ${alignment}`;
    if (problem) throw new ShapeError(`${op}: the buffer of ${formatSpec(name, spec)} ${problem}`);
    return { name, buffer, offset, size };
  };
  /** Undefined after `dispose`. */
  let bound: readonly Range[] | undefined = [];
  let groups: GPUBindGroup[] = [];
  const dispose = () => {
    bound = undefined;
    groups = [];
    for (const buffer of Object.values(own)) buffer.destroy();
  };
  return {
    outputs,
    encode(pass, buffers) {
      if (!bound) throw new LifetimeError(`${op}: encode after dispose(); plan it again`);
      checkDevice(op, device);
      if (!pass?.dispatchWorkgroups) throw new ShapeError(`${op}: pass a GPUComputePassEncoder`);
      const names = Object.keys(tensors);
      expectNames(op, buffers, names, []);
      const ranges = names.map((name) => rangeOf(name, buffers[name]!));
      // A render loop comes with the same buffers again: bind groups are made for others only.
      const known = bound;
      if (ranges.some(({ buffer, offset }, i) => buffer !== known[i]?.buffer || offset !== known[i].offset)) {
        for (const a of ranges) {
          for (const b of ranges) {
            const meet = a.offset < b.offset + b.size && b.offset < a.offset + a.size;
            const shared = a !== b && a.buffer === b.buffer && written.has(a.name);
            if (shared && (meet || !written.has(b.name))) {
              throw new ShapeError(`${op}: ${a.name} is written into the buffer of ${b.name}; use another`);
            }
          }
        }
        bound = ranges;
        groups = steps.map(({ bind }) => bind(ranges));
      }
      steps.forEach(({ pipeline, workgroups }, i) => {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, groups[i]!);
        pass.dispatchWorkgroups(...workgroups);
      });
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
