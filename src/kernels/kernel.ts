import { type Caps, capsOf } from '../device/caps.ts';
import { getPipeline } from '../device/pipelines.ts';
import { BufferUsage } from '../device/usage.ts';
import { DeviceLimitError, ShapeError } from '../errors.ts';
import { byteLength, type DType, formatShape, formatSpec, type Shape, type TensorSpec } from '../shape.ts';
import { type Assembled, assemble, packParams, type Source, sourceOf } from '../wgsl/assemble.ts';
import epilogueNone from '../wgsl/lib/epilogue_none.wgsl';
import grid from '../wgsl/lib/grid.wgsl';

/** One dispatch: which shader, with what, over how many invocations. */
export interface Dispatch {
  /** The kernel's own file, and the snippets that stand before it. */
  readonly shader: string;
  readonly snippets?: readonly string[];
  readonly enable?: readonly string[];
  readonly types?: Readonly<Record<string, string>>;
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** Values for the file's `struct Params`, by name. */
  readonly params?: Readonly<Record<string, number>>;
  /** WGSL variable -> tensor, where the two names differ. */
  readonly bind?: Readonly<Record<string, string>>;
  /** One invocation each, in workgroups of 64 (the header's WORKGROUP); or workgroups in three dimensions. */
  readonly grid: number | readonly [number, number, number];
  /**
   * Set where the shader stores its main output through `epilogue(v, i)`: the type of v (`V` in WGSL), i
   * being the flat index of its (first) element. Lowering puts fused elementwise operations there.
   */
  readonly epilogue?: 'f32' | 'vec4f';
}

/** All that a kernel needs to run: dispatches in order, and memory between them. */
export interface KernelPlan {
  readonly dispatches: readonly Dispatch[];
  /** Buffers that only the kernel's own dispatches see: name -> bytes. Contents are undefined at first. */
  readonly scratch?: Readonly<Record<string, number>>;
  /** Read-only tables, made once: name -> values. */
  readonly tables?: Readonly<Record<string, Float32Array | Int32Array | Uint32Array>>;
}

export type Specs = Readonly<Record<string, TensorSpec>>;
type SpecsOf<I extends string, O extends string> = { readonly [K in I]: TensorSpec } & {
  readonly [K in O]?: TensorSpec;
};

/** The description of one operation: shape rule and plan, both pure. */
export interface Kernel<
  I extends string = string,
  O extends string = string,
  Y extends string = string,
  A = never,
> {
  readonly name: string;
  readonly inputs: readonly I[];
  readonly optional: readonly O[];
  readonly outputs: readonly Y[];
  /** Float inputs that stay f32 where the others are f16: statistics, coordinates of regions, losses' gradients. */
  readonly f32Inputs?: readonly (I | O)[];
  /** Inputs are x0, x1, …: as many as the caller has. */
  readonly variadic?: boolean;
  /** output -> input whose buffer it overwrites (optimizer steps). */
  readonly inPlace?: Readonly<Partial<Record<Y, I>>>;
  infer(specs: SpecsOf<I, O>, attrs: A): { readonly [K in Y]: TensorSpec };
  dispatches(
    caps: Caps,
    specs: SpecsOf<I, O>,
    outputs: { readonly [K in Y]: TensorSpec },
    attrs: A,
  ): KernelPlan;
}

/** A kernel as the user holds it: planned once for shapes, encoded into any pass after that. */
export interface PlannableKernel<I extends string, O extends string, Y extends string, A>
  extends Kernel<I, O, Y, A> {
  plan(device: GPUDevice, specs: ShapesOf<I, O>, attrs: A): EncodableKernel;
}

type Shaped = Shape | TensorSpec;
type ShapesOf<I extends string, O extends string> = { readonly [K in I]: Shaped } & {
  readonly [K in O]?: Shaped;
};

/** A buffer of the caller's: whole, or from an offset (a multiple of 256 bytes). */
export type BufferSource = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset?: number };

export function defineKernel<I extends string, Y extends string, A, O extends string = never>(
  kernel: Omit<Kernel<I, O, Y, A>, 'optional'> & { readonly optional?: readonly O[] },
): PlannableKernel<I, O, Y, A> {
  const complete = { ...kernel, optional: kernel.optional ?? [] };
  return {
    ...complete,
    plan: (device, shapes, attrs) => new EncodableKernel(device, complete as Kernel, shapes, attrs as never),
  };
}

