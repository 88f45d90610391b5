import { ShapeError, StateDictError } from '../errors.ts';
import { type Later, State, stateTensor, type Tensor } from '../graph/tensor.ts';
import { formatShape, type HostArray, numel, type Shape, sameShape } from '../shape.ts';

/** A trainable tensor and the state behind it. */
export class Parameter {
  readonly state: State;
  readonly tensor: Tensor;

  /** `values`, or what makes them when they are first asked for. */
  constructor(shape: Shape, values: Float32Array | Later) {
    this.state = new State('parameter', { shape, dtype: 'f32' }, values);
    this.tensor = stateTensor(this.state, true);
  }
}

/** A state that is saved with the model but not trained: running statistics. */
export class Buffer {
  readonly state: State;
  readonly tensor: Tensor;

  constructor(shape: Shape, values: Float32Array) {
    this.state = new State('buffer', { shape, dtype: 'f32' }, values);
    this.tensor = stateTensor(this.state);
  }
}

/** One entry of a state dict. */
export interface StateEntry {
  readonly dtype: 'f32';
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Reads a state's value: from the device that trained it, or what the host put there. */
export type Download = (state: State) => Promise<HostArray>;

/**
 * A part of a network. Its parameters, buffers and submodules are found by the names of its fields, and a
 * state dict names them as PyTorch does: `layers.0.conv.weight`. Arrays of modules count by index.
 */
export abstract class Module {
  /** Whether batch norm uses the batch's statistics (training) or the running ones. */
  training = true;

  /** Every parameter with its full name, in the order of the fields. */
  *namedParameters(prefix = ''): Generator<[string, Parameter]> {
    for (const [name, value] of this.#members(prefix)) if (value instanceof Parameter) yield [name, value];
  }

  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, parameter]) => parameter);
  }

  /** Parameters and buffers: all that a saved model holds. */
  namedStates(): [string, State][] {
    return [...this.#members('')].map(([name, value]) => [name, value.state]);
  }

  /** The number of trainable values. */
  get parameterCount(): number {
    return this.parameters().reduce((total, { state }) => total + numel(state.spec.shape), 0);
  }

  /** Switches this module and everything in it to training or evaluation. */
  train(training = true): this {
    for (const module of this.modules()) module.training = training;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** This module and all below it. */
  *modules(): Generator<Module> {
    yield this;
    for (const value of Object.values(this)) {
      for (const item of Array.isArray(value) ? value : [value])
        if (item instanceof Module) yield* item.modules();
    }
  }

  /** The value of every parameter and buffer, by name. Flat buffers are read once each. */
  async stateDict(download: Download): Promise<Map<string, StateEntry>> {
    const flats = new Map<State, HostArray>();
    const result = new Map<string, StateEntry>();
    for (const [name, state] of this.namedStates()) {
      const source = state.home?.flat ?? state;
      const whole = flats.get(source) ?? (await download(source));
      flats.set(source, whole);
      const start = state.home?.offset ?? 0;
      const data = (whole as Float32Array).slice(start, start + numel(state.spec.shape));
      result.set(name, { dtype: 'f32', shape: state.spec.shape, data });
    }
    return result;
  }

  /**
   * Takes values by name: copies, or the arrays themselves where `copy` is false and they are f32, which nobody may change
   * then. Throws StateDictError that lists the missing and the unexpected keys, or ShapeError for a tensor of another
   * shape, before anything changes.
   */
  loadStateDict(
    entries: ReadonlyMap<string, { readonly shape: Shape; readonly data: HostArray }>,
    source = 'state dict',
    { copy = true } = {},
  ): void {
    const states = this.namedStates();
    const missing = states.filter(([name]) => !entries.has(name)).map(([name]) => name);
    const names = new Set(states.map(([name]) => name));
    const unexpected = [...entries.keys()].filter((name) => !names.has(name));
    if (missing.length > 0 || unexpected.length > 0) {
      const list = (keys: readonly string[]) =>
        keys.length === 0
          ? 'none'
          : keys.slice(0, 8).join(', ') + (keys.length > 8 ? `, … (${keys.length})` : '');
      throw new StateDictError(
        `${source}: these weights belong to another architecture; missing keys: ${list(missing)}; unexpected keys: ${list(unexpected)}`,
      );
    }
    for (const [name, state] of states) {
      const { shape } = entries.get(name)!;
      if (!sameShape(shape, state.spec.shape)) {
        throw new ShapeError(
          `${source}: ${name} is ${formatShape(shape)}, the model’s is ${formatShape(state.spec.shape)}; use the width and depth that it was trained with`,
        );
      }
    }
    for (const [name, state] of states) {
      const { data } = entries.get(name)!;
      state.set(!copy && data instanceof Float32Array ? data : Float32Array.from(data));
    }
  }

  *#members(prefix: string): Generator<[string, Parameter | Buffer]> {
    for (const [name, value] of Object.entries(this)) {
      const items: [string, unknown][] = Array.isArray(value)
        ? value.map((item, i) => [`${prefix}${name}.${i}`, item])
        : [[`${prefix}${name}`, value]];
      for (const [path, item] of items) {
        if (item instanceof Parameter || item instanceof Buffer) yield [path, item];
        else if (item instanceof Module) yield* item.#members(`${path}.`);
      }
    }
  }
}
