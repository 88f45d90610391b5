import type { State } from '../../graph/state.ts';
import { baseOf, type Tensor } from '../../graph/tensor.ts';
import type { TorchLayout } from '../../io/layout.ts';
import { type HostArray, numel } from '../../shape.ts';
import { isAsTorch, ordered, type StoredWeight } from '../ownWeights.ts';
import { UnsupportedError } from '../unsupported.ts';
import { natural, type Order } from '../value.ts';
import type { GraphWriter } from './graphWriter.ts';
import { TYPES } from './protos.ts';
import { isFixed, type Size, type Sizes, type SizeTable } from './sizes.ts';

/** The order of ONNX's images: [N,C,H,W] of [N,H,W,C]. */
export const CHANNELS_FIRST: Order = [0, 3, 1, 2];

/** A value of the file: its name, and the order that the tensor's dimensions are in there. */
export interface Written {
  readonly name: string;
  readonly order: Order;
}

/** A state's name in the file, its values, and how PyTorch stores it where that differs. */
export interface StateEntry {
  readonly name: string;
  readonly values: HostArray;
  readonly torch?: TorchLayout | undefined;
}

/** What is written of each state. */
export type States = ReadonlyMap<State, StateEntry>;

/** What tensors are made of beside nodes. */
export interface Sources {
  readonly sizes: SizeTable;
  readonly states: States;
  /** The first input of the model, which tells the number of images. */
  readonly first: () => string;
}

/** Whether the dimensions that have more than one element are in the tensor's own order: the elements are then, too. */
const inPlace = (order: Order, sizes: Sizes): boolean => {
  const moving = order.filter((axis) => sizes[axis] !== 1);
  return moving.every((axis, i) => i === 0 || axis > moving[i - 1]!);
};

/**
 * The tensors of a graph as values of a file. A tensor may be there in several orders of its dimensions: what an operation
 * wants is transposed when it first asks, so that images stay channels-first between convolutions.
 */
export class Tensors {
  readonly writer: GraphWriter;
  readonly #sources: Sources;
  readonly #states: Map<State, StateEntry>;
  /** Weights that are not as PyTorch stores them, by name. */
  readonly stored = new Map<string, StoredWeight>();
  readonly #written = new Map<Tensor, Map<string, Written>>();
  readonly #stretched = new Map<string, string>();
  /** Results of comparisons before they became numbers. */
  readonly conditions = new Map<Tensor, Written>();
  #images: string | undefined;

  constructor(writer: GraphWriter, sources: Sources) {
    this.writer = writer;
    this.#sources = sources;
    this.#states = new Map(sources.states);
  }

  get sizes(): SizeTable {
    return this.#sources.sizes;
  }

  /** Adds a state that the graph itself does not have. */
  addState(state: State, entry: StateEntry): void {
    this.#states.set(state, entry);
  }

  /** Says under which name a tensor is in the file. */
  set(tensor: Tensor, written: Written): void {
    const known = this.#written.get(tensor) ?? new Map<string, Written>();
    known.set(String(written.order), written);
    this.#written.set(tensor, known);
  }