/** A grid of workgroups of 64 for n invocations, folded where it passes 65,535. */
export function foldGrid(n: number): [number, number, number] {
  const groups = Math.ceil(n / 64);
  if (groups <= 65535) return [groups, 1, 1];
  const rows = Math.ceil(groups / 65535);
  return [Math.ceil(groups / rows), rows, 1];
}

export const workgroupsOf = (dispatch: Dispatch): readonly [number, number, number] =>
  typeof dispatch.grid === 'number' ? foldGrid(dispatch.grid) : dispatch.grid;

/** The shader of a dispatch, with the epilogue that is given (a plain store where none is). */
export function shaderOf(dispatch: Dispatch, epilogue?: Source): Assembled {
  const sources = (dispatch.snippets ?? []).map(sourceOf);
  if (typeof dispatch.grid === 'number') sources.unshift(sourceOf(grid));
  if (dispatch.epilogue) sources.unshift(epilogue ?? sourceOf(epilogueNone));
  const written = [...Object.values(dispatch.types ?? {}), ...sources.map(({ text }) => text)];
  const half = written.some((text) => /\bf16\b/.test(text));
  const enable = [...(half ? ['f16'] : []), ...(dispatch.enable ?? [])];
  const header = {
    ...(enable.length > 0 ? { enable } : {}),
    types: { ...dispatch.types, ...(dispatch.epilogue ? { V: dispatch.epilogue } : {}) },
    constants: { ...(typeof dispatch.grid === 'number' ? { WORKGROUP: 64 } : {}), ...dispatch.constants },
  };
  return assemble(header, [...sources, sourceOf(dispatch.shader)]);
}

/** WGSL's name of an element type. */
export const wgslType = (dtype: DType): string => dtype;

/** Throws where a tensor is larger than the device can bind, or of a type that it lacks. */
export function checkTensor(op: string, name: string, spec: TensorSpec, caps: Caps): void {
  const bytes = byteLength(spec);
  if (bytes > caps.maxBindingSize) {
    throw new DeviceLimitError(
      `${op}: ${name} ${formatShape(spec.shape)} takes ${bytes} bytes, the device binds at most ${caps.maxBindingSize}; use a smaller batch or size`,
    );
  }
  if (spec.dtype === 'f16' && !caps.f16) {
    throw new DeviceLimitError(
      `${op}: ${formatSpec(name, spec)} needs the feature shader-f16, which the device lacks; cast it to f32`,
    );
  }
}

/**
 * A kernel on the caller's device, for fixed shapes. It owns a small uniform buffer, its scratch memory and
 * its tables; `dispose()` frees them. The caller's device, pass and buffers stay the caller's.
 */
export class EncodableKernel {
  readonly outputs: Specs;
  readonly #device: GPUDevice;
  readonly #kernel: Kernel;
  readonly #specs: Specs;
  readonly #steps: { shader: Assembled; dispatch: Dispatch; offset: number }[] = [];
  readonly #own = new Map<string, GPUBuffer>();
  readonly #uniforms: GPUBuffer;
  #groups: { key: readonly unknown[]; groups: GPUBindGroup[] } | undefined;

  constructor(
    device: GPUDevice,
    kernel: Kernel,
    shapes: Readonly<Record<string, Shaped | undefined>>,
    attrs: never,
  ) {
    this.#device = device;
    this.#kernel = kernel;
    const specs: Record<string, TensorSpec> = {};
    for (const [name, shape] of Object.entries(shapes)) {
      if (shape) specs[name] = 'dtype' in shape ? shape : { shape, dtype: 'f32' };
    }
    const caps = capsOf(device);
    this.outputs = kernel.infer(specs, attrs);
    const fresh = Object.entries(this.outputs).filter(([name]) => !kernel.inPlace?.[name]);
    this.#specs = { ...specs, ...Object.fromEntries(fresh) };
    for (const [name, spec] of Object.entries(this.#specs)) {
      checkTensor(kernel.name, name, spec, caps);
    }
    const plan = kernel.dispatches(caps, specs, this.outputs, attrs);
    const packed: ArrayBuffer[] = [];
    for (const dispatch of plan.dispatches) {
      if (workgroupsOf(dispatch).some((count) => count === 0)) continue;
      const shader = shaderOf(dispatch);
      this.#steps.push({ shader, dispatch, offset: packed.length * 256 });
      packed.push(packParams(shader, dispatch.params ?? {}));
    }
    const { STORAGE, COPY_DST, UNIFORM } = BufferUsage;
    this.#uniforms = device.createBuffer({
      label: `${kernel.name} params`,
      size: Math.max(packed.length, 1) * 256,
      usage: UNIFORM | COPY_DST,
    });
    packed.forEach((bytes, i) => {
      device.queue.writeBuffer(this.#uniforms, i * 256, bytes);
    });
    for (const [name, bytes] of Object.entries(plan.scratch ?? {})) {
      const size = Math.max(16, Math.ceil(bytes / 16) * 16);
      this.#own.set(name, device.createBuffer({ label: `${kernel.name} ${name}`, size, usage: STORAGE }));
    }
    for (const [name, values] of Object.entries(plan.tables ?? {})) {
      const size = Math.max(16, Math.ceil(values.byteLength / 16) * 16);
      const buffer = device.createBuffer({
        label: `${kernel.name} ${name}`,
        size,
        usage: STORAGE | COPY_DST,
      });
      device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
      this.#own.set(name, buffer);
    }
  }

