/// <reference lib="esnext.disposable" preserve="true" />
import { borrowDevice, type Device, type OpenOptions, openDevice } from '../device/device.ts';
import { FoveaError, LifetimeError, ShapeError } from '../errors.ts';
import { record } from '../graph/recorder.ts';
import type { State } from '../graph/state.ts';
import { baseOf, itemOf, Tensor } from '../graph/tensor.ts';
import { expectSync } from '../graph/tracking.ts';
import { expectStrategy, type StrategyName } from '../kernels/strategy.ts';
import { formatShape, type HostArray } from '../shape.ts';
import { closed, opened } from './openGpus.ts';
import type { Program } from './program.ts';
import { StateStore } from './stateStore.ts';
import type { ProgramStats } from './stats.ts';
import type { Tuned, TuneProgress, Tuner } from './tuner.ts';

/** What a captured function may return: tensors, by name. */
export type Results = Readonly<Record<string, Tensor>>;

/** One run of a captured step. Read what you need before the next run overwrites it. */
export type Run<R extends Results> = { readonly [K in keyof R]: Result };

/** One result of a run. */
export interface Result {
  /** Its elements in row-major order, f16 as float32. Throws LifetimeError once a later run has overwritten it. */
  data(): Promise<HostArray>;
  /** The number in a result of one element. Throws ShapeError where it has more or none. */
  item(): Promise<number>;
}

/** A captured function: call it with host tensors of the shapes it has seen, or new ones to be captured again. */
export interface Step<R extends Results> {
  (...inputs: Tensor[]): Promise<Run<R>>;
  /** Runs once more with the inputs of the last call, which are on the device still. Throws LifetimeError before any call. */
  again(): Promise<Run<R>>;
  /** Compiles for inputs of these shapes without running. */
  prepare(inputs: readonly Tensor[], progress?: CaptureProgress): Promise<ProgramStats>;
  /** Frees the programs that were captured. Later calls throw LifetimeError. */
  dispose(): void;
}

/** Told as operations get timed, where autotuning is on, and then as pipelines get compiled. */
export type CaptureProgress = (done: number, total: number, doing: 'tuning' | 'compiling') => void;

/** Whether strategies are timed on this adapter. */
export interface TuneOptions {
  /**
   * Whether the strategies for an operation are timed on this adapter, once for each class of shapes, when it is
   * captured first, and remembered on this machine (in Node in the user's folder for caches, in browsers in
   * IndexedDB). `true`: always. `false`: never, and what is remembered is not used either: a static guess decides,
   * the same one at every run. Default: on GPUs; on software adapters, whose compilers take seconds a kernel, only
   * what is remembered is used (`fovea tune` does it ahead). In Node FOVEA_AUTOTUNE=1 or 0 says it for all.
   */
  readonly autotune?: boolean;
}

/** Runs a program and checks what it computes. */
export type Validator = (program: Program) => Promise<void>;

/** The validator of FOVEA_VALIDATE=1. The references are no part of a bundle: the specifier is one that bundlers cannot follow. */
const importedValidator: Validator = async (program) => {
  const name = 'fovea/verify';
  const { validate } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
    validate: Validator;
  };
  await validate(program);
};

/** Switches for finding faults, from the environment in Node. */
export interface DebugOptions {
  /**
   * Compares every operation with its reference while it runs and throws at the first mismatch: `validate` of
   * fovea/verify. Default: none; in Node with FOVEA_VALIDATE=1 that function. `false`: none in any case.
   */
  readonly validate?: Validator | false;
  /** Run every operation as recorded, fusing none. */
  readonly fusion?: boolean;
  /** The name of the strategy that computes every operation that it can compute. Default: the cheapest, or what was timed. */
  readonly strategy?: StrategyName;
}

const environment = (name: string): string | undefined =>
  typeof process === 'undefined' ? undefined : process.env?.[name];

