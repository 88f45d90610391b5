import type { Device } from '../device/device.ts';
import { getPipelineAsync, type Pipeline } from '../device/pipelines.ts';
import { BufferUsage } from '../device/usage.ts';
import { FoveaError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { byteLength, type HostArray } from '../shape.ts';
import type { Lowered } from './lower.ts';
import { type MemoryPlan, planMemory } from './memory.ts';
import type { StateStore } from './stateStore.ts';
import { type LoweredOp, type Storage, sizeOf } from './storage.ts';

/** Figures of a program, for reports and tests. */
export interface ProgramStats {
  readonly operations: number;
  readonly dispatches: number;
  readonly pipelines: number;
  /** Bytes of temporaries that the plan takes, and the fewest that any plan could. */
  readonly plannedBytes: number;
  readonly lowerBoundBytes: number;
}

interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly op: LoweredOp;
}

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** Told as pipelines get compiled. */
export type CompileProgress = (done: number, total: number) => void;

/**
 * A lowered program on a device: pipelines, buffers and bind groups, all made once. A run is: write inputs,
 * replay the dispatches in one command buffer, one submit.
 */
export class Program {
  readonly stats: ProgramStats;
  readonly #device: Device;
  readonly #lowered: Lowered;
  readonly #states: StateStore;
  readonly #memory: MemoryPlan;
  readonly #slots: GPUBuffer[];
  readonly #own = new Map<Storage, GPUBuffer>();
  readonly #commands: Command[] = [];
  #uniforms: GPUBuffer | undefined;

  private constructor(device: Device, lowered: Lowered, states: StateStore) {
    this.#device = device;
    this.#lowered = lowered;
    this.#states = states;
    this.#memory = planMemory(lowered);
    this.#slots = this.#memory.slotSizes.map((size, i) => device.createBuffer(`slot ${i}`, size, STORAGE));
    const dispatches = lowered.ops.flatMap((op) => op.dispatches);
    this.stats = {
      operations: lowered.ops.length,
      dispatches: dispatches.length,
      pipelines: new Set(dispatches.map((dispatch) => dispatch.shader.code)).size,
      plannedBytes: this.#memory.slotSizes.reduce((sum, size) => sum + size, 0),
      lowerBoundBytes: this.#memory.lowerBound,
    };
  }

  /** Compiles every pipeline side by side, allocates and binds. Throws OutOfMemoryError or GpuError. */
  static async build(
    device: Device,
    lowered: Lowered,
    states: StateStore,
    progress?: CompileProgress,
  ): Promise<Program> {
    device.device.pushErrorScope('out-of-memory');
    const program = new Program(device, lowered, states);
    const scope = device.device.popErrorScope();
    await program.#compile(progress);
    const refused = await scope;
    if (refused) device.outOfMemory(program.stats.plannedBytes, refused);
    device.check();
    return program;
  }

