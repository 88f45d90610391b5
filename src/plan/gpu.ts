/// <reference lib="esnext.disposable" preserve="true" />
import { borrowDevice, type Device, type OpenOptions, openDevice } from '../device/device.ts';
import { FoveaError, LifetimeError, ShapeError } from '../errors.ts';
import { record } from '../graph/recorder.ts';
import { baseOf, type State, Tensor } from '../graph/tensor.ts';
import { formatShape, type HostArray } from '../shape.ts';
import { lower } from './lower.ts';
import { type CompileProgress, Program, type ProgramStats } from './program.ts';
import { StateStore } from './stateStore.ts';
import { validate } from './validate.ts';

/** What a captured function may return: tensors, by name. */
export type Results = Readonly<Record<string, Tensor>>;

/** One run of a captured step. Read what you need before the next run overwrites it. */
export type Run<R extends Results> = { readonly [K in keyof R]: { data(): Promise<HostArray> } };

/** A captured function: call it with host tensors of the shapes it has seen, or new ones to be captured again. */
export interface Step<R extends Results> {
  (...inputs: Tensor[]): Promise<Run<R>>;
  /** Compiles for inputs of these shapes without running. */
  prepare(inputs: readonly Tensor[], progress?: CompileProgress): Promise<ProgramStats>;
  dispose(): void;
}

/** Switches for finding faults, from the environment in Node. */
export interface DebugOptions {
  /** Compare every operation with its reference while it runs; stop at the first mismatch. */
  readonly validate?: boolean;
  /** Run every operation as recorded, fusing none. */
  readonly fusion?: boolean;
  /** Take faster alternatives to kernels where there are some. */
  readonly alternatives?: boolean;
}

const environment = (name: string): string | undefined =>
  typeof process === 'undefined' ? undefined : process.env?.[name];

/** A device, the states that live on it, and ways to run graphs. */
export class Gpu {
  readonly device: Device;
  readonly #states: StateStore;
  readonly #programs = new Set<Program>();
  readonly #debug: Required<DebugOptions>;

