import { capsOf } from '../device/caps.ts';
import { checkNotLost, getPipeline } from '../device/pipelines.ts';
import { upload } from '../device/upload.ts';
import { COPY_DST, STORAGE, UNIFORM } from '../device/usage.ts';
import { LifetimeError, ShapeError } from '../errors.ts';
import { byteLength, expectShape, formatSpec, type TensorSpec } from '../shape.ts';
import { packParams } from '../wgsl/assemble.ts';
import type { Kernel, Shaped } from './description.ts';
import { checkScratch, checkTensor, shaderOf, workgroupsOf } from './dispatch.ts';

/** A device buffer of your own: whole, or from an offset (a multiple of the device's minStorageBufferOffsetAlignment). */
export type BufferSource = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset?: number };

/**
 * A kernel planned for fixed shapes on your device. It owns a small uniform buffer, its scratch memory and its tables; your
 * device, pass and buffers stay yours.
 */
export interface EncodableKernel<N extends string = string, Y extends string = string> {
  /** Shapes and dtypes of what the kernel computes. */
  readonly outputs: { readonly [K in Y]: TensorSpec };
  /**
   * Records the dispatches into your compute pass. `buffers` holds every input and output by name; what is
   * updated in place is there once, under the input's name. May be called any number of times in one pass or in
   * many, with the same or other buffers: WebGPU runs one dispatch after the other, so that the calls share scratch.
   * Throws, before it records anything, ShapeError where a buffer is missing, too small, not STORAGE, at an offset
   * that does not align, or written while it holds another tensor; LifetimeError after `dispose()`; DeviceLostError.
   * What WebGPU tells nobody before the submission (a buffer that was destroyed, or is mapped, or of another device)
   * it reports there, as a validation error of your device.
   */
  encode(pass: GPUComputePassEncoder, buffers: { readonly [K in N]?: BufferSource }): void;
  /** Frees what the kernel owns. What was submitted before still runs; what was encoded and not yet submitted fails. */
  dispose(): void;
  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void;
}

type ByName<T> = Record<string, T>;

/** Throws unless `given` has all that is needed and nothing unknown: a misspelt name must not pass for an absent one. */
function checkNames(
  call: string,
  given: object,
  needed: readonly string[],
  optional: readonly string[],
): void {
  const names = Object.keys(given).filter((name) => given[name as never]);
  const known = [...needed, ...optional];
  if (![...needed, ...names].every((name) => names.includes(name) && known.includes(name))) {
    const may = optional.map((name) => `${name}?`);
    throw new ShapeError(
      `${call} takes ${[...needed, ...may].join(', ')}; got ${names.join(', ') || 'nothing'}`,
    );
  }
}

function specsOf(kernel: Kernel, shapes: Readonly<ByName<Shaped | undefined>>): ByName<TensorSpec> {
  const { name: op, inputs, optional, variadic } = kernel;
  if (!variadic) checkNames(`${op}: plan`, shapes, inputs, optional);
  const specs: ByName<TensorSpec> = {};
  for (const [name, given] of Object.entries(shapes)) {
    if (!given) continue;
    const spec: TensorSpec = 'dtype' in given ? given : { shape: given, dtype: 'f32' };
    expectShape(`${op}: ${name}`, spec.shape);
    specs[name] = spec;
  }
  return specs;
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
  checkNotLost(op, device);
  const caps = capsOf(device);
  const specs = specsOf(kernel, shapes);
  const attrs = (kernel.attributes?.(given as never) ?? given) as never;
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
  const { dispatches, scratch = {}, tables = {} } = plan;

  const own: ByName<GPUBuffer> = {};
  const create = (name: string, bytes: number, usage: number): GPUBuffer => {
    own[name] = device.createBuffer({ label: `${op} ${name}`, size: wordsOf(bytes), usage });
    return own[name];
  };
  for (const [name, bytes] of Object.entries(scratch)) create(name, bytes, STORAGE);
  for (const [name, values] of Object.entries(tables)) {
    upload(device, create(name, values.byteLength, STORAGE | COPY_DST), 0, values);
  }
  const active = dispatches.filter((dispatch) => workgroupsOf(dispatch).every((count) => count > 0));
  const params = new Uint8Array(active.length * STRIDE);
  const uniforms = create('struct Params', params.length, UNIFORM | COPY_DST);
  const steps = active.map((dispatch, i) => {
    const shader = shaderOf(dispatch);
    const { pipeline, layout } = getPipeline(device, shader);
    params.set(new Uint8Array(packParams(shader, dispatch.params ?? {})), i * STRIDE);
    const bind = (ranges: ByName<GPUBufferBinding>): GPUBindGroup => {
      const entries = shader.bindings.map(({ index, name, kind }) => {
        const tensor = dispatch.bind?.[name] ?? name;
        const resource =
          kind === 'uniform'
            ? { buffer: uniforms, offset: i * STRIDE, size: STRIDE }
            : (ranges[inPlace[tensor] ?? tensor] ?? { buffer: own[tensor]! });
        return { binding: index, resource };
      });
      return device.createBindGroup({ label: op, layout, entries });
    };
    return { pipeline, bind, workgroups: workgroupsOf(dispatch) };
  });
  upload(device, uniforms, 0, params);

  const rangeOf = (name: string, source: BufferSource) => {
    const spec = tensors[name]!;
    const fail = (what: string): never => {
      throw new ShapeError(`${op}: the buffer of ${formatSpec(name, spec)} ${what}`);
    };
    const { buffer, offset = 0 } = 'buffer' in source ? source : { buffer: source };
    const alignment = device.limits.minStorageBufferOffsetAlignment;
    if (!(offset >= 0 && offset % alignment === 0)) {
      fail(`is at offset ${offset}; use a multiple of ${alignment}`);
    }
    const size = wordsOf(byteLength(spec));
    const left = buffer.size - offset;
    if (left < size) fail(`has ${left} bytes from offset ${offset}, ${size} are needed`);
    if (!(buffer.usage & STORAGE)) fail('lacks GPUBufferUsage.STORAGE');
    return { buffer, offset, size };
  };
  type Range = ReturnType<typeof rangeOf>;
  const checkSharing = (ranges: readonly (readonly [string, Range])[]) => {
    for (const [a, x] of ranges.filter(([name]) => written.has(name))) {
      for (const [b, y] of ranges) {
        const apart = written.has(b) && (x.offset >= y.offset + y.size || y.offset >= x.offset + x.size);
        if (a !== b && x.buffer === y.buffer && !apart) {
          throw new ShapeError(`${op}: ${a} is written into the buffer of ${b}; use another`);
        }
      }
    }
  };

  let bound: ByName<Range> = {};
  let groups: GPUBindGroup[] = [];
  let disposed = false;
  const dispose = () => {
    disposed = true;
    bound = {};
    for (const buffer of Object.values(own)) buffer.destroy();
  };
  return {
    outputs,
    encode(pass, buffers) {
      if (disposed) throw new LifetimeError(`${op}: encode after dispose(); plan it again`);
      checkNotLost(op, device);
      checkNames(`${op}: encode`, buffers, Object.keys(tensors), []);
      const ranges = Object.keys(tensors).map((name) => [name, rangeOf(name, buffers[name]!)] as const);
      const known = ({ buffer, offset }: Range, last?: Range) =>
        buffer === last?.buffer && offset === last.offset;
      // A render loop comes with the same buffers again: bind groups are made for others only.
      if (!ranges.every(([name, range]) => known(range, bound[name]))) {
        checkSharing(ranges);
        bound = Object.fromEntries(ranges);
        groups = steps.map(({ bind }) => bind(bound));
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
