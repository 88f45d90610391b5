import { StateDictError, UsageError } from '../errors.ts';
import { emaStep } from '../graph/operations/optimizers.ts';
import { assign, assignedTo, onRun } from '../graph/recorder.ts';
import { State } from '../graph/state.ts';
import { apply, stateTensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import { formatShape, type HostArray, numel, type Shape, sameShape } from '../shape.ts';
import { type Download, Module, Parameter, type StateEntry } from './module.ts';

/** Options of `EMA`. */
export interface EMAOptions {
  /** How much of the average stays at each update: at least 0, below 1. Default 0.999. */
  readonly decay?: number;
  /** Whether the decay is at first lower, min(decay, (1 + n) / (10 + n)) after n updates, as in TensorFlow. Default false. */
  readonly warmup?: boolean;
}

/** What is averaged as one: a flat buffer of the optimizer, or a state by itself. */
interface Pair {
  readonly source: State;
  readonly average: State;
}

/** A tensor of the model, and where its average is. */
interface Averaged {
  readonly name: string;
  readonly shape: Shape;
  readonly average: State;
  readonly at: number;
}

/** Elements between tensors in a flat buffer: WebGPU binds at multiples of 256 bytes. */
const ALIGNMENT = 64;

/**
 * An exponential moving average of a model's weights (Polyak and Juditsky 1992; PyTorch's AveragedModel with get_ema_multi_avg_fn, timm's
 * ModelEmaV2): average += (1 - decay) (weight - average) at each update; the first one copies the weights. Running statistics of
 * batch norm are averaged too, as in timm; they count as they were before the run of the update. The averages take as much memory on the device as the
 * weights. Make it after the optimizer, whose flat buffers it follows: an update is then a dispatch for each.
 *
 * `optimizer.step(); ema.update();` in the captured function; to evaluate, `await gpu.run(() => { ema.apply(); return {}; })`, and
 * `ema.restore()` in the same way before training goes on.
 */
export class EMA {
  readonly decay: number;
  readonly warmup: boolean;
  /** How many times `update` has run. */
  updates = 0;
  readonly #pairs: readonly Pair[];
  readonly #averaged: readonly Averaged[];
  /** [1], 1 - decay of the next update. */
  readonly #weight = new State('ema weight', { shape: [1], dtype: 'f32' });
  #applied = false;

  /**
   * @param of A model, or parameters, which state dicts name by their number.
   * @param options Throws UsageError for a decay out of range, and for what is neither a model nor parameters.
   */
  constructor(of: Module | readonly Parameter[], options: EMAOptions = {}) {
    const { decay, warmup } = withDefaults('EMA', options, { decay: 0.999, warmup: false });
    if (!(typeof decay === 'number' && decay >= 0 && decay < 1)) {
      throw new UsageError(`EMA: decay must be a number of at least 0 and below 1, got ${String(decay)}`);
    }
    this.decay = decay;
    this.warmup = warmup;
    const named = namedStates(of);
    const all = new Set(named.map(([, state]) => state));
    moveTogether(buffersOf(of));
    const pairs = new Map<State, Pair>();
    this.#averaged = named.map(([name, state]) => {
      const { home } = state;
      // A flat buffer with others in it is left to them.
      const whole = home?.flat.members.every((member) => all.has(member)) ? home : undefined;
      const source = whole?.flat ?? state;
      const pair = pairs.get(source) ?? { source, average: new State('average', source.spec) };
      pairs.set(source, pair);
      return { name, shape: state.spec.shape, average: pair.average, at: whole?.offset ?? 0 };
    });
    this.#pairs = [...pairs.values()];
  }

  /** Records an update of the averages with the weights as they are at this point. Only inside `gpu.capture` or `gpu.run`. */
  update(): void {
    for (const { source, average } of this.#pairs) {
      const x = assignedTo(source) ?? stateTensor(source);
      const weight = stateTensor(this.#weight);
      assign(average, apply(emaStep, { average: stateTensor(average), x, weight }).newAverage);
    }
    onRun(() => {
      this.#expectApplied(false, 'update');
      const n = this.updates++;
      const decay = this.warmup ? Math.min(this.decay, (1 + n) / (10 + n)) : this.decay;
      this.#weight.set(Float32Array.of(n === 0 ? 1 : 1 - decay));
    });
  }

  /**
   * Records that the model gets the averaged weights, and the averages theirs: until `restore`. Only inside `gpu.capture` or
   * `gpu.run`, whose run throws UsageError where they are there already, or nothing was averaged yet.
   */
  apply(): void {
    this.#swap(true);
  }

  /** Records that the model gets its own weights again, bit for bit. A run throws UsageError where it has them. */
  restore(): void {
    this.#swap(false);
  }

  #swap(applied: boolean): void {
    for (const { source, average } of this.#pairs) {
      assign(source, stateTensor(average));
      assign(average, stateTensor(source));
    }
    onRun(() => {
      this.#expectApplied(!applied, applied ? 'apply' : 'restore');
      if (applied) this.#expectUpdates('apply');
      this.#applied = applied;
    });
  }

  #expectApplied(applied: boolean, doing: string): void {
    if (this.#applied === applied) return;
    throw new UsageError(
      `EMA.${doing}: the model has ${applied ? 'its own weights; run apply' : 'the averaged weights; run restore'} first`,
    );
  }

  #expectUpdates(doing: string): void {
    if (this.updates > 0) return;
    throw new UsageError(`EMA.${doing}: nothing was averaged yet; run update first`);
  }

  /**
   * Reads the averaged weights by the names of the model's state dict: what `model.loadStateDict` and `saveWeights` take. Throws
   * UsageError before the first update, and between `apply` and `restore`, when they are the model's.
   * @param download Reads a state: `(state) => gpu.download(state)`.
   */
  async weights(download: Download): Promise<Map<string, StateEntry>> {
    this.#expectUpdates('weights');
    return this.#read('weights', download);
  }

  async #read(doing: string, download: Download): Promise<Map<string, StateEntry>> {
    this.#expectApplied(false, doing);
    const read = new Map<State, Float32Array>();
    for (const { average } of this.#pairs) read.set(average, (await download(average)) as Float32Array);
    return new Map(
      this.#averaged.map(({ name, shape, average, at }) => [
        name,
        { dtype: 'f32', shape, data: read.get(average)!.slice(at, at + numel(shape)) },
      ]),
    );
  }

  /**
   * Reads the averages and the number of updates, to resume training with the same bits: `updates`, and `average.` before each
   * name. Throws UsageError between `apply` and `restore`.
   * @param download Reads a state: `(state) => gpu.download(state)`.
   */
  async stateDict(download: Download): Promise<Map<string, StateEntry>> {
    const averages = await this.#read('stateDict', download);
    return new Map<string, StateEntry>([
      ['updates', { dtype: 'f32', shape: [1], data: Float32Array.of(this.updates) }],
      ...[...averages].map(([name, entry]): [string, StateEntry] => [`average.${name}`, entry]),
    ]);
  }

  /** Loads what `stateDict` returned. Throws StateDictError where an entry is missing or of another shape, before anything changes. */
  loadStateDict(entries: ReadonlyMap<string, { readonly shape?: Shape; readonly data: HostArray }>): void {
    this.#expectApplied(false, 'loadStateDict');
    const get = (name: string, shape: Shape): HostArray => {
      const { data, shape: found = shape } = entries.get(name) ?? {};
      if (data?.length === numel(shape) && sameShape(found, shape)) return data;
      throw new StateDictError(
        `EMA: the checkpoint has no ${name} of ${formatShape(shape)}; use one of the same model`,
      );
    };
    const [updates] = get('updates', [1]);
    const values = new Map(
      this.#pairs.map(({ average }) => [average, new Float32Array(numel(average.spec.shape))] as const),
    );
    for (const { name, shape, average, at } of this.#averaged) {
      values.get(average)!.set(get(`average.${name}`, shape), at);
    }
    this.updates = updates!;
    for (const [average, data] of values) average.set(data);
  }
}

