import type { DeviceData } from '../device/deviceData.ts';
import { FoveaError, ShapeError } from '../errors.ts';
import { fromHalf } from '../half.ts';
import type { Kernel } from '../kernels/kernel.ts';
import type { StrategiesOption } from '../kernels/strategy.ts';
import { expectNames, objectOf, withDefaults } from '../options.ts';
import type { Reference } from '../reference/reference.ts';
import {
  type DType,
  expectShape,
  formatShape,
  type HostArray,
  isFloat,
  numel,
  type Shape,
  shapeOfView,
  type TensorSpec,
} from '../shape.ts';
import { itemOf } from './item.ts';
import { hostArray, type State } from './state.ts';
import {
  type DetachOptions,
  expectDifferentiable,
  type TensorOptions,
  tensorOptions,
} from './tensorOptions.ts';
import { isTracking, Scoped } from './tracking.ts';
import { expectHeld, flatten, type NestedNumbers } from './values.ts';

/** Where a tensor's value comes from. */
export type Origin =
  // `node`: what computed it before it was read, where a gradient may still go through that.
  | { readonly kind: 'constant'; readonly data: HostArray; readonly node?: Node }
  | { readonly kind: 'device'; readonly data: DeviceData }
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'state'; readonly state: State }
  // `cut`: gradients end here, though the base may go on.
  | { readonly kind: 'view'; readonly base: Tensor; readonly cut?: boolean }
  | { readonly kind: 'op'; readonly node: Node; readonly output: string };

/** One recorded operation. */
export interface Node {
  readonly id: number;
  /** The operation's name. */
  readonly op: string;
  readonly operation: Operation;
  readonly attrs: object;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Record<string, Tensor>;
  /** The innermost checkpoint that it was recorded in. */
  readonly segment?: Segment | undefined;
  /** The node that it computes again, where it is a repetition. */
  readonly first?: Node;
}

/** An operation's tensors by name. */
export type InputsOf<I extends string, O extends string> = { readonly [K in I]: Tensor } & {
  readonly [K in O]?: Tensor | undefined;
};

/** What a gradient rule gets: the operation's inputs, outputs and attributes, and the gradients of its outputs. */
export interface GradientContext<
  I extends string = string,
  O extends string = string,
  Y extends string = string,
  A extends object = object,
> {
  readonly inputs: InputsOf<I, O>;
  readonly outputs: { readonly [K in Y]: Tensor };
  /** Complete, as the kernel gets them. */
  readonly attrs: A;
  /** d loss / d output. Zeros for a float output that the loss does not depend on. */
  readonly grads: { readonly [K in Y]: Tensor };
  /** Whether d loss / d input is needed. What is not needed may be returned all the same. */
  wants(input: I | O): boolean;
}

/**
 * d loss / d input for each input that has a gradient, as new graph. A method, so that a rule for particular names and
 * attributes is assignable to one for any.
 */
export type GradientRule<
  I extends string = string,
  O extends string = string,
  Y extends string = string,
  A extends object = object,
> = {
  /** The gradients of the inputs by name. */
  rule(context: GradientContext<I, O, Y, A>): { readonly [K in I | O]?: Tensor | undefined };
}['rule'];

/** An operation of the graph: its kernel, and how it is differentiated. */
export interface Operation<
  I extends string = string,
  O extends string = string,
  Y extends string = string,
  A extends object = object,
  G extends object = A,
> {
  readonly name: string;
  readonly kernel: Kernel<I, O, Y, A, G>;
  /** `null`: not differentiable on purpose. */
  readonly gradient: GradientRule<I, O, Y, A> | null;
  /**
   * The strategies that programs choose from. Undefined if the kernel's plan is the only one.
   *
   * @hidden
   */
  readonly strategies?: StrategiesOption;
  /** Its float64 meaning, where it is not one of Fovea's own. */
  readonly reference?: Reference<I, O, Y, A>;
}

