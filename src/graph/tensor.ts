import { FoveaError, ShapeError } from '../errors.ts';
import { toHalf } from '../half.ts';
import type { OpName } from '../kernels/ops.ts';
import { kernelOf } from '../kernels/ops.ts';
import {
  type DType,
  expectShape,
  formatShape,
  type HostArray,
  isFloat,
  numel,
  type Shape,
  type TensorSpec,
} from '../shape.ts';

/** Makes values when they are asked for: to the end, with rests on the way. */
export type Later = () => Generator<void, HostArray>;

/** A value that lives on from run to run: a parameter, a running mean, an optimizer's moments. */
export class State {
  readonly spec: TensorSpec;
  readonly label: string;
  #initial: HostArray | Later | undefined;
  /** Counts changes from the host, so that a device knows when to upload again. */
  version = 0;
  /** Its place in a larger state, in elements: parameters live in a few flat buffers. */
  #home: { readonly flat: State; readonly offset: number } | undefined;
  /** The states that have moved into this one. */
  readonly members: State[] = [];

  /** `initial`: its values, or what makes them when they are first asked for. Zeros where it is left out. */
  constructor(label: string, spec: TensorSpec, initial?: HostArray | Later) {
    this.label = label;
    this.spec = spec;
    this.#initial = initial;
  }

  /** What it holds at first, and what `load` puts there. */
  get initial(): HostArray {
    const work = this.draw();
    while (!work.next().done);
    return this.#initial as HostArray;
  }