  /**
   * Records the dispatches into the caller's compute pass. `buffers` holds every input and output by name.
   * Throws ShapeError where one is missing, too small, not STORAGE, or at an offset that does not align.
   */
  encode(pass: GPUComputePassEncoder, buffers: Readonly<Record<string, BufferSource | undefined>>): void {
    const groups = this.#bindGroups(buffers);
    this.#steps.forEach(({ shader, dispatch }, i) => {
      pass.setPipeline(getPipeline(this.#device, shader).pipeline);
      pass.setBindGroup(0, groups[i]!);
      pass.dispatchWorkgroups(...workgroupsOf(dispatch));
    });
  }

  dispose(): void {
    this.#uniforms.destroy();
    for (const buffer of this.#own.values()) buffer.destroy();
  }

  #bindGroups(buffers: Readonly<Record<string, BufferSource | undefined>>): GPUBindGroup[] {
    const names = Object.keys(this.#specs);
    const resolved = new Map<string, GPUBufferBinding>();
    for (const name of names) resolved.set(name, this.#resolve(name, buffers[name]));
    const key = names.flatMap((name) => [resolved.get(name)!.buffer, resolved.get(name)!.offset]);
    if (this.#groups?.key.every((part, i) => part === key[i])) return this.#groups.groups;
    const groups = this.#steps.map(({ shader, dispatch, offset }) =>
      this.#device.createBindGroup({
        label: shader.parts.at(-1)!.name,
        layout: getPipeline(this.#device, shader).layout,
        entries: shader.bindings.map((binding) => {
          if (binding.kind === 'uniform') {
            return { binding: binding.index, resource: { buffer: this.#uniforms, offset, size: 256 } };
          }
          const bound = dispatch.bind?.[binding.name] ?? binding.name;
          const name = this.#kernel.inPlace?.[bound] ?? bound;
          const own = this.#own.get(name);
          return { binding: binding.index, resource: own ? { buffer: own } : resolved.get(name)! };
        }),
      }),
    );
    this.#groups = { key, groups };
    return groups;
  }

  #resolve(name: string, source: BufferSource | undefined): GPUBufferBinding {
    const op = this.#kernel.name;
    const spec = this.#specs[name]!;
    if (!source) throw new ShapeError(`${op}: encode needs a buffer for ${name} ${formatShape(spec.shape)}`);
    const { buffer, offset = 0 } = 'buffer' in source ? source : { buffer: source };
    const alignment = this.#device.limits.minStorageBufferOffsetAlignment;
    if (offset % alignment !== 0) {
      throw new ShapeError(`${op}: ${name} is at offset ${offset}, which is not a multiple of ${alignment}`);
    }
    const size = Math.max(byteLength(spec), 4);
    if (buffer.size < offset + size) {
      throw new ShapeError(
        `${op}: ${name} ${formatShape(spec.shape)} needs ${size} bytes from offset ${offset}, its buffer has ${buffer.size}`,
      );
    }
    if ((buffer.usage & BufferUsage.STORAGE) === 0) {
      throw new ShapeError(`${op}: the buffer of ${name} lacks GPUBufferUsage.STORAGE; create it with it`);
    }
    return { buffer, offset, size: Math.min(Math.ceil(size / 16) * 16, buffer.size - offset) };
  }
}
