import { type Cache, openCache } from '../device/cache.ts';
import type { Device } from '../device/device.ts';
import { STRATEGY_NAMES, type StrategyName } from '../kernels/strategy.ts';
import type { Shape } from '../shape.ts';
import type { Choice } from './lower.ts';
import type { StateStore } from './stateStore.ts';
import { type Timing, timeStrategies } from './timeStrategies.ts';

/** What was measured for one class of shapes. */
export interface Tuned extends Timing {
  /** The operation, its inputs' shapes, its attributes. */
  readonly key: string;
}

/**
 * Called as tuning goes on: `done` of `total` classes of shapes are timed; `tuned` is the last of them, undefined
 * before the first.
 */
export type TuneProgress = (done: number, total: number, tuned: Tuned | undefined) => void;

/** Kernels change from version to version, and what was measured with them. A test holds it against package.json. */
export const TUNED_VERSION = '0.2.0';
/** Sizes over 16 that are not the last dimension, which counts channels, are of one class up to a power of two. */
const classOfShape = (shape: Shape): string =>
  shape.map((n, i) => (i < shape.length - 1 && n > 16 ? `<${2 ** Math.ceil(Math.log2(n))}` : n)).join('x');

export function classOf({ operation, specs, attrs, purpose }: Choice): string {
  const inputs = Object.entries(specs).map(
    ([name, { shape, dtype }]) => `${name} ${dtype} ${classOfShape(shape)}`,
  );
  const given = Object.entries(attrs).filter(([, value]) => value !== undefined);
  const attributes = given.map(([name, value]) => ` ${name}=${value}`);
  return `${operation.name}(${inputs.join(', ')})${attributes.join('')}${purpose.training ? ' training' : ''}${purpose.fixedWeights ? ' fixed weights' : ''}`;
}

/**
 * Which strategy for each operation is the fastest on this adapter: measured once for a class of shapes, and kept on this
 * machine.
 */
export class Tuner {
  readonly #device: Device;
  readonly #states: () => StateStore;
  readonly #cache: Cache | undefined;
  readonly #known = new Map<string, Tuned>();
  #loaded: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** `states` makes a place for states: the programs that are timed have one apart. */
  constructor(device: Device, states: () => StateStore, cache: Cache | undefined = openCache()) {
    this.#device = device;
    this.#states = states;
    this.#cache = cache;
  }

  /** Where it is kept. Undefined where nothing can be. */
  get place(): string | undefined {
    return this.#cache && `${this.#cache.place}: ${this.#name}`;
  }

  /** Reads what is kept, once. */
  load(): Promise<void> {
    this.#loaded ??= this.#read().then((kept) => {
      for (const tuned of kept) this.#known.set(tuned.key, tuned);
    });
    return this.#loaded;
  }

  strategyOf(choice: Choice): StrategyName | undefined {
    return this.#known.get(classOf(choice))?.strategy;
  }

  /**
   * Measures the classes that are not known yet, one after another; and keeps them. `again`: also those that are known.
   * Where nothing can be kept the next process measures again; `place` and the rejection of `save` tell.
   */
  async tune(choices: readonly Choice[], progress?: TuneProgress, again = false): Promise<Tuned[]> {
    await this.load();
    const mine = this.#turn.then(() => this.#tune(choices, progress, again));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #tune(choices: readonly Choice[], progress?: TuneProgress, again = false): Promise<Tuned[]> {
    const byClass = new Map(choices.map((choice) => [classOf(choice), choice]));
    const open = [...byClass].filter(([key]) => again || !this.#known.has(key));
    const found: Tuned[] = [];
    for (const [done, [key, choice]] of open.entries()) {
      progress?.(done, open.length, found.at(-1));
      const tuned = { key, ...(await timeStrategies(this.#device, this.#states(), choice)) };
      this.#known.set(key, tuned);
      found.push(tuned);
    }
    if (found.length > 0) {
      progress?.(open.length, open.length, found.at(-1));
      await this.#keep(found);
    }
    return found;
  }

  /** Into what other processes may have kept since. */
  async #keep(found: readonly Tuned[]): Promise<void> {
    if (!this.#cache) return;
    const all = new Map([...(await this.#read()), ...found].map((tuned) => [tuned.key, tuned]));
    const text = JSON.stringify(
      { fovea: TUNED_VERSION, adapter: this.#device.adapter.name, tuned: [...all.values()] },
      null,
      1,
    );
    // A folder that nobody may write to costs the next process its time, no more.
    await this.#cache.write(this.#name, `${text}\n`).catch(() => undefined);
  }

  async #read(): Promise<Tuned[]> {
    try {
      const { fovea, tuned } = JSON.parse((await this.#cache?.read(this.#name)) ?? '{}');
      return fovea === TUNED_VERSION && Array.isArray(tuned) ? tuned.filter(isTuned) : [];
    } catch {
      // What nobody can read is measured again.
      return [];
    }
  }

  /** One for every adapter and driver, and for what Fovea makes of them. */
  get #name(): string {
    const { adapterInfo } = this.#device.device;
    const { vendor, architecture, device, description } = adapterInfo ?? {};
    const { caps, adapter } = this.#device;
    const identity = JSON.stringify([vendor, architecture, device, description, caps]);
    const slug = adapter.name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40);
    return `tuning-${slug}-${hash(identity)}.json`;
  }
}

/** Also of the strategies that this version has: what was remembered under other names is measured again. */
const isTuned = (value: unknown): value is Tuned => {
  const { key, strategy, guess, ms } = (value ?? {}) as Partial<Tuned>;
  const known = [strategy, guess].every((name) =>
    STRATEGY_NAMES.some((strategyName) => strategyName === name),
  );
  return typeof key === 'string' && known && typeof ms === 'object' && ms !== null;
};

/** FNV-1a. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}
