/// <reference lib="esnext.disposable" preserve="true" />
import { borrowDevice, Device, type OpenOptions, openDevice } from '../device/device.ts';
import { FoveaError, UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import type { Tensor } from '../graph/tensor.ts';
import { expectFunction } from '../graph/tracking.ts';
import { expectStrategy, type StrategyName } from '../kernels/strategy.ts';
import { expectOptions, withDefaults } from '../options.ts';
import type { HostArray } from '../shape.ts';
import { closed, opened } from './openGpus.ts';
import type { Program } from './program.ts';
import { StateStore } from './stateStore.ts';
import {
  CapturedStep,
  type CaptureProgress,
  type Recorded,
  type Result,
  type Results,
  recordFunction,
  type Step,
  type StepHost,
} from './step.ts';
import type { Tuned, TuneProgress, Tuner } from './tuner.ts';

/** How a function is captured. */
export interface CaptureOptions {
  /** How many programs are kept for different signatures. The least recently used is freed first. Default 32. */
  readonly maxPrograms?: number;
}

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
  readonly #host: StepHost;
  /** Frees the programs of steps that nothing refers to any more. */
  readonly #dropped = new FinalizationRegistry((programs: ReadonlySet<Program>) => {
    for (const program of programs) this.release(program);
  });
  /** Loads the tuner when it is first needed. Undefined where autotuning is off. */
  readonly #tuner: (() => Promise<Tuner>) | undefined;
  /** Whether what is not known yet is timed when it is captured. */
  readonly #tunes: boolean;

  /** Throws UsageError for what is no `Device` of Fovea's. */
  constructor(device: Device, options: DebugOptions & TuneOptions = {}) {
    if (!(device instanceof Device)) {
      throw new UsageError(
        'Gpu: that is no Device of Fovea; make a Gpu of a GPUDevice with borrowGpu(device)',
      );
    }
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
      tuner ??= import('./tuner.ts').then((module) => new module.Tuner(device, () => new StateStore(device)));
      return tuner;
    };
    this.#tuner = autotune === false ? undefined : load;
    this.#tunes = autotune ?? !device.adapter.software;
    this.#host = {
      device,
      compile: (recorded, progress) => this.compile(recorded, progress),
      run: async (program) => {
        if (this.#debug.validate) await this.#debug.validate(program);
        else program.run();
      },
      release: (program, why) => this.release(program, why),
    };
    opened(this);
  }

  /** Where it is remembered which kernels are the fastest here. Undefined where it is not, or autotuning is off. */
  async tunedPlace(): Promise<string | undefined> {
    return (await this.#tuner?.())?.place;
  }

  /**
   * Records fn once for each input signature (shapes, dtypes, whether they require gradients) and lowers it. After that a call
   * is: write inputs, replay, one submit. fn may call `backward` and optimizers' `step`, and returns the tensors that can be
   * read; it must not be async. A capture that throws changes nothing and is tried again at the next call. When the mode
   * (`train()`, `eval()`) or a setting (`dropout.p`) of a module that fn has used, or `requiresGrad` of a parameter, has changed, it
   * is recorded again.
   *
   * @param options `maxPrograms`: how many programs are kept, the least recently used being freed first. Default 32.
   * @throws UsageError for what is no function, and for unknown options.
   */
  capture<R extends Results, const A extends readonly Tensor[] = readonly Tensor[]>(
    fn: (...inputs: A) => R,
    options: CaptureOptions = {},
  ): Step<R, A> {
    expectFunction('capture', fn);
    const { maxPrograms } = withDefaults('capture', options, { maxPrograms: 32 });
    if (!(maxPrograms >= 1)) {
      throw new UsageError(`capture: maxPrograms must be a number of at least 1, got ${maxPrograms}`);
    }
    const record = (...inputs: Tensor[]) => fn(...(inputs as readonly Tensor[] as A));
    const captured = new CapturedStep(this.#host, record, maxPrograms);
    this.#dropped.register(captured, captured.programs);
    const dispose = () => captured.dispose();
    return Object.assign((...inputs: A) => captured.run(inputs), {
      again: () => captured.again(),
      prepare: (inputs: A, progress?: CaptureProgress) => captured.prepare(inputs, progress),
      dispose,
      [Symbol.dispose]: dispose,
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

  /** Whether a program has changed a state here since the host last set it, so that its value is on this device alone. */
  holds(state: State): boolean {
    return this.#states.holds(state);
  }

  /** What a state holds on this device now. */
  download(state: State): Promise<HostArray> {
    return this.#states.read(state);
  }

  /**
   * Times the strategies for what fn computes for such inputs, also where autotuning happens at captures: what is not
   * remembered yet, or all with `again`; and remembers it. fn is recorded only. Nothing happens where autotuning is
   * off. Returns what was measured now. Throws UsageError for an unknown option.
   */
  async tune(
    fn: (...inputs: Tensor[]) => Results,
    inputs: readonly Tensor[] = [],
    options: { readonly again?: boolean; readonly progress?: TuneProgress } = {},
  ): Promise<Tuned[]> {
    expectFunction('tune', fn);
    expectOptions('tune', options, ['again', 'progress']);
    const recorded = recordFunction(fn, inputs, 'tune');
    const tuner = await this.#tuner?.();
    if (!tuner) return [];
    const { tune } = await import('./compile.ts');
    return tune(recorded, this.device, tuner, options);
  }

  /**
   * The program of what was recorded. `release` frees it.
   *
   * @internal
   */
  async compile(recorded: Recorded, progress?: CaptureProgress): Promise<Program> {
    const { fusion, strategy } = this.#debug;
    const [tuner, { compile }] = await Promise.all([
      strategy === undefined ? this.#tuner?.() : undefined,
      import('./compile.ts'),
    ]);
    const [device, states] = [this.device, this.#states];
    const options = { device, states, fusion, strategy, tuner, tunes: this.#tunes, progress };
    const program = await compile(recorded, options);
    this.#programs.add(program);
    return program;
  }

  /** @internal */
  release(program: Program, why?: string): void {
    this.#programs.delete(program);
    program.dispose(why);
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

/** The options of every `Gpu`; what is undefined, the environment or the adapter decides. */
const GPU_OPTIONS = { autotune: undefined, validate: undefined, fusion: undefined, strategy: undefined };

/** Opens a device: in the browser, or in Node through the package `webgpu`. Throws UsageError for an unknown option. */
export async function openGpu(options: OpenOptions & TuneOptions & DebugOptions = {}): Promise<Gpu> {
  const more = { adapter: undefined, gpuAdapter: undefined, limits: undefined, boundsChecks: undefined };
  const chosen = withDefaults('openGpu', options, { ...GPU_OPTIONS, ...more });
  return new Gpu(await openDevice(chosen), chosen);
}

/** Makes a `Gpu` of a device that you opened, which Fovea never destroys. Throws FoveaError for anything else. */
export function borrowGpu(device: GPUDevice, options: TuneOptions & DebugOptions = {}): Gpu {
  if (!device?.queue) {
    const own =
      Object(device) === device && 'device' in device
        ? ' but an object of Fovea; pass gpu.device.device'
        : '';
    throw new FoveaError(`borrowGpu: that is no GPUDevice${own}`);
  }
  return new Gpu(borrowDevice(device), withDefaults('borrowGpu', options, GPU_OPTIONS));
}
