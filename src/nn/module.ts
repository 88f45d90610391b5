import { ShapeError, StateDictError, UsageError } from '../errors.ts';
import { heed } from '../graph/recorder.ts';
import { type Later, State } from '../graph/state.ts';
import { stateTensor, type Tensor } from '../graph/tensor.ts';
import { expectHeld } from '../graph/values.ts';
import type { WeightOrder } from '../io/fileTensor.ts';
import { expectLayout, type Layout, type TorchLayout, toTorch } from '../io/layout.ts';
import { expectShape, formatShape, type HostArray, numel, type Shape } from '../shape.ts';
import { type LoadOptions, type LoadReport, type LoadSource, loadState } from './loadState.ts';
import { walk } from './members.ts';
import { RandomState } from './randomState.ts';
import { type Summary, summarize } from './summary.ts';

/** Values as a state takes them. Throws ShapeError where they do not fit the shape. */
function initialValues(
  name: string,
  shape: Shape,
  values: Float32Array | readonly number[] | Later,
): Float32Array | Later {
  expectShape(name, shape);
  if (typeof values === 'function') return values;
  if (values?.length !== numel(shape)) {
    throw new ShapeError(
      `${name}: ${values?.length ?? 'no'} values for shape ${formatShape(shape)}; give new ${name}(shape, values)`,
    );
  }
  expectHeld(name, values, 'f32');
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/** A trainable tensor of a module: `tensor` is what operations take, `state` what holds its values from run to run. */
export class Parameter {
  readonly state: State;
  readonly #tensor: Tensor;
  /** How PyTorch stores it, where that differs. */
  readonly layout: TorchLayout | undefined;

  /**
   * @param shape Its shape.
   * @param values Its initial values, row by row: see `normal` and `constant`. Or a function that makes them when they are
   * first needed.
   * @param layout How PyTorch stores it, where that differs.
   */
  constructor(
    shape: Shape,
    values: Float32Array | readonly number[] | (() => Generator<void, HostArray>),
    layout?: TorchLayout,
  ) {
    this.state = new State('parameter', { shape, dtype: 'f32' }, initialValues('Parameter', shape, values));
    this.#tensor = stateTensor(this.state, true);
    this.layout = layout;
  }

  /** What operations take. */
  get tensor(): Tensor {
    heed(this, () => this.#tensor.requiresGrad);
    return this.#tensor;
  }

  /**
   * Whether it is trained. Set false to freeze it, as in PyTorch: `backward` then computes no gradient for it, and optimizers
   * leave it alone, its momentum and weight decay too. A captured step is captured again when this has changed. Throws
   * UsageError for what is neither true nor false.
   */
  get requiresGrad(): boolean {
    return this.tensor.requiresGrad;
  }

  set requiresGrad(requiresGrad: boolean) {
    if (typeof requiresGrad !== 'boolean') {
      throw new UsageError(`Parameter: requiresGrad is ${requiresGrad}; give true or false`);
    }
    // A function that sets it itself is captured for none.
    heed(this, () => undefined);
    const own: { requiresGrad: boolean } = this.#tensor;
    own.requiresGrad = requiresGrad;
  }
}

/** A tensor of a module that is saved with it but not trained, such as running statistics. */
export class Buffer {
  readonly state: State;
  readonly tensor: Tensor;

  /**
   * @param shape Its shape.
   * @param values Its initial values, row by row.
   */
  constructor(shape: Shape, values: Float32Array | readonly number[]) {
    this.state = new State('buffer', { shape, dtype: 'f32' }, initialValues('Buffer', shape, values));
    this.tensor = stateTensor(this.state);
  }
}

/** One entry of a state dict. `layout` and `torch` are those of weights that PyTorch stores in another order. */
export interface StateEntry extends WeightOrder {
  readonly dtype: 'f32';
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Reads the value of a state: `(state) => gpu.download(state)`. */
export type Download = (state: State) => Promise<HostArray>;

/**
 * A network or a part of one (PyTorch's nn.Module). Assign parameters, buffers and other modules to its fields; they are found
 * there, and a state dict names them as PyTorch does: `layers.0.conv.weight`. Fields may also be arrays, plain objects, Maps and
 * Sets of them, one in another: members of arrays and Sets are named by their index, others by their key. An object of another
 * class that holds one is refused by `parameters()` and all that goes through them. Private fields (`#name`) are not searched.
 */
export abstract class Module {
  #training = true;

  /**
   * Whether the module is in training: batch norm then uses the statistics of the batch, and dropout leaves values out. A captured
   * step is captured again for the other mode when this has changed.
   */
  get training(): boolean {
    return heed(this, () => this.#training);
  }

  set training(training: boolean) {
    // A function that sets the mode itself is captured for none.
    heed(this, () => undefined);
    this.#training = training;
  }

  /**
   * Every parameter with its full name, in the order of the fields.
   * @param prefix Put before each name, with a dot. Default: none.
   */
  *namedParameters(prefix = ''): Generator<[string, Parameter]> {
    for (const [name, value] of membersIn(this)) {
      if (value instanceof Parameter) yield [prefix ? `${prefix}.${name}` : name, value];
    }
  }

  /** Every parameter, in the order of the fields: what an optimizer takes. */
  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, parameter]) => parameter);
  }

  /** Parameters and buffers with their full names: what a state dict holds. */
  namedStates(): [string, State][] {
    return [...savedIn(this)].map(([name, value]) => [name, value.state]);
  }

  /** The number of trainable values. */
  get parameterCount(): number {
    return this.parameters().reduce((total, { state }) => total + numel(state.spec.shape), 0);
  }

  /**
   * Switches this module and all below it to training.
   * @param training False for evaluation. Default true.
   */
  train(training = true): this {
    for (const module of this.modules()) module.training = training;
    return this;
  }

  /** Switches this module and all below it to evaluation. */
  eval(): this {
    return this.train(false);
  }

  /** This module and all below it. */
  *modules(): Generator<Module> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /** This module and all below it, with their names; this one's is empty. */
  *namedModules(): Generator<[string, Module]> {
    yield ['', this];
    yield* walk(this, isModule, isModule);
  }

  /**
   * Prints and returns a summary of a forward pass: layers, shapes, parameters, operations and memory. Nothing runs on
   * a device.
   * @param inputShape The shape of the input. Default [1,224,224,3].
   * @param print Receives the table as text. Default console.log.
   */
  summary(inputShape: Shape = [1, 224, 224, 3], print: (table: string) => void = console.log): Summary {
    const result = summarize(this, inputShape);
    print(result.toString());
    return result;
  }

  /**
   * Reads the values of all parameters and buffers by name.
   * @param download Reads a state: `(state) => gpu.download(state)`.
   * @param options `layout`: `fovea` (the default), or `pytorch` for the order of dimensions that PyTorch stores. The entries say
   * which it is, so that files of them do, too.
   */
  async stateDict(
    download: Download,
    { layout = 'fovea' }: { readonly layout?: Layout } = {},
  ): Promise<Map<string, StateEntry>> {
    expectDownload('stateDict', download);
    expectLayout('stateDict', layout);
    const flats = new Map<State, HostArray>();
    const result = new Map<string, StateEntry>();
    for (const [name, member] of savedIn(this)) {
      const { state } = member;
      const source = state.home?.flat ?? state;
      const whole = flats.get(source) ?? (await download(source));
      flats.set(source, whole);
      const start = state.home?.offset ?? 0;
      const data = (whole as Float32Array).slice(start, start + numel(state.spec.shape));
      const torch = torchLayout(member);
      const { shape } = state.spec;
      if (!torch) result.set(name, { dtype: 'f32', shape, data });
      else if (layout === 'fovea') result.set(name, { dtype: 'f32', shape, data, layout, torch });
      else result.set(name, { dtype: 'f32', shape: torch.shape, data: toTorch(data, torch), layout });
    }
    return result;
  }

  /**
   * Loads the values of parameters and buffers by name. All is checked before anything changes.
   *
   * Weights of PyTorch and torchvision are transposed; `num_batches_tracked` is left out, and the names that older versions of
   * torchvision gave are understood. Other types of numbers are converted to f32.
   * @param weights Tensors by name: what `stateDict`, `loadWeights`, `readTorch` or `decodeSafetensors` returned.
   * @param options `strict`: every name must be there, and no other; default true. `rename`: the name here for one of the file.
   * `skipMismatched`: tensors of another shape keep their values, such as a new head's for other classes; default false. `layout`:
   * `fovea` or `pytorch`; default: what each entry or the weights say, or that whose shapes fit. `copy`: false takes f32 arrays as they are,
   * which must not change afterwards; default true. `source`: what messages call the weights.
   * @returns The names that were loaded, are missing, unexpected, or of another shape.
   * @throws StateDictError that lists the missing and the unexpected names, if `strict`; ShapeError for a tensor of another shape,
   * unless `skipMismatched`; DataError for a number out of the range of f32; UsageError if two tensors get one name, where nothing tells the layout of weights whose shape is the same in both, and for options that cannot be used.
   */
  loadStateDict(weights: LoadSource, options: LoadOptions = {}): LoadReport {
    const members = [...savedIn(this)].map(([name, member]) => ({
      name,
      state: member.state,
      torch: torchLayout(member),
    }));
    return loadState(members, weights, options, (name) => this.torchName(name));
  }

  /**
   * Reads the current seeds of random draws by name: those of dropout, and of the samples of detectors. With the state dicts
   * of model and optimizer, what training needs to be resumed with the same bits.
   * @param download `(state) => gpu.download(state)`.
   */
  async randomState(download: Download): Promise<Record<string, number>> {
    expectDownload('randomState', download);
    const seeds: Record<string, number> = {};
    for (const [name, { state }] of randomIn(this)) seeds[name] = (await download(state))[0]!;
    return seeds;
  }

  /** Sets the seeds that `randomState` returned. Throws StateDictError if a name is missing, before anything changes. */
  loadRandomState(seeds: Readonly<Record<string, number>>): void {
    const members = [...randomIn(this)];
    const missing = members.find(([name]) => !Number.isInteger(seeds[name]));
    if (missing) {
      throw new StateDictError(
        `loadRandomState: ${missing[0]} is missing; give what randomState of this model returned`,
      );
    }
    for (const [name, { state }] of members) state.set(Int32Array.of(seeds[name]!));
  }

  /** The name of a tensor here for a key of a PyTorch state dict, which older versions may have named otherwise. */
  protected torchName(name: string): string {
    return name;
  }
}

function expectDownload(call: string, download: unknown): void {
  if (typeof download === 'function') return;
  throw new UsageError(`${call}: takes what reads a state; pass (state) => gpu.download(state)`);
}

/** How PyTorch stores a member, where that differs. */
const torchLayout = (member: Parameter | Buffer): TorchLayout | undefined =>
  member instanceof Parameter ? member.layout : undefined;

type Member = Parameter | Buffer | RandomState;

const isModule = (value: object): value is Module => value instanceof Module;
const isMember = (value: object): value is Member =>
  value instanceof Parameter || value instanceof Buffer || value instanceof RandomState;

/** The parameters, buffers and random states of a module and all below it. */
const membersIn = (module: Module): Generator<[string, Member]> => walk(module, isMember, isModule);

/** What a state dict holds. */
function* savedIn(module: Module): Generator<[string, Parameter | Buffer]> {
  for (const [name, value] of membersIn(module)) if (!(value instanceof RandomState)) yield [name, value];
}

function* randomIn(module: Module): Generator<[string, RandomState]> {
  for (const [name, value] of membersIn(module)) if (value instanceof RandomState) yield [name, value];
}