/** What a call of `checkpoint` records. */
export interface Segment {
  /** The checkpoint around it. */
  readonly parent: Segment | undefined;
  /** In the order in which they were recorded; those of checkpoints inside too. */
  readonly nodes: Node[];
  /** Whether its function is still running. */
  open: boolean;
}

let nextId = 0;
const segments = new Scoped<Segment | undefined>(undefined);

/** Runs fn and tells what it records. */
export function recordSegment<R>(fn: () => R): { result: R; segment: Segment } {
  const segment: Segment = { parent: segments.value, nodes: [], open: true };
  try {
    return { result: segments.run(segment, fn), segment };
  } finally {
    segment.open = false;
  }
}

/** Records a node without outputs. */
export function recordNode(node: Omit<Node, 'id' | 'op' | 'segment' | 'outputs'>): Node {
  const segment = segments.value;
  const recorded: Node = { ...node, op: node.operation.name, id: nextId++, segment, outputs: {} };
  for (let around = segment; around; around = around.parent) around.nodes.push(recorded);
  return recorded;
}

/** Computes tensors: a `Gpu`. */
export interface Computer {
  /** Computes tensors as one submission and reads them back: one array per tensor, f16 as float32. */
  read(...tensors: Tensor[]): Promise<HostArray[]>;
}

/** Chooses what computes a tensor by default: plan/openGpus.ts, once a `Gpu` was opened. */
export const defaults: { computerFor?: (value: Tensor) => Computer | undefined } = {};

/**
 * A value that is computed when it is asked for. Operations on tensors record a graph; `data`, `item`, `Gpu.run`,
 * `Gpu.capture` and `Gpu.read` lower and run it. `import 'fovea/methods'` adds the operations as methods: `x.add(y)`.
 */
export class Tensor {
  readonly id = nextId++;
  readonly shape: Shape;
  readonly dtype: DType;
  /** @hidden */
  origin: Origin;
  readonly requiresGrad: boolean;
  /** d loss / d this tensor, after `backward`. */
  grad: Tensor | undefined;

  /** @hidden */
  constructor(spec: TensorSpec, origin: Origin, requiresGrad = false) {
    if (!spec) throw new ShapeError('Tensor: no shape and dtype; make tensors with tensor(values, shape)');
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.origin = origin;
    this.requiresGrad = requiresGrad;
  }

  get size(): number {
    return numel(this.shape);
  }

  /** The same elements under another shape; one dimension may be -1. Costs nothing. */
  reshape(shape: Shape): Tensor {
    return new Tensor(
      { shape: shapeOfView(this.shape, shape), dtype: this.dtype },
      { kind: 'view', base: this },
      this.requiresGrad && isTracking(),
    );
  }

  /**
   * The same value, through which no gradient flows.
   *
   * @throws ShapeError where integers are to require a gradient.
   */
  detach(options: DetachOptions = {}): Tensor {
    const { requiresGrad } = withDefaults('detach', options, { requiresGrad: false });
    expectDifferentiable('detach', this.dtype, requiresGrad);
    return new Tensor(this, { kind: 'view', base: this, cut: true }, requiresGrad);
  }

  /**
   * Computes the tensor and reads it back: its elements in row-major order, f16 as float32. The tensor keeps this value: it is
   * computed once, and what it was computed from is let go of, unless it requires a gradient. `gpu.read` and `gpu.run` compute
   * several tensors in one submission, anew at each call.
   *
   * @param gpu Default: the `Gpu` where a step has changed a state that it depends on, else the one that was opened last.
   * @throws FoveaError where no `Gpu` is open, and inside a captured function; UsageError where several have changed states
   * that it depends on.
   */
  async data(gpu?: Computer): Promise<HostArray> {
    const { origin } = baseOf(this);
    if (origin.kind === 'constant') {
      return this.dtype === 'f16' ? fromHalf(origin.data as Uint16Array) : origin.data.slice();
    }
    const computer = gpu ?? defaults.computerFor?.(this);
    if (!computer) {
      throw new FoveaError(`data: ${this} has no Gpu; await openGpu() first, or pass one: data(gpu)`);
    }
    const [values] = await computer.read(this);
    keep(this, values!);
    forget(this);
    return values!;
  }