/** What is averaged, by name. */
function namedStates(of: Module | readonly Parameter[]): (readonly [string, State])[] {
  if (of instanceof Module) return of.namedStates();
  if (Array.isArray(of) && of.length > 0 && of.every((one) => one instanceof Parameter)) {
    return [...new Set(of)].map(({ state }, i) => [String(i), state]);
  }
  throw new UsageError('EMA: takes a model, or a list of parameters; pass model or model.parameters()');
}

/** The states of a model that are not trained and in no flat buffer yet. */
function buffersOf(of: Module | readonly Parameter[]): State[] {
  if (!(of instanceof Module)) return [];
  const trained = new Set(of.parameters().map(({ state }) => state));
  return of.namedStates().flatMap(([, state]) => (trained.has(state) || state.home ? [] : [state]));
}

/** Moves states into one flat buffer, so that one dispatch averages them. */
function moveTogether(states: readonly State[]): void {
  const all = [...new Set(states)];
  let size = 0;
  const offsets = all.map(({ spec }) => {
    const offset = size;
    size += Math.ceil(numel(spec.shape) / ALIGNMENT) * ALIGNMENT;
    return offset;
  });
  const flat = new State('buffers', { shape: [size], dtype: 'f32' });
  all.forEach((state, i) => {
    state.moveInto(flat, offsets[i]!);
  });
}