  async #compile(progress?: CompileProgress): Promise<void> {
    const { device } = this.#device;
    const dispatches = this.#lowered.ops.flatMap((op) => op.dispatches.map((dispatch) => ({ op, dispatch })));
    const unique = new Map(dispatches.map(({ dispatch }) => [dispatch.shader.code, dispatch.shader]));
    let done = 0;
    const pipelines = new Map<string, Pipeline>();
    const compiled = [...unique].map(async ([code, shader]) => {
      pipelines.set(code, await getPipelineAsync(device, shader));
      progress?.(++done, unique.size);
    });
    await Promise.all(compiled);
    const uniforms = this.#device.createBuffer(
      'params',
      Math.max(1, dispatches.length) * 256,
      BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    );
    this.#uniforms = uniforms;
    const packed = new Uint8Array(dispatches.length * 256);
    dispatches.forEach(({ op, dispatch }, i) => {
      packed.set(new Uint8Array(dispatch.params), i * 256);
      const { pipeline, layout } = pipelines.get(dispatch.shader.code)!;
      const entries: GPUBindGroupEntry[] = dispatch.bindings.map(({ index, storage }) => ({
        binding: index,
        resource: this.#bindingOf(storage, op),
      }));
      if (dispatch.shader.bindings.some((binding) => binding.kind === 'uniform')) {
        entries.push({ binding: 0, resource: { buffer: uniforms, offset: i * 256, size: 256 } });
      }
      const group = device.createBindGroup({ label: op.label, layout, entries });
      this.#commands.push({ pipeline, group, workgroups: dispatch.workgroups, op });
    });
    if (packed.length > 0) device.queue.writeBuffer(uniforms, 0, packed);
  }

  #bindingOf(storage: Storage, op?: LoweredOp): GPUBufferBinding {
    if (storage.home) {
      const { buffer } = this.#bindingOf(storage.home.storage, op);
      return { buffer, offset: storage.home.offset, size: sizeOf(storage) };
    }
    if (storage.state) return this.#states.bindingOf(storage.state);
    const slot = this.#memory.slotOf.get(storage);
    if (slot !== undefined) return { buffer: this.#slots[slot]!, offset: 0, size: sizeOf(storage) };
    return { buffer: this.#ownBuffer(storage, op), offset: 0, size: sizeOf(storage) };
  }

  /** Buffers that are the storage's alone: inputs, constants, tables, results. */
  #ownBuffer(storage: Storage, op?: LoweredOp): GPUBuffer {
    const known = this.#own.get(storage);
    if (known) return known;
    const buffer = this.#device.createBuffer(storage.label, sizeOf(storage), STORAGE);
    this.#own.set(storage, buffer);
    const table = op?.tables.get(storage);
    if (table) this.#device.device.queue.writeBuffer(buffer, 0, table as Float32Array<ArrayBuffer>);
    const constant = [...this.#lowered.storages].find(([, candidate]) => candidate === storage)?.[0];
    if (constant?.origin.kind === 'constant') this.#device.write(buffer, constant.origin.data);
    return buffer;
  }

  /** Puts values into an input of the program. An input that nothing reads is left out. */
  write(input: Tensor, values: HostArray): void {
    const storage = this.#lowered.storages.get(input);
    if (storage) this.#device.write(this.#ownBuffer(storage), values);
  }

  /** Encodes and submits everything, once. */
  run(): void {
    this.#device.check();
    this.#states.flush();
    const encoder = this.#device.device.createCommandEncoder({ label: 'fovea program' });
    const pass = encoder.beginComputePass();
    let last: GPUComputePipeline | undefined;
    for (const { pipeline, group, workgroups } of this.#commands) {
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    this.#copyStates(encoder);
    this.#device.device.queue.submit([encoder.finish()]);
  }

  /** Puts the values that were assigned into their states. */
  #copyStates(encoder: GPUCommandEncoder): void {
    for (const { from, to } of this.#lowered.copies) {
      const source = this.#bindingOf(from);
      const goal = this.#states.bindingOf(to);
      const bytes = byteLength(to.spec);
      encoder.copyBufferToBuffer(source.buffer, source.offset ?? 0, goal.buffer, goal.offset ?? 0, bytes);
    }
  }

  /**
   * Runs every operation by itself, waits for it and calls `visit` with a way to read any tensor it touched:
   * for finding faults.
   */
  async runEach(
    visit: (op: LoweredOp, read: (storage: Storage) => Promise<HostArray>) => Promise<void>,
  ): Promise<void> {
    this.#states.flush();
    for (const op of this.#lowered.ops) {
      const encoder = this.#device.device.createCommandEncoder({ label: op.label });
      const pass = encoder.beginComputePass();
      for (const command of this.#commands.filter((candidate) => candidate.op === op)) {
        pass.setPipeline(command.pipeline);
        pass.setBindGroup(0, command.group);
        pass.dispatchWorkgroups(...command.workgroups);
      }
      pass.end();
      this.#device.device.queue.submit([encoder.finish()]);
      await visit(op, (storage) => this.#device.read(this.#bindingOf(storage, op), storage.spec));
    }
    const encoder = this.#device.device.createCommandEncoder({ label: 'fovea states' });
    this.#copyStates(encoder);
    this.#device.device.queue.submit([encoder.finish()]);
  }

  /** The tensors that live in these storages. */
  tensorsOf(storages: readonly Storage[]): [Tensor, Storage][] {
    return [...this.#lowered.storages].filter(([, storage]) => storages.includes(storage));
  }

  /** The value that a result had after the last run that was submitted. */
  read(value: Tensor): Promise<HostArray> {
    const storage = this.#lowered.storages.get(value);
    if (!storage?.kept) throw new FoveaError(`read: ${value.shape} is no result of this program`);
    const buffer = storage.state
      ? this.#states.bindingOf(storage.state)
      : { buffer: this.#ownBuffer(storage) };
    return this.#device.read(buffer, storage.spec);
  }

  dispose(): void {
    this.#uniforms?.destroy();
    for (const buffer of [...this.#slots, ...this.#own.values()]) buffer.destroy();
  }
}