  /**
   * The number in a tensor of one element, as PyTorch's item.
   *
   * @param gpu What computes it, as in `data`.
   * @throws ShapeError where the tensor has more elements or none.
   */
  async item(gpu?: Computer): Promise<number> {
    return itemOf(this, () => this.data(gpu));
  }

  /** Shape, dtype and origin: `Tensor [2,3] f32 (conv2d.y)`. */
  toString(): string {
    const tracked = this.requiresGrad ? ', requires grad' : '';
    return `Tensor ${formatShape(this.shape)} ${this.dtype} (${sourceOf(this.origin)}${tracked})`;
  }

  /** What Node's console.log prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** Makes what was read the tensor's origin, so that the graph before it can be collected. */
function keep(value: Tensor, values: HostArray): void {
  const base = baseOf(value);
  const { origin } = base;
  if (origin.kind !== 'op') return;
  const data = hostArray(values.slice(), base.dtype);
  base.origin = { kind: 'constant', data, ...(base.requiresGrad ? { node: origin.node } : {}) };
}

/** Lets a tensor that stops gradients forget what its value was computed from, once that is known. */
function forget(value: Tensor): void {
  const { origin } = value.requiresGrad ? value : baseOf(value);
  if (origin !== value.origin && origin.kind === 'constant')
    value.origin = { kind: 'constant', data: origin.data };
}

/** The operation that computed a tensor, also where its value is known. */
export const nodeOf = ({ origin }: Tensor): Node | undefined =>
  origin.kind === 'op' || origin.kind === 'constant' ? origin.node : undefined;

/** Where a value comes from, for messages. */
function sourceOf(origin: Origin): string {
  if (origin.kind === 'op') return `${origin.node.op}.${origin.output}`;
  if (origin.kind === 'input') return origin.name;
  return origin.kind === 'state' ? origin.state.label : origin.kind;
}

/**
 * A tensor of these values: i32 or u32 where the array is of that type, else f32. Of dtype f16 it holds the nearest
 * halves; a Uint16Array is taken as their bits. `tensor([[1, 2], [3, 4]])` has shape [2,2], `tensor(3)` shape [].
 *
 * @param data The values, row by row: a typed array, a number, or lists of numbers in lists of any depth.
 * @param shape Default: that of the lists, of a typed array its length.
 * @param options A dtype, or `dtype` and `requiresGrad`.
 * @throws ShapeError where values and shape do not fit, lists are of different lengths, a value is no number (booleans
 * neither) or not one that the dtype holds, or integers are to require a gradient.
 */
export function tensor(
  data: HostArray | NestedNumbers,
  shape?: Shape,
  options?: DType | TensorOptions,
  ...others: readonly never[]
): Tensor {
  const { dtype, requiresGrad } = tensorOptions('tensor', options, others);
  const type = dtype ?? (data instanceof Int32Array ? 'i32' : data instanceof Uint32Array ? 'u32' : 'f32');
  expectDifferentiable('tensor', type, requiresGrad);
  const { values, shape: own } = flatten('tensor', data);
  expectHeld('tensor', values, type);
  const array = hostArray(values, type);
  const full = shape ?? own;
  expectShape('tensor', full);
  if (numel(full) !== array.length) {
    throw new ShapeError(`tensor: ${array.length} values for shape ${formatShape(full)}`);
  }
  return new Tensor({ shape: full, dtype: type }, { kind: 'constant', data: array }, requiresGrad);
}

/** A tensor of zeros, by default f32. Throws ShapeError for a wrong shape. */
export const zeros = (shape: Shape, options?: DType | TensorOptions): Tensor => full(shape, 0, options);

/** A tensor of one value, by default f32. Throws ShapeError for a value that is no number, or that the dtype does not hold. */
export const full = (shape: Shape, value: number, options?: DType | TensorOptions): Tensor =>
  filled('full', shape, value, options);

/** As `full`, for a function of another name. */
export function filled(op: string, shape: Shape, value: number, options?: DType | TensorOptions): Tensor {
  const { dtype = 'f32', requiresGrad = false } = tensorOptions(op, options);
  expectShape(op, shape);
  if (typeof value !== 'number') throw new ShapeError(`${op}: ${String(value)} is no number`);
  expectHeld(op, [value], dtype);
  const values = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array }[dtype];
  return tensor(hostArray(new values(numel(shape)).fill(value), dtype), shape, { dtype, requiresGrad });
}

