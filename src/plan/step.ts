/// <reference lib="esnext.disposable" preserve="true" />
import type { Device } from '../device/device.ts';
import type { DeviceData } from '../device/deviceData.ts';
import { FoveaError, LifetimeError, ShapeError } from '../errors.ts';
import { itemOf } from '../graph/item.ts';
import { type Recording, record } from '../graph/recorder.ts';
import { baseOf, Tensor } from '../graph/tensor.ts';
import { expectSync } from '../graph/tracking.ts';
import { formatShape, type HostArray } from '../shape.ts';
import type { Program } from './program.ts';
import type { ProgramStats } from './stats.ts';

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

/**
 * A captured function, with the function's own parameters `A`: call it with tensors of values (`tensor(values)`, or the `tensor`
 * of a `GpuImage`) of the shapes it has seen, or new ones to be captured again.
 */
export interface Step<R extends Results, A extends readonly Tensor[] = readonly Tensor[]> {
  (...inputs: A): Promise<Run<R>>;
  /** Runs once more with the inputs of the last call, which are on the device still. Throws LifetimeError before any call. */
  again(): Promise<Run<R>>;
  /** Compiles for inputs of these shapes without running. */
  prepare(inputs: A, progress?: CaptureProgress): Promise<ProgramStats>;
  /**
   * Frees the programs that were captured. Later calls throw LifetimeError. Otherwise they are freed some time after neither
   * the step nor a result of it is referred to.
   */
  dispose(): void;
  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void;
}

/** Told as operations get timed, where autotuning is on, and then as pipelines get compiled. */
export type CaptureProgress = (done: number, total: number, doing: 'tuning' | 'compiling') => void;

/** What a function has computed of placeholders. */
export interface Recorded<R extends Results = Results> {
  readonly placeholders: readonly Tensor[];
  readonly results: R;
  /** What holds the elements of each result. A result that is a view may be cut from it once it is read. */
  readonly bases: Readonly<Record<string, Tensor>>;
  readonly recording: Recording;
}

/** What a step needs of its Gpu. */
export interface StepHost {
  readonly device: Device;
  /** Makes a program, which `run` runs and `release` frees. */
  compile(recorded: Recorded, progress: CaptureProgress | undefined): Promise<Program>;
  run(program: Program): Promise<void>;
  release(program: Program, why?: string): void;
}

/** A program, or one on its way, and what it was recorded for. */
interface Entry<R extends Results> {
  readonly signature: string;
  readonly recorded: Recorded<R>;
  readonly made: Promise<Program>;
  /** Calls that wait for it or run it. */
  users: number;
}

/** The programs of a captured function. */
export class CapturedStep<R extends Results> {
  /**
   * All that can be freed. It must not refer to the step: it is kept to be freed when the step, and so its results, are
   * collected.
   */
  readonly programs = new Set<Program>();
  readonly #host: StepHost;
  readonly #fn: (...inputs: Tensor[]) => R;
  readonly #limit: number;
  /** The one that was used last comes last. */
  readonly #entries: Entry<R>[] = [];
  readonly #turns = new Turns();
  #disposed = false;
  #last: { readonly inputs: readonly Tensor[]; readonly program: Program } | undefined;

  constructor(host: StepHost, fn: (...inputs: Tensor[]) => R, limit: number) {
    this.#host = host;
    this.#fn = fn;
    this.#limit = limit;
  }

  async prepare(inputs: readonly Tensor[], progress?: CaptureProgress): Promise<ProgramStats> {
    const entry = await this.#enter(inputs, progress);
    try {
      return (await entry.made).stats;
    } finally {
      this.#leave(entry);
    }
  }