  constructor(device: Device, debug: DebugOptions = {}) {
    this.device = device;
    this.#states = new StateStore(device);
    this.#debug = {
      validate: debug.validate ?? environment('FOVEA_VALIDATE') === '1',
      fusion: debug.fusion ?? environment('FOVEA_FUSION') !== '0',
      alternatives: debug.alternatives ?? environment('FOVEA_ALTERNATIVES') !== '0',
    };
  }

  /**
   * Records fn once for each input signature and lowers it. After that a call is: write inputs, replay, one
   * submit. fn may call `backward` and optimizers' `step`, and returns the tensors that can be read; it must not be
   * async. A capture that throws changes nothing and is tried again at the next call.
   */
  capture<R extends Results>(fn: (...inputs: Tensor[]) => R): Step<R> {
    const captured = new Map<string, Promise<Captured<R>>>();
    const turns = new Turns();
    let disposed = false;
    const prepare = async (inputs: readonly Tensor[], progress?: CompileProgress): Promise<Captured<R>> => {
      const key = inputs.map((input) => `${input.dtype}${formatShape(input.shape)}`).join();
      const known = captured.get(key);
      // A program binds the buffers that states had: where an optimizer has taken them since, it is made anew.
      const moved = known && (await known).program.moved;
      if (disposed) throw new LifetimeError('step: it was disposed of; capture its function again');
      if (known && !moved) return known;
      const current = captured.get(key);
      if (current && current !== known) return current;
      known?.then(({ program }) => this.#release(program));
      const made = this.#capture(fn, inputs, progress);
      captured.set(key, made);
      made.catch(() => captured.delete(key));
      return made;
    };
    const step = async (...inputs: Tensor[]): Promise<Run<R>> => {
      const values = inputs.map(hostData);
      const { program, placeholders, results } = await prepare(inputs);
      await turns.take();
      let run: number;
      try {
        await this.device.catchUp();
        run = program.begin();
        placeholders.forEach((placeholder, i) => {
          program.write(placeholder, values[i]!);
        });
        if (this.#debug.validate) await validate(program);
        else program.run();
      } finally {
        turns.pass();
      }
      const entries = Object.entries(results).map(([name, value]) => [
        name,
        { data: () => program.read(baseOf(value), run) },
      ]);
      return Object.fromEntries(entries) as Run<R>;
    };
    return Object.assign(step, {
      prepare: async (inputs: readonly Tensor[], progress?: CompileProgress) =>
        (await prepare(inputs, progress)).program.stats,
      dispose: () => {
        disposed = true;
        const release = ({ program }: Captured<R>) => this.#release(program);
        // One that failed has told its caller, and left nothing to free.
        for (const pending of captured.values()) pending.then(release, () => undefined);
        captured.clear();
      },
    });
  }

  /** Records, runs and reads in one go: the values of the tensors that fn returns. */
  async run<R extends Results>(fn: () => R): Promise<{ readonly [K in keyof R]: HostArray }> {
    const step = this.capture(fn);
    try {
      const run = await step();
      const entries = Object.entries(run) as [string, { data(): Promise<HostArray> }][];
      const values: [string, HostArray][] = [];
      for (const [name, value] of entries) values.push([name, await value.data()]);
      return Object.fromEntries(values) as { readonly [K in keyof R]: HostArray };
    } finally {
      step.dispose();
    }
  }

  /** The values of tensors, computed as one submission. */
  async read(...tensors: Tensor[]): Promise<HostArray[]> {
    const named = Object.fromEntries(tensors.map((value, i) => [String(i), value]));
    return Object.values(await this.run(() => named));
  }

  /** What a state holds on this device now. */
  download(state: State): Promise<HostArray> {
    return this.#states.read(state);
  }

  async #capture<R extends Results>(
    fn: (...inputs: Tensor[]) => R,
    inputs: readonly Tensor[],
    progress?: CompileProgress,
  ): Promise<Captured<R>> {
    const placeholders = inputs.map(
      (input, i) =>
        new Tensor(
          { shape: input.shape, dtype: input.dtype },
          { kind: 'input', name: `input ${i}` },
          input.requiresGrad,
        ),
    );
    const { result: results, recording } = record(() => checkResults(fn(...placeholders)));
    const lowered = lower(this.device.caps, Object.values(results), recording.effects, this.#debug);
    for (const { origin, shape } of lowered.storages.keys()) {
      if (origin.kind !== 'input' || placeholders.some((own) => own.origin === origin)) continue;
      throw new LifetimeError(
        `capture: a tensor here is made from ${origin.name} ${formatShape(shape)} of another capture; use what a captured function is given inside of it only`,
      );
    }
    const program = await Program.build(this.device, lowered, this.#states, progress);
    this.#programs.add(program);
    return { program, placeholders, results };
  }

  #release(program: Program): void {
    this.#programs.delete(program);
    program.dispose();
  }

  /** Frees everything on the device, and the device itself if Fovea opened it. */
  dispose(): void {
    for (const program of this.#programs) program.dispose();
    this.#programs.clear();
    this.#states.dispose();
    this.device.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * One run of a step at a time. Who waits begins a task later, so that the caller before has taken its results when
 * they are overwritten; who comes when nobody waits does not wait either.
 */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  async take(): Promise<void> {
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
  }

  pass(): void {
    const next = this.#waiting.shift();
    if (next) setTimeout(next);
    else this.#taken = false;
  }
}

interface Captured<R extends Results> {
  readonly program: Program;
  readonly placeholders: readonly Tensor[];
  readonly results: R;
}

/** Throws unless a captured function gave tensors by name. */
function checkResults<R extends Results>(results: R): R {
  if (results instanceof Promise) {
    // What it records after its first await is in no capture, and fails there; this error says why.
    results.catch(() => undefined);
    throw new FoveaError(
      'capture: the function is async; record without await, and await data() of the step’s results instead',
    );
  }
  if (typeof results !== 'object' || results === null) {
    throw new FoveaError(`capture: the function returned ${results}; return tensors by name, or {}`);
  }
  for (const [name, value] of Object.entries(results)) {
    if (value instanceof Tensor) continue;
    throw new FoveaError(`capture: result "${name}" is ${String(value)}, no tensor; return tensors by name`);
  }
  return results;
}

function hostData(input: Tensor, i: number): HostArray {
  if (!(input instanceof Tensor)) {
    throw new ShapeError(
      `step: input ${i} is ${String(input)}, no tensor; make it with tensor(values, shape)`,
    );
  }
  const { origin } = baseOf(input);
  if (origin.kind !== 'constant') {
    throw new ShapeError(
      `step: input ${i} ${formatShape(input.shape)} is no host tensor; make inputs with tensor(values, shape)`,
    );
  }
  return origin.data;
}

/** Opens a device: in the browser, or in Node through the package `webgpu`. */
export const openGpu = async (options: OpenOptions & DebugOptions = {}): Promise<Gpu> =>
  new Gpu(await openDevice(options), options);

/** Works on a device of the caller's, which is never destroyed. */
export function borrowGpu(device: GPUDevice, debug: DebugOptions = {}): Gpu {
  if (!device?.queue) throw new FoveaError('borrowGpu: that is no GPUDevice');
  return new Gpu(borrowDevice(device), debug);
}