/** A tensor over a state: its value at that point of the program. */
export const stateTensor = (state: State, requiresGrad = false): Tensor =>
  new Tensor(state.spec, { kind: 'state', state }, requiresGrad);

/** Throws ShapeError unless all of these are tensors. */
export function expectTensors(op: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value instanceof Tensor) continue;
    throw new ShapeError(`${op}: ${name} is ${String(value)}, no tensor; make it with tensor(values, shape)`);
  }
}

/** The inputs that are given, by name. Throws ShapeError where one is missing, unknown, or no tensor. */
function givenInputs(
  { name: op, kernel: { inputs: needed, optional, variadic } }: Operation,
  inputs: Readonly<Record<string, Tensor | undefined>>,
): Record<string, Tensor> {
  const given: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(objectOf(op, inputs, ShapeError))) {
    if (value === undefined && optional.includes(name)) continue;
    expectTensors(op, { [name]: value });
    given[name] = value as Tensor;
    forget(given[name]);
  }
  if (!variadic) expectNames(op, given, needed, optional);
  return given;
}

type Given = Pick<Node, 'inputs' | 'attrs'>;

/** Changes what operations are recorded with: their dtypes. */
export const policy = new Scoped<((operation: Operation, given: Given) => Given) | undefined>(undefined);

/** Records an operation: fills in attributes and checks shapes now, computes later. */
export function recordOperation(
  operation: Operation,
  inputs: Readonly<Record<string, Tensor | undefined>>,
  options: object = {},
  differentiable = true,
): Record<string, Tensor> {
  const own = { inputs: givenInputs(operation, inputs), attrs: options };
  const { inputs: given, attrs: named } = policy.value?.(operation, own) ?? own;
  const attrs: object = operation.kernel.attributes(objectOf(operation.name, named, ShapeError) as never);
  const specs = operation.kernel.infer(given, attrs as never);
  const node = recordNode({ operation, attrs, inputs: given });
  const requiresGrad =
    isTracking() && differentiable && Object.values(given).some((input) => input.requiresGrad);
  for (const [output, spec] of Object.entries(specs)) {
    const tracked = requiresGrad && isFloat(spec.dtype);
    node.outputs[output] = new Tensor(spec, { kind: 'op', node, output }, tracked);
  }
  return node.outputs;
}

/**
 * Applies an operation to tensors: the outputs by name. Shapes are checked now, values are computed when they are asked
 * for. Throws ShapeError where inputs or attributes do not fit.
 */
export const apply = <
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object,
>(
  operation: Operation<I, O, Y, A, G>,
  inputs: InputsOf<I, O>,
  ...[options]: object extends G ? [options?: G] : [options: G]
): { readonly [K in Y]: Tensor } => {
  if (!operation?.kernel)
    throw new ShapeError(`apply: ${String(operation)} is no operation; make one with defineOperation`);
  return recordOperation(operation, inputs, options as object) as { [K in Y]: Tensor };
};

/** The tensor that holds a view's elements. */
export function baseOf(value: Tensor): Tensor {
  let base = value;
  while (base.origin.kind === 'view') base = base.origin.base;
  return base;
}