  async again(): Promise<Run<R>> {
    if (!this.#last) throw new LifetimeError('step: again() repeats a call, and there was none');
    return this.run(this.#last.inputs);
  }

  async run(inputs: readonly Tensor[]): Promise<Run<R>> {
    const values = inputs.map(dataOf);
    const entry = await this.#enter(inputs);
    try {
      const program = await entry.made;
      const { placeholders, results, bases, recording } = entry.recorded;
      await this.#turns.take();
      let number: number;
      try {
        await this.#host.device.catchUp();
        for (const update of recording.beforeRun) update();
        number = program.begin();
        // A repeated call finds them there, unless the program was made anew.
        if (this.#last?.inputs !== inputs || this.#last.program !== program) {
          // One that is on the device may be refused, and some are overwritten then.
          this.#last = undefined;
          placeholders.forEach((placeholder, i) => {
            program.write(placeholder, values[i]!);
          });
        }
        this.#last = { inputs, program };
        await this.#host.run(program);
      } finally {
        this.#turns.pass();
      }
      const entries = Object.entries(results).map(([name, value]) => {
        const data = () => this.#read(program, bases[name]!, number);
        return [name, { data, item: () => itemOf(value, data) }];
      });
      return Object.fromEntries(entries) as Run<R>;
    } finally {
      this.#leave(entry);
    }
  }

  dispose(): void {
    this.#disposed = true;
    // One that failed has told its caller, and left nothing to free.
    for (const entry of this.#entries.splice(0)) this.#free(entry);
  }

  /** A method, so that whoever has a result keeps the step, and with it the program. */
  #read(program: Program, base: Tensor, run: number): Promise<HostArray> {
    return program.read(base, run);
  }

  /** The program for these inputs as the modules are now, captured if there is none. `#leave` must follow. */
  async #enter(inputs: readonly Tensor[], progress?: CaptureProgress): Promise<Entry<R>> {
    const signature = inputs.map(signatureOf).join();
    const find = () =>
      this.#entries.find(
        (entry) =>
          entry.signature === signature &&
          [...entry.recorded.recording.readings.values()].every(({ read, value }) => read() === value),
      );
    const known = find();
    if (known) known.users++;
    // A program binds the buffers that states had: where an optimizer has taken them since, it is made anew.
    const moved = known && (await known.made.finally(() => known.users--)).moved;
    if (this.#disposed) throw new LifetimeError('step: it was disposed of; capture its function again');
    if (moved) this.#remove(known);
    const entry = find() ?? this.#capture(signature, inputs, progress);
    entry.users++;
    const at = this.#entries.indexOf(entry);
    this.#entries.push(...this.#entries.splice(at, 1));
    return entry;
  }

  #leave(entry: Entry<R>): void {
    entry.users--;
    for (const old of [...this.#entries]) {
      if (this.#entries.length <= this.#limit) return;
      if (old.users > 0) continue;
      this.#remove(
        old,
        `it was the one of ${this.#limit + 1} signatures that was used least recently; read results before, or capture with a larger maxPrograms`,
      );
    }
  }

  #capture(signature: string, inputs: readonly Tensor[], progress?: CaptureProgress): Entry<R> {
    const recorded = recordFunction(this.#fn, inputs);
    const made = this.#host.compile(recorded, progress).then((program) => {
      this.programs.add(program);
      return program;
    });
    const entry: Entry<R> = { signature, recorded, made, users: 0 };
    this.#entries.push(entry);
    made.catch(() => {
      const at = this.#entries.indexOf(entry);
      if (at >= 0) this.#entries.splice(at, 1);
    });
    return entry;
  }

  #remove(entry: Entry<R>, why?: string): void {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return;
    this.#entries.splice(at, 1);
    this.#free(entry, why);
  }

  #free({ made }: Entry<R>, why?: string): void {
    made.then(
      (program) => {
        this.programs.delete(program);
        this.#host.release(program, why);
      },
      () => undefined,
    );
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

/** What fn computes of placeholders for its inputs. `call` begins messages. */
export function recordFunction<R extends Results>(
  fn: (...inputs: Tensor[]) => R,
  inputs: readonly Tensor[],
  call = 'capture',
): Recorded<R> {
  const placeholders = inputs.map(
    ({ shape, dtype, requiresGrad }, i) =>
      new Tensor({ shape, dtype }, { kind: 'input', name: `input ${i}` }, requiresGrad),
  );
  const { result: results, recording } = record(() =>
    checkResults(call, expectSync(call, fn(...placeholders))),
  );
  const bases = Object.fromEntries(Object.entries(results).map(([name, value]) => [name, baseOf(value)]));
  return { placeholders, results, bases, recording };
}

/** Throws unless a captured function gave tensors by name. */
function checkResults<R extends Results>(call: string, results: R): R {
  if (typeof results !== 'object' || results === null || results instanceof Tensor) {
    throw new FoveaError(`${call}: the function returned ${results}; return tensors by name, or {}`);
  }
  for (const [name, value] of Object.entries(results)) {
    if (value instanceof Tensor) continue;
    throw new FoveaError(`${call}: result "${name}" is ${String(value)}, no tensor; return tensors by name`);
  }
  return results;
}

/** What a program is recorded for: an input's dtype, shape, and whether it requires a gradient. */
const signatureOf = ({ dtype, shape, requiresGrad }: Tensor): string =>
  `${dtype}${formatShape(shape)}${requiresGrad ? ' requires grad' : ''}`;

function dataOf(input: Tensor, i: number): HostArray | DeviceData {
  const origin = input instanceof Tensor ? baseOf(input).origin : undefined;
  if (origin && 'data' in origin) return origin.data;
  throw new ShapeError(`step: input ${i} is ${String(input)}; make inputs with tensor(values, shape)`);
}