  /** Makes the values that were put off, with rests on the way. */
  *draw(): Generator<void, void> {
    if (typeof this.#initial === 'function') {
      const values = yield* this.#initial();
      // Others may have been set or made in the meantime.
      if (typeof this.#initial === 'function') this.#initial = values;
    } else if (this.#initial === undefined) {
      for (const member of this.members) yield* member.draw();
      this.#initial ??= hostArray(new Float32Array(numel(this.spec.shape)), this.spec.dtype);
      for (const member of this.members) this.#take(member);
    }
  }

  /** What holds its values: its members and zeros between them as long as nobody has asked for the whole, else itself. */
  get pieces(): readonly State[] {
    return this.#initial === undefined ? this.members : [this];
  }

  get home(): { readonly flat: State; readonly offset: number } | undefined {
    return this.#home;
  }

  /** Moves this state into a flat one, which holds its value from now on. */
  moveInto(flat: State, offset: number): void {
    if (this.#home) throw new FoveaError(`${this.label}: it belongs to another optimizer already`);
    this.#home = { flat, offset };
    flat.members.push(this);
    flat.#take(this);
    flat.version++;
  }

  /** Replaces the value from the host, on every device at its next run. Its neighbours in a flat one keep theirs. */
  set(values: HostArray): void {
    if (values.length !== numel(this.spec.shape)) {
      throw new ShapeError(`${this.label}: ${values.length} values for ${formatShape(this.spec.shape)}`);
    }
    this.#initial = values;
    this.version++;
    if (this.#home) this.#home.flat.#take(this);
  }

  /** Puts a member's values in their place, unless all are put off. */
  #take(member: State): void {
    if (this.#initial instanceof Float32Array) this.#initial.set(member.initial, member.home!.offset);
  }
}

/** Where a tensor's value comes from. */
export type Origin =
  | { readonly kind: 'constant'; readonly data: HostArray }
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'state'; readonly state: State }
  | { readonly kind: 'view'; readonly base: Tensor }
  | { readonly kind: 'op'; readonly node: Node; readonly output: string };

/** One recorded operation. */
export interface Node {
  readonly id: number;
  readonly op: OpName;
  readonly attrs: object;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Record<string, Tensor>;
  /** The innermost checkpoint that it was recorded in. */
  readonly segment?: Segment | undefined;
  /** The node that it computes again, where it is a repetition. */
  readonly first?: Node;
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
let segment: Segment | undefined;

/** Runs fn and tells what it records. */
export function recordSegment<R>(fn: () => R): { result: R; segment: Segment } {
  const own: Segment = { parent: segment, nodes: [], open: true };
  segment = own;
  try {
    return { result: fn(), segment: own };
  } finally {
    segment = own.parent;
    own.open = false;
  }
}

function recordNode(node: Omit<Node, 'id' | 'segment' | 'outputs'>): Node {
  const recorded: Node = { ...node, id: nextId++, segment, outputs: {} };
  for (let around = segment; around; around = around.parent) around.nodes.push(recorded);
  return recorded;
}

/**
 * A value that is computed when it is asked for. Operations on tensors record a graph; `Gpu.run`, `Gpu.capture`
 * and `Gpu.read` lower and run it.
 */
export class Tensor {
  readonly id = nextId++;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly origin: Origin;
  readonly requiresGrad: boolean;
  /** d loss / d this tensor, after `backward`. */
  grad: Tensor | undefined;

  constructor(spec: TensorSpec, origin: Origin, requiresGrad = false) {
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
    const known = numel(shape.filter((size) => size !== -1));
    const full = shape.map((size) => (size === -1 ? this.size / known : size));
    const whole = full.every((size) => Number.isInteger(size) && size >= 0);
    if (!whole || numel(full) !== this.size || shape.filter((size) => size === -1).length > 1) {
      throw new ShapeError(
        `reshape: ${formatShape(this.shape)} has ${this.size} elements, ${formatShape(shape)} does not`,
      );
    }
    return new Tensor({ shape: full, dtype: this.dtype }, { kind: 'view', base: this }, this.requiresGrad);
  }

  /** The same value, through which no gradient flows. */
  detach(): Tensor {
    return new Tensor(this, { kind: 'view', base: this }, false);
  }
}

/**
 * A tensor of these values: i32 or u32 where the array is of that type, else f32. Of dtype f16 it holds the nearest
 * halves; a Uint16Array is taken as their bits.
 */
export function tensor(data: HostArray | readonly number[], shape?: Shape, dtype?: DType): Tensor {
  const type = dtype ?? (data instanceof Int32Array ? 'i32' : data instanceof Uint32Array ? 'u32' : 'f32');
  const array = hostArray(data, type);
  const full = shape ?? [array.length];
  expectShape('tensor', full);
  if (numel(full) !== array.length) {
    throw new ShapeError(`tensor: ${array.length} values for shape ${formatShape(full)}`);
  }
  return new Tensor({ shape: full, dtype: type }, { kind: 'constant', data: array });
}

export function hostArray(data: HostArray | readonly number[], dtype: DType): HostArray {
  if (dtype === 'i32') return data instanceof Int32Array ? data : Int32Array.from(data);
  if (dtype === 'u32') return data instanceof Uint32Array ? data : Uint32Array.from(data);
  if (dtype === 'f16') return data instanceof Uint16Array ? data : toHalf(data);
  return data instanceof Float32Array || data instanceof Float64Array ? data : Float32Array.from(data);
}

export const zeros = (shape: Shape, dtype: DType = 'f32'): Tensor => full(shape, 0, dtype);

/** A tensor of one value. Throws ShapeError for a fraction as an integer. */
export function full(shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  expectShape('full', shape);
  if (!isFloat(dtype) && !Number.isInteger(value)) {
    throw new ShapeError(
      `full: ${value} is no ${dtype}; use a whole number, or cast the tensor beside it to f32`,
    );
  }
  const values = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array }[dtype];
  return tensor(hostArray(new values(numel(shape)).fill(value), dtype), shape, dtype);
}

/** A tensor over a state; reading it gives the state's value at that point of the program. */
export const stateTensor = (state: State, requiresGrad = false): Tensor =>
  new Tensor(state.spec, { kind: 'state', state }, requiresGrad);

/** The inputs that are given, by name. Throws ShapeError where one that is needed is not, or is no tensor. */
function givenInputs(
  op: OpName,
  inputs: Readonly<Record<string, Tensor | undefined>>,
): Record<string, Tensor> {
  const given: Record<string, Tensor> = {};
  const optional: readonly string[] = kernelOf(op).optional;
  for (const [name, value] of Object.entries(inputs)) {
    if (value === undefined && optional.includes(name)) continue;
    if (!(value instanceof Tensor)) {
      throw new ShapeError(
        `${op}: ${name} is ${String(value)}, no tensor; make it with tensor(values, shape)`,
      );
    }
    given[name] = value;
  }
  return given;
}

/** Records an operation: fills in attributes and checks shapes now, computes later. */
export function apply(
  op: OpName,
  inputs: Readonly<Record<string, Tensor | undefined>>,
  options: object = {},
  differentiable = true,
): Record<string, Tensor> {
  const given = givenInputs(op, inputs);
  const kernel = kernelOf(op);
  const attrs: object = kernel.attributes?.(options as never) ?? options;
  const specs = kernel.infer(given, attrs as never);
  const node = recordNode({ op, attrs, inputs: given });
  const requiresGrad = differentiable && Object.values(given).some((input) => input.requiresGrad);
  for (const [output, spec] of Object.entries(specs)) {
    const tracked = requiresGrad && isFloat(spec.dtype);
    node.outputs[output] = new Tensor(spec, { kind: 'op', node, output }, tracked);
  }
  return node.outputs;
}

/** Records a node once more, on other inputs of the same shapes. */
export function repeat(node: Node, inputs: Readonly<Record<string, Tensor>>): Node {
  const again = recordNode({ op: node.op, attrs: node.attrs, inputs, first: firstOf(node) });
  for (const [output, value] of Object.entries(node.outputs)) {
    again.outputs[output] = new Tensor(value, { kind: 'op', node: again, output }, value.requiresGrad);
  }
  return again;
}

/** The node that this one repeats, or itself. */
export const firstOf = (node: Node): Node => node.first ?? node;

/** The tensor that this one repeats, or itself. */
export function firstValueOf(value: Tensor): Tensor {
  const { origin } = value;
  return origin.kind === 'op' && origin.node.first ? origin.node.first.outputs[origin.output]! : value;
}

/** The tensor that holds a view's elements. */
export function baseOf(value: Tensor): Tensor {
  let base = value;
  while (base.origin.kind === 'view') base = base.origin.base;
  return base;
}
