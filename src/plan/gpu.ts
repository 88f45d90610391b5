/// <reference lib="esnext.disposable" preserve="true" />
import { borrowDevice, type Device, type OpenOptions, openDevice } from '../device/device.ts';
import { FoveaError, ShapeError } from '../errors.ts';
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
    };
  }

  /**
   * Records fn once for each input signature and lowers it. After that a call is: write inputs, replay, one
   * submit. fn may call `backward` and optimizers' `step`, and returns the tensors that can be read.
   */
  capture<R extends Results>(fn: (...inputs: Tensor[]) => R): Step<R> {
    const captured = new Map<string, Promise<Captured<R>>>();
    const prepare = (inputs: readonly Tensor[], progress?: CompileProgress): Promise<Captured<R>> => {
      const key = inputs.map((input) => `${input.dtype}${formatShape(input.shape)}`).join();
      let known = captured.get(key);
      if (!known) {
        known = this.#capture(fn, inputs, progress);
        captured.set(key, known);
        known.catch(() => captured.delete(key));
      }
      return known;
    };
    const step = async (...inputs: Tensor[]): Promise<Run<R>> => {
      const { program, placeholders, results } = await prepare(inputs);
      placeholders.forEach((placeholder, i) => {
        program.write(placeholder, hostData(inputs[i]!));
      });
      if (this.#debug.validate) await validate(program);
      else program.run();
      const entries = Object.entries(results).map(([name, value]) => [
        name,
        { data: () => program.read(baseOf(value)) },
      ]);
      return Object.fromEntries(entries) as Run<R>;
    };
    return Object.assign(step, {
      prepare: async (inputs: readonly Tensor[], progress?: CompileProgress) =>
        (await prepare(inputs, progress)).program.stats,
      dispose: () => {
        for (const pending of captured.values()) pending.then(({ program }) => this.#release(program));
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
    const { result: results, recording } = record(() => fn(...placeholders));
    const lowered = lower(this.device.caps, Object.values(results), recording.effects, this.#debug.fusion);
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

interface Captured<R extends Results> {
  readonly program: Program;
  readonly placeholders: readonly Tensor[];
  readonly results: R;
}

function hostData(input: Tensor): HostArray {
  const { origin } = baseOf(input);
  if (origin.kind !== 'constant') {
    throw new ShapeError(
      `step: input ${formatShape(input.shape)} is no host tensor; make inputs with tensor(values, shape)`,
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
