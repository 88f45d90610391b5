import type { Device } from '../device/device.ts';
import { getPipelineAsync, type Pipeline } from '../device/pipelines.ts';
import { BufferUsage } from '../device/usage.ts';
import { type FoveaError, GpuError, LifetimeError, OutOfMemoryError } from '../errors.ts';
import type { State, Tensor } from '../graph/tensor.ts';
import { byteLength, formatShape, type HostArray } from '../shape.ts';
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
  readonly #slots: GPUBuffer[] = [];
  readonly #own = new Map<Storage, GPUBuffer>();
  readonly #commands: Command[] = [];
  /** The states that are read or written, and the flat ones that they were in when bind groups were made. */
  readonly #homes = new Map<State, State['home']>();
  #uniforms: GPUBuffer | undefined;
  #runs = 0;
  #disposed = false;

  private constructor(device: Device, lowered: Lowered, states: StateStore) {
    this.#device = device;
    this.#lowered = lowered;
    this.#states = states;
    this.#memory = planMemory(lowered);
    const dispatches = lowered.ops.flatMap((op) => op.dispatches);
    this.stats = {
      operations: lowered.ops.length,
      dispatches: dispatches.length,
      pipelines: new Set(dispatches.map((dispatch) => dispatch.shader.code)).size,
      plannedBytes: this.#memory.slotSizes.reduce((sum, size) => sum + size, 0),
      lowerBoundBytes: this.#memory.lowerBound,
    };
  }

  /**
   * Compiles every pipeline side by side; then allocates and binds. Throws DeviceLimitError, OutOfMemoryError,
   * GpuError or DeviceLostError, and keeps nothing on the device then.
   */
  static async build(
    device: Device,
    lowered: Lowered,
    states: StateStore,
    progress?: CompileProgress,
  ): Promise<Program> {
    device.check('capture');
    const program = new Program(device, lowered, states);
    try {
      const pipelines = await program.#compile(progress);
      const { report } = device.attempt(() => program.#allocate(pipelines));
      const refused = await report;
      await device.settled();
      device.check('capture');
      if (refused) throw program.#refused(refused);
      return program;
    } catch (error) {
      program.dispose();
      // On a device that is gone, compilers fail in ways of their own.
      device.check('capture');
      throw error;
    }
  }

  async #compile(progress?: CompileProgress): Promise<Map<string, Pipeline>> {
    const dispatches = this.#lowered.ops.flatMap((op) => op.dispatches);
    const unique = new Map(dispatches.map(({ shader }) => [shader.code, shader]));
    let done = 0;
    const compiled = [...unique].map(async ([code, shader]): Promise<[string, Pipeline]> => {
      const pipeline = await getPipelineAsync(this.#device.device, shader);
      progress?.(++done, unique.size);
      return [code, pipeline];
    });
    return new Map(await Promise.all(compiled));
  }

  /** Makes all buffers and bind groups: after this, a run allocates nothing. */
  #allocate(pipelines: ReadonlyMap<string, Pipeline>): void {
    const { device } = this.#device;
    this.#memory.slotSizes.forEach((size, i) => {
      this.#slots.push(this.#device.createBuffer(`temporary ${i} of a program`, size, STORAGE));
    });
    for (const storage of new Set(this.#lowered.storages.values())) {
      if (storage.kept) this.#bindingOf(storage);
    }
    for (const { to } of this.#lowered.copies) this.#stateBinding(to);
    const dispatches = this.#lowered.ops.flatMap((op) => op.dispatches.map((dispatch) => ({ op, dispatch })));
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

  /** What WebGPU found wrong while memory was taken, with the figures that tell what to make smaller. */
  #refused(error: GPUError): FoveaError {
    if (!/memory/i.test(error.constructor.name)) {
      return new GpuError(`capture: WebGPU reported: ${error.message.trim().split('\n')[0]}`, {
        cause: error,
      });
    }
    const { plannedBytes } = this.stats;
    const largest = Math.max(0, ...this.#memory.slotSizes);
    const own = [...this.#own.values()].reduce((sum, buffer) => sum + buffer.size, 0);
    return new OutOfMemoryError(
      `capture: the device refused memory for this program: ${plannedBytes} bytes of temporaries (the largest ${largest}), ${own} bytes of inputs, constants and results; use a smaller batch or size, or dispose of other steps first`,
      { cause: error },
    );
  }

  #bindingOf(storage: Storage, op?: LoweredOp): GPUBufferBinding {
    if (storage.home) {
      const { buffer } = this.#bindingOf(storage.home.storage, op);
      return { buffer, offset: storage.home.offset, size: sizeOf(storage) };
    }
    if (storage.state) return this.#stateBinding(storage.state);
    const slot = this.#memory.slotOf.get(storage);
    if (slot !== undefined) return { buffer: this.#slots[slot]!, offset: 0, size: sizeOf(storage) };
    return { buffer: this.#ownBuffer(storage, op), offset: 0, size: sizeOf(storage) };
  }

  #stateBinding(state: State): GPUBufferBinding {
    this.#homes.set(state, state.home);
    return this.#states.bindingOf(state);
  }

  /** Whether an optimizer has moved a state of this program to another buffer since it was built. */
  get moved(): boolean {
    return [...this.#homes].some(([state, home]) => state.home !== home);
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

  /** Begins a run: from here on the results of the one before are gone. Returns its number. */
  begin(): number {
    this.#expectAlive('step');
    return ++this.#runs;
  }

  /** Encodes and submits everything, once. */
  run(): void {
    this.#device.watch('step', () => {
      for (const state of this.#homes.keys()) this.#states.flush(state);
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
    });
  }

  #expectAlive(doing: string): void {
    this.#device.check(doing);
    if (this.#disposed)
      throw new LifetimeError(`${doing}: this step was disposed of; capture its function again`);
  }

  /** Puts the values that were assigned into their states. */
  #copyStates(encoder: GPUCommandEncoder): void {
    for (const { from, to } of this.#lowered.copies) {
      const source = this.#bindingOf(from);
      const goal = this.#stateBinding(to);
      const bytes = byteLength(to.spec);
      encoder.copyBufferToBuffer(source.buffer, source.offset ?? 0, goal.buffer, goal.offset ?? 0, bytes);
    }
  }

  /**
   * Calls `visit` for every operation with a way to run it, by itself, and a way to read any tensor that it touches,
   * before or after: for finding faults.
   */
  async runEach(
    visit: (op: LoweredOp, run: () => void, read: (storage: Storage) => Promise<HostArray>) => Promise<void>,
  ): Promise<void> {
    this.#device.watch('step', () => {
      for (const state of this.#homes.keys()) this.#states.flush(state);
    });
    for (const op of this.#lowered.ops) {
      const run = () => {
        this.#device.watch(op.label, () => {
          const encoder = this.#device.device.createCommandEncoder({ label: op.label });
          const pass = encoder.beginComputePass();
          for (const command of this.#commands.filter((candidate) => candidate.op === op)) {
            pass.setPipeline(command.pipeline);
            pass.setBindGroup(0, command.group);
            pass.dispatchWorkgroups(...command.workgroups);
          }
          pass.end();
          this.#device.device.queue.submit([encoder.finish()]);
        });
      };
      await visit(op, run, (storage) => this.#device.read(this.#bindingOf(storage, op), storage.spec));
    }
    this.#device.watch('step', () => {
      const encoder = this.#device.device.createCommandEncoder({ label: 'fovea states' });
      this.#copyStates(encoder);
      this.#device.device.queue.submit([encoder.finish()]);
    });
  }

  /** The tensors that live in these storages. */
  tensorsOf(storages: readonly Storage[]): [Tensor, Storage][] {
    return [...this.#lowered.storages].filter(([, storage]) => storages.includes(storage));
  }

  /** The value that a result had after a run. Throws LifetimeError where a later one has overwritten it. */
  async read(value: Tensor, run: number): Promise<HostArray> {
    this.#expectAlive('data');
    const storage = this.#lowered.storages.get(value);
    if (!storage?.kept)
      throw new LifetimeError(`data: ${formatShape(value.shape)} is no result of this step`);
    if (run !== this.#runs) {
      throw new LifetimeError(
        `data: ${formatShape(value.shape)} was overwritten: this step has run again since; call data() before the next call of the step`,
      );
    }
    return this.#device.read(this.#bindingOf(storage), storage.spec, 'data');
  }

  dispose(): void {
    this.#disposed = true;
    this.#uniforms?.destroy();
    for (const buffer of [...this.#slots, ...this.#own.values()]) buffer.destroy();
  }
}