  /** The forms in which a tensor is in the file already. */
  forms(tensor: Tensor): Written[] {
    return [...(this.#written.get(tensor)?.values() ?? [])];
  }

  /** The order that a tensor is in, where it is computed or an input; else undefined: it may be had in any. */
  orderOf(tensor: Tensor): Order | undefined {
    const { kind } = baseOf(tensor).origin;
    if (kind === 'constant' || kind === 'state') return undefined;
    const own = this.forms(tensor)[0];
    if (own) return own.order;
    return this.#sameAsBase(tensor) ? this.orderOf(baseOf(tensor)) : natural(tensor.shape.length);
  }

  #sameAsBase(tensor: Tensor): boolean {
    const base = baseOf(tensor);
    return base !== tensor && String(base.shape) === String(tensor.shape);
  }

  /** The name of a tensor, its dimensions in this order; default its own. */
  name(tensor: Tensor, order: Order = natural(tensor.shape.length)): string {
    const known = this.#written.get(tensor)?.get(String(order));
    if (known) return known.name;
    const name = this.#make(tensor, order);
    this.set(tensor, { name, order });
    return name;
  }

  #make(tensor: Tensor, order: Order): string {
    const { origin } = tensor;
    if (origin.kind === 'constant' && !this.sizes.grows(tensor)) {
      const shape = order.map((axis) => tensor.shape[axis]!);
      return this.writer.constant(TYPES[tensor.dtype], shape, ordered(valuesOf(tensor), tensor.shape, order));
    }
    const [form] = this.forms(tensor);
    if (form) {
      const perm = order.map((axis) => form.order.indexOf(axis));
      return this.writer.node('Transpose', [form.name], { perm });
    }
    if (origin.kind === 'view') return this.#view(tensor, order);
    if (origin.kind === 'state') {
      const { name, values, torch } = this.#states.get(origin.state)!;
      const stored = { shape: tensor.shape, order, ...(torch ? { torch } : {}) };
      if (!isAsTorch(stored)) this.stored.set(name, stored);
      const shape = order.map((axis) => tensor.shape[axis]!);
      return this.writer.weight(name, TYPES[tensor.dtype], shape, ordered(values, tensor.shape, order));
    }
    if (origin.kind === 'constant') {
      this.set(tensor, { name: this.#growing(tensor), order: natural(tensor.shape.length) });
      return this.name(tensor, order);
    }
    if (origin.kind === 'op') {
      throw new UnsupportedError(
        `exportOnnx: the output ${origin.output} of ${origin.node.op} has no ONNX form`,
      );
    }
    throw new UnsupportedError(`exportOnnx: ${tensor} is no input of the model, so its value is not known`);
  }

  /** The elements of another tensor under a shape of their own: where nothing moves, from whatever order is there. */
  #view(tensor: Tensor, order: Order): string {
    const base = baseOf(tensor);
    if (this.#sameAsBase(tensor)) return this.name(base, order);
    const own = natural(tensor.shape.length);
    const sizes = this.sizes.of(tensor);
    if (!inPlace(order, sizes)) {
      this.name(tensor, own);
      return this.name(tensor, order);
    }
    const from = this.forms(base).find((form) => inPlace(form.order, this.sizes.of(base)));
    return this.reshape(
      from?.name ?? this.name(base),
      order.map((axis) => sizes[axis]!),
    );
  }

  /**
   * The name of a tensor for an operation that broadcasts over the dimensions of a result, which are in this order: with sizes of
   * 1 for what it lacks.
   */
  stretched(tensor: Tensor, order: Order): string {
    const missing = order.length - tensor.shape.length;
    if (missing === 0) return this.name(tensor, order);
    const own = order.filter((axis) => axis >= missing).map((axis) => axis - missing);
    const sizes = this.sizes.of(tensor);
    const all = order.map((axis) => (axis < missing ? 1 : sizes[axis - missing]!));
    const shape = all.slice(all.findIndex((_, i) => order[i]! >= missing));
    if (own.length === 0 || shape.length === own.length) return this.name(tensor, own);
    const key = `${tensor.id} ${order}`;
    const known = this.#stretched.get(key) ?? this.#stretch(tensor, own, shape);
    this.#stretched.set(key, known);
    return known;
  }

  #stretch(tensor: Tensor, own: Order, shape: Sizes): string {
    const { origin } = tensor;
    if (origin.kind === 'constant' && shape.every(isFixed)) {
      return this.writer.constant(TYPES[tensor.dtype], shape, ordered(valuesOf(tensor), tensor.shape, own));
    }
    return this.reshape(this.name(tensor, own), shape);
  }

  /** Reshapes to these sizes. */
  reshape(x: string, sizes: Sizes): string {
    const growing = sizes.filter((size) => !isFixed(size));
    if (growing.length > 1 || (growing.length === 1 && sizes.includes(0))) {
      return this.writer.node('Reshape', [x, this.shape(sizes)]);
    }
    return this.writer.reshape(
      x,
      sizes.map((size) => (isFixed(size) ? size : -1)),
    );
  }

  /** The number of images as a list of one int64. */
  images(): string {
    if (this.#images === undefined) {
      const shape = this.writer.node('Shape', [this.#sources.first()]);
      this.#images = this.writer.node('Slice', [shape, this.writer.ints([0]), this.writer.ints([1])]);
    }
    return this.#images;
  }

  /** Sizes as a list of int64. */
  shape(sizes: Sizes): string {
    if (sizes.every(isFixed)) return this.writer.ints(sizes);
    const one = (size: Size): string => {
      if (isFixed(size)) return this.writer.ints([size]);
      if (size.perImage === 1) return this.images();
      return this.writer.node('Mul', [this.images(), this.writer.ints([size.perImage])]);
    };
    return sizes.length === 1 ? one(sizes[0]!) : this.writer.node('Concat', sizes.map(one), { axis: 0 });
  }

  /**
   * A constant whose first size grows with the number of images: that of the first image for each, with the whole numbers
   * between it and the next image's added once per image.
   */
  #growing(tensor: Tensor): string {
    const { writer, sizes } = this;
    const type = TYPES[tensor.dtype];
    const [first, ...rest] = sizes.of(tensor) as [Size, ...Size[]];
    const other = sizes.other(tensor);
    const per = isFixed(first) ? 0 : first.perImage;
    const shape = rest.filter(isFixed);
    const chunk = per * numel(shape);
    const step = stepOf(valuesOf(tensor), chunk);
    if (
      per === 0 ||
      shape.length !== rest.length ||
      step === undefined ||
      stepOf(valuesOf(other), chunk) !== step
    ) {
      throw new UnsupportedError(
        `exportOnnx: the constant ${tensor} grows with the number of images, in no regular way; export with dynamicBatch: false`,
      );
    }
    const own = valuesOf(tensor).slice(0, chunk);
    const one = writer.constant(type, [1, per, ...shape], own);
    const N = { perImage: 1 };
    let all: string;
    if (step === 0) {
      all = writer.node('Expand', [one, this.shape([N, per, ...shape])]);
    } else {
      const scalar = (value: number) => writer.constant('int64', [], BigInt64Array.of(BigInt(value)));
      const count = writer.node('Squeeze', [this.images(), writer.ints([0])]);
      const range = writer.node('Range', [scalar(0), count, scalar(1)]);
      const typed = writer.node('Cast', [range], { to: type === 'int32' ? 6 : 1 });
      const steps = writer.node('Mul', [
        typed,
        writer.constant(type, [], type === 'int32' ? Int32Array.of(step) : Float32Array.of(step)),
      ]);
      const column = writer.reshape(steps, [-1, 1, ...shape.map(() => 1)]);
      all = writer.node('Add', [one, column]);
    }
    return per === 1 && shape.length === 0 ? writer.reshape(all, [-1]) : this.reshape(all, sizes.of(tensor));
  }
}

function valuesOf({ origin, dtype }: Tensor): HostArray {
  if (origin.kind !== 'constant') return new Float32Array(0);
  return dtype === 'f32' && !(origin.data instanceof Float32Array)
    ? Float32Array.from(origin.data)
    : origin.data;
}

/** The whole number that each image's values are above those of the image before, or undefined. */
function stepOf(values: HostArray, chunk: number): number | undefined {
  const step = (values[chunk] ?? 0) - (values[0] ?? 0);
  if (!Number.isInteger(step)) return undefined;
  for (let i = chunk; i < values.length; i++) if (values[i]! - values[i - chunk]! !== step) return undefined;
  return step;
}
