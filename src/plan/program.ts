import type { Device } from '../device/device.ts';
import { type DeviceData, put } from '../device/deviceData.ts';
import { getPipelineAsync, type Pipeline } from '../device/pipelines.ts';
import { upload } from '../device/upload.ts';
import { BufferUsage } from '../device/usage.ts';
import { type FoveaError, GpuError, LifetimeError, OutOfMemoryError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import type { Tensor } from '../graph/tensor.ts';
import { byteLength, formatShape, type HostArray } from '../shape.ts';
import type { Assembled } from '../wgsl/assemble.ts';
import { type Command, encodePass } from './commands.ts';
import { type MemoryPlan, planningMemory } from './memory.ts';
import { asWritable } from './shaders.ts';
import { inSlices } from './slices.ts';
import type { StateStore } from './stateStore.ts';
import type { ProgramStats } from './stats.ts';
import { statesWrittenBy } from './steady.ts';
import {
  isWritten,
  type Lowered,
  type LoweredDispatch,
  type LoweredOp,
  type Storage,
  sizeOf,
} from './storage.ts';

/** A dispatch with its shader as the memory plan wants it. */
interface Prepared {
  readonly op: LoweredOp;
  readonly dispatch: LoweredDispatch;
  readonly shader: Assembled;
}

/** A state that takes a value when the run ends. */
interface Copy {
  readonly source: GPUBufferBinding;
  readonly goal: GPUBufferBinding;
  readonly bytes: number;
}

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** Told as pipelines get compiled. */
export type CompileProgress = (done: number, total: number) => void;

/**
 * A lowered program on a device: pipelines, buffers and bind groups, all made once. A run is: write inputs,
 * replay the dispatches in one command buffer, one submit.
 */
export class Program {
  /** Figures: operations, dispatches, pipelines, bytes. */
  readonly stats: ProgramStats;
  /** @internal */
  readonly commands: Command[] = [];
  readonly #device: Device;
  readonly #lowered: Lowered;
  readonly #store: StateStore;
  readonly #memory: MemoryPlan;
  readonly #prepared: readonly Prepared[];
  /** The states that a run changes. */
  readonly #changed: ReadonlySet<State>;
  readonly #slots: GPUBuffer[] = [];
  readonly #own = new Map<Storage, GPUBuffer>();
  readonly #constants = new Map<Storage, HostArray | DeviceData>();
  readonly #copies: Copy[] = [];
  /** The states that are read or written; in place of those in a flat one, that one. */
  readonly #states = new Set<State>();
  #uniforms: GPUBuffer | undefined;
  /** What the states were when the steady dispatches ran last. */
  #steadyOf = -1;
  #runs = 0;
  /** Why it can no longer run. */
  #disposed: string | undefined;

  private constructor(device: Device, lowered: Lowered, states: StateStore, memory: MemoryPlan) {
    const { ops } = lowered;
    this.#device = device;
    this.#lowered = lowered;
    this.#store = states;
    this.#changed = new Set([...lowered.copies.map(({ to }) => to), ...ops.flatMap(statesWrittenBy)]);
    this.#memory = memory;
    for (const [{ origin }, storage] of lowered.storages) {
      if ('data' in origin) this.#constants.set(storage, origin.data);
    }
    this.#prepared = ops.flatMap((op) =>
      op.dispatches.map((dispatch) => ({ op, dispatch, shader: this.#shaderOf(dispatch) })),
    );
    this.stats = {
      operations: ops.length,
      dispatches: this.#prepared.length,
      steadyDispatches: ops
        .slice(0, lowered.steady)
        .reduce((sum, { dispatches }) => sum + dispatches.length, 0),
      pipelines: new Set(this.#prepared.map(({ shader }) => shader.code)).size,
      plannedBytes: this.#memory.slotSizes.reduce((sum, size) => sum + size, 0),
      lowerBoundBytes: this.#memory.lowerBound,
    };
  }

  /**
   * Compiles every pipeline side by side; then allocates and binds. Throws DeviceLimitError, OutOfMemoryError,
   * GpuError or DeviceLostError, and keeps nothing on the device then.
   *
   * @internal
   */
  static async build(
    device: Device,
    lowered: Lowered,
    states: StateStore,
    progress?: CompileProgress,
  ): Promise<Program> {
    device.check('capture');
    const memory = await inSlices(planningMemory(lowered, device.device.limits.maxBufferSize));
    const program = new Program(device, lowered, states, memory);
    try {
      const pipelines = await program.#compile(progress);
      const reports: Promise<GPUError | undefined>[] = [];
      await inSlices(program.#allocate(pipelines), (slice) => reports.push(device.attempt(slice).report));
      const refused = (await Promise.all(reports)).find((error) => error !== undefined);
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

  /** The dispatch's shader; what it reads beside something that it writes is bound as writable, as that is. */
  #shaderOf(dispatch: LoweredDispatch): Assembled {
    const { shader, bindings } = dispatch;
    const written = new Set<number | undefined>();
    const writable = new Set<number>();
    const slotOf = (storage: Storage) => this.#memory.placeOf.get(storage)?.slot;
    for (const { index, storage } of bindings) {
      if (isWritten(dispatch, index)) written.add(slotOf(storage));
    }
    written.delete(undefined);
    for (const { index, storage } of bindings) {
      if (!isWritten(dispatch, index) && written.has(slotOf(storage))) writable.add(index);
    }
    return writable.size > 0 ? asWritable(shader, writable) : shader;
  }

  async #compile(progress?: CompileProgress): Promise<Map<string, Pipeline>> {
    const unique = new Map(this.#prepared.map((made) => [made.shader.code, made]));
    let done = 0;
    const compiled: Promise<[string, Pipeline]>[] = [];
    const device = this.#device.device;
    function* start(): Generator<void, void> {
      for (const [code, { shader, op }] of unique) {
        const made = getPipelineAsync(device, shader, op.label).then((pipeline): [string, Pipeline] => {
          progress?.(++done, unique.size);
          return [code, pipeline];
        });
        // One that fails before the last is started is found below.
        made.catch(() => undefined);
        compiled.push(made);
        yield;
      }
    }
    await inSlices(start());
    return new Map(await Promise.all(compiled));
  }

  /** Makes all buffers and bind groups, with a rest after each: after this, a run allocates nothing. */
  *#allocate(pipelines: ReadonlyMap<string, Pipeline>): Generator<void, void> {
    const { device } = this.#device;
    for (const [i, size] of this.#memory.slotSizes.entries()) {
      this.#slots.push(this.#device.createBuffer(`temporary ${i} of a program`, size, STORAGE));
      yield;
    }
    for (const storage of new Set(this.#lowered.storages.values())) {
      if (!storage.kept) continue;
      if (storage.state) yield* this.#store.prepare(storage.state);
      this.#bindingOf(storage);
      yield;
    }
    for (const { from, to } of this.#lowered.copies) {
      yield* this.#store.prepare(to);
      const [source, goal] = [this.#bindingOf(from), this.#stateBinding(to)];
      this.#copies.push({ source, goal, bytes: byteLength(to.spec) });
    }
    const size = Math.max(1, this.#prepared.length) * 256;
    const uniforms = this.#device.createBuffer('params', size, BufferUsage.UNIFORM | BufferUsage.COPY_DST);
    this.#uniforms = uniforms;
    const packed = new Uint8Array(this.#prepared.length * 256);
    for (const [i, { op, dispatch, shader }] of this.#prepared.entries()) {
      packed.set(new Uint8Array(dispatch.params), i * 256);
      const { pipeline, layout } = pipelines.get(shader.code)!;
      const entries: GPUBindGroupEntry[] = dispatch.bindings.map(({ index, storage }) => ({
        binding: index,
        resource: this.#bindingOf(storage, op),
      }));
      if (shader.bindings.some((binding) => binding.kind === 'uniform')) {
        entries.push({ binding: 0, resource: { buffer: uniforms, offset: i * 256, size: 256 } });
      }
      const group = device.createBindGroup({ label: op.label, layout, entries });
      this.commands.push({ pipeline, group, workgroups: dispatch.workgroups, op, dispatch });
      yield;
    }
    upload(device, uniforms, 0, packed);
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
    const place = this.#memory.placeOf.get(storage);
    if (place) return { buffer: this.#slots[place.slot]!, offset: place.offset, size: sizeOf(storage) };
    return { buffer: this.#ownBuffer(storage, op), offset: 0, size: sizeOf(storage) };
  }

  #stateBinding(state: State): GPUBufferBinding {
    this.#states.add(state.home?.flat ?? state);
    return this.#store.bindingOf(state);
  }

  /**
   * Whether an optimizer has moved a state of this program to another buffer since it was built.
   *
   * @internal
   */
  get moved(): boolean {
    for (const state of this.#states) if (state.home) return true;
    return false;
  }

  /** Buffers that are the storage's alone: inputs, constants, tables, results. */
  #ownBuffer(storage: Storage, op?: LoweredOp): GPUBuffer {
    const known = this.#own.get(storage);
    if (known) return known;
    const buffer = this.#device.createBuffer(storage.label, sizeOf(storage), STORAGE);
    this.#own.set(storage, buffer);
    const table = op?.tables.get(storage);
    if (table) upload(this.#device.device, buffer, 0, table);
    const constant = this.#constants.get(storage);
    if (constant) put(this.#device, buffer, constant);
    return buffer;
  }

  /**
   * Puts values into an input of the program. An input that nothing reads is left out.
   *
   * @internal
   */
  write(input: Tensor, values: HostArray | DeviceData): void {
    const storage = this.#lowered.storages.get(input);
    if (storage) put(this.#device, this.#ownBuffer(storage), values);
  }

  /**
   * Begins a run: from here on the results of the one before are gone. Returns its number.
   *
   * @internal
   */
  begin(): number {
    this.#expectAlive('step');
    return ++this.#runs;
  }

  /**
   * Encodes and submits everything, once.
   *
   * @internal
   */
  run(): void {
    this.#device.watch('step', () => {
      const encoder = this.encode();
      this.#copyStates(encoder);
      this.#device.submit(encoder);
      if (this.#changed.size > 0) this.#store.changed(this.#changed);
    });
  }

  /**
   * The dispatches of so many runs, without what assigns states: in one pass.
   *
   * @internal
   */
  encode(runs = 1): GPUCommandEncoder {
    for (const state of this.#states) this.#store.flush(state);
    const encoder = this.#device.device.createCommandEncoder({ label: 'fovea program' });
    const { revision } = this.#store;
    const { steadyDispatches } = this.stats;
    const first = this.#steadyOf === revision ? steadyDispatches : 0;
    this.#steadyOf = revision;
    encodePass(encoder, this.commands, [first, ...Array.from({ length: runs - 1 }, () => steadyDispatches)]);
    return encoder;
  }

  #expectAlive(doing: string): void {
    this.#device.check(doing);
    if (this.#disposed) throw new LifetimeError(`${doing}: ${this.#disposed}`);
  }

  /** Puts the values that were assigned into their states. */
  #copyStates(encoder: GPUCommandEncoder): void {
    for (const { source, goal, bytes } of this.#copies) {
      encoder.copyBufferToBuffer(source.buffer, source.offset ?? 0, goal.buffer, goal.offset ?? 0, bytes);
    }
  }

  /**
   * Calls `visit` for every operation with a way to run it, by itself, and a way to read any tensor that it touches,
   * before or after: for finding faults.
   *
   * @internal
   */
  async runEach(
    visit: (op: LoweredOp, run: () => void, read: (storage: Storage) => Promise<HostArray>) => Promise<void>,
  ): Promise<void> {
    this.#device.watch('step', () => {
      for (const state of this.#states) this.#store.flush(state);
    });
    for (const op of this.#lowered.ops) {
      const run = () => {
        this.#device.watch(op.label, () => {
          const encoder = this.#device.device.createCommandEncoder({ label: op.label });
          encodePass(
            encoder,
            this.commands.filter((command) => command.op === op),
          );
          this.#device.submit(encoder);
        });
      };
      await visit(op, run, (storage) => this.#device.read(this.#bindingOf(storage, op), storage.spec));
    }
    this.#device.watch('step', () => {
      const encoder = this.#device.device.createCommandEncoder({ label: 'fovea states' });
      this.#copyStates(encoder);
      this.#device.submit(encoder);
      if (this.#changed.size > 0) this.#store.changed(this.#changed);
    });
  }

  /**
   * The tensors that live in these storages.
   *
   * @internal
   */
  tensorsOf(storages: readonly Storage[]): [Tensor, Storage][] {
    return [...this.#lowered.storages].filter(([, storage]) => storages.includes(storage));
  }

  /**
   * The value that a result had after a run. Throws LifetimeError where a later one has overwritten it.
   *
   * @internal
   */
  async read(value: Tensor, run: number): Promise<HostArray> {
    this.#expectAlive('data');
    const storage = this.#lowered.storages.get(value);
    if (!storage?.kept)
      throw new LifetimeError(`data: ${formatShape(value.shape)} is no result of this step`);
    if (run !== this.#runs) {
      throw new LifetimeError(
        `data: ${formatShape(value.shape)} was overwritten: this step has run again since; call data() before the next step`,
      );
    }
    return this.#device.read(this.#bindingOf(storage), storage.spec, 'data');
  }

  /**
   * Frees its memory on the device, and says why to those who ask for its results later.
   *
   * @internal
   */
  dispose(why = 'this step was disposed of; capture its function again'): void {
    this.#disposed ??= why;
    this.#uniforms?.destroy();
    for (const buffer of [...this.#slots, ...this.#own.values()]) buffer.destroy();
  }
}