/** A device, the states that live on it, and ways to run graphs. */
export class Gpu {
  readonly device: Device;
  readonly #states: StateStore;
  readonly #programs = new Set<Program>();
  readonly #debug: {
    readonly validate: Validator | undefined;
    readonly fusion: boolean;
    readonly strategy: StrategyName | undefined;
  };
  /** Loads the tuner when it is first needed. Undefined where autotuning is off. */
  readonly #tuner: (() => Promise<Tuner>) | undefined;
  /** Whether what is not known yet is timed when it is captured. */
  readonly #tunes: boolean;

  constructor(device: Device, options: DebugOptions & TuneOptions = {}) {
    this.device = device;
    this.#states = new StateStore(device);
    const strategy = options.strategy ?? environment('FOVEA_STRATEGY');
    this.#debug = {
      validate:
        (options.validate ?? (environment('FOVEA_VALIDATE') === '1' && importedValidator)) || undefined,
      fusion: options.fusion ?? environment('FOVEA_FUSION') !== '0',
      strategy: strategy === undefined ? undefined : expectStrategy('openGpu', strategy),
    };
    const wanted = { 1: true, 0: false }[environment('FOVEA_AUTOTUNE') ?? ''];
    const autotune = options.autotune ?? wanted;
    let tuner: Promise<Tuner> | undefined;
    const load = () => {
      tuner ??= import('./tuner.ts').then((module) => new module.Tuner(device));
      return tuner;
    };
    this.#tuner = autotune === false ? undefined : load;
    this.#tunes = autotune ?? !device.adapter.software;
    opened(this);
  }

  /** Where it is remembered which kernels are the fastest here. Undefined where it is not, or autotuning is off. */
  async tunedPlace(): Promise<string | undefined> {
    return (await this.#tuner?.())?.place;
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
    let last: { readonly inputs: readonly Tensor[]; readonly program: Program } | undefined;
    const prepare = async (inputs: readonly Tensor[], progress?: CaptureProgress): Promise<Captured<R>> => {
      const key = inputs.map(signatureOf).join();
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
    const run = async (inputs: readonly Tensor[]): Promise<Run<R>> => {
      const values = inputs.map(hostData);
      const { program, placeholders, results, beforeRun } = await prepare(inputs);
      await turns.take();
      let number: number;
      try {
        await this.device.catchUp();
        for (const update of beforeRun) update();
        number = program.begin();
        // A repeated call finds them there, unless the program was made anew.
        if (last?.inputs !== inputs || last.program !== program) {
          placeholders.forEach((placeholder, i) => {
            program.write(placeholder, values[i]!);
          });
        }
        last = { inputs, program };
        if (this.#debug.validate) await this.#debug.validate(program);
        else program.run();
      } finally {
        turns.pass();
      }
      const entries = Object.entries(results).map(([name, value]) => [
        name,
        resultOf(value, () => program.read(baseOf(value), number)),
      ]);
      return Object.fromEntries(entries) as Run<R>;
    };
    return Object.assign((...inputs: Tensor[]) => run(inputs), {
      again: async () => {
        if (!last) throw new LifetimeError('step: again() repeats a call, and there was none');
        return run(last.inputs);
      },
      prepare: async (inputs: readonly Tensor[], progress?: CaptureProgress) =>
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
      const entries = Object.entries<Result>(run);
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

  /**
   * Times the strategies for what fn computes for such inputs, also where autotuning happens at captures: what is not
   * remembered yet, or all with `again`; and remembers it. fn is recorded only. Nothing happens where autotuning is
   * off. Returns what was measured now.
   */
  async tune(
    fn: (...inputs: Tensor[]) => Results,
    inputs: readonly Tensor[] = [],
    options: { readonly again?: boolean; readonly progress?: TuneProgress } = {},
  ): Promise<Tuned[]> {
    const { placeholders, results, recording } = recorded(fn, inputs);
    const tuner = await this.#tuner?.();
    if (!tuner) return [];
    const { tune } = await import('./compile.ts');
    return tune({ placeholders, values: Object.values(results), recording }, this.device, tuner, options);
  }

  async #capture<R extends Results>(
    fn: (...inputs: Tensor[]) => R,
    inputs: readonly Tensor[],
    progress?: CaptureProgress,
  ): Promise<Captured<R>> {
    const { placeholders, results, recording } = recorded(fn, inputs);
    const { fusion, strategy } = this.#debug;
    const [tuner, { compile }] = await Promise.all([
      strategy === undefined ? this.#tuner?.() : undefined,
      import('./compile.ts'),
    ]);
    const program = await compile(
      { placeholders, values: Object.values(results), recording },
      { device: this.device, states: this.#states, fusion, strategy, tuner, tunes: this.#tunes, progress },
    );
    this.#programs.add(program);
    return { program, placeholders, results, beforeRun: recording.beforeRun };
  }

  #release(program: Program): void {
    this.#programs.delete(program);
    program.dispose();
  }

  /** Frees everything on the device, and the device itself if Fovea opened it. */
  dispose(): void {
    closed(this);
    for (const program of this.#programs) program.dispose();
    this.#programs.clear();
    this.#states.dispose();
    this.device.dispose();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

const resultOf = (value: Tensor, data: () => Promise<HostArray>): Result => ({
  data,
  item: () => itemOf(value, data),
});

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
  /** Called before each run: see `onRun`. */
  readonly beforeRun: readonly (() => void)[];
}

/** What fn computes of placeholders for its inputs. */
function recorded<R extends Results>(fn: (...inputs: Tensor[]) => R, inputs: readonly Tensor[]) {
  const placeholders = inputs.map(
    ({ shape, dtype, requiresGrad }, i) =>
      new Tensor({ shape, dtype }, { kind: 'input', name: `input ${i}` }, requiresGrad),
  );
  const { result: results, recording } = record(() =>
    checkResults(expectSync('capture', fn(...placeholders))),
  );
  return { placeholders, results, recording };
}

/** Throws unless a captured function gave tensors by name. */
function checkResults<R extends Results>(results: R): R {
  if (typeof results !== 'object' || results === null || results instanceof Tensor) {
    throw new FoveaError(`capture: the function returned ${results}; return tensors by name, or {}`);
  }
  for (const [name, value] of Object.entries(results)) {
    if (value instanceof Tensor) continue;
    throw new FoveaError(`capture: result "${name}" is ${String(value)}, no tensor; return tensors by name`);
  }
  return results;
}

/** What a program is recorded for: an input's dtype, shape, and whether it requires a gradient. */
const signatureOf = ({ dtype, shape, requiresGrad }: Tensor): string =>
  `${dtype}${formatShape(shape)}${requiresGrad ? ' requires grad' : ''}`;

function hostData(input: Tensor, i: number): HostArray {
  const origin = input instanceof Tensor ? baseOf(input).origin : undefined;
  if (origin?.kind === 'constant') return origin.data;
  throw new ShapeError(`step: input ${i} is ${String(input)}; make inputs with tensor(values, shape)`);
}

/** Opens a device: in the browser, or in Node through the package `webgpu`. */
export const openGpu = async (options: OpenOptions & TuneOptions & DebugOptions = {}): Promise<Gpu> =>
  new Gpu(await openDevice(options), options);

/** Makes a `Gpu` of a device that you opened, which Fovea never destroys. Throws FoveaError for anything else. */
export function borrowGpu(device: GPUDevice, options: TuneOptions & DebugOptions = {}): Gpu {
  if (!device?.queue) throw new FoveaError('borrowGpu: that is no GPUDevice');
  return new Gpu(borrowDevice(device), options);
}
