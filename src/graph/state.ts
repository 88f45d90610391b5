import { FoveaError, ShapeError } from '../errors.ts';
import { toHalf } from '../half.ts';
import { type DType, formatShape, type HostArray, numel, type TensorSpec } from '../shape.ts';

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
  constructor(label: string, spec: TensorSpec, initial?: HostArray | (() => Generator<void, HostArray>)) {
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

/** Values in the array type of a dtype: the array itself where it has that type. f16 is the bits of halves. */
export function hostArray(data: HostArray | readonly number[], dtype: DType): HostArray {
  if (dtype === 'i32') return data instanceof Int32Array ? data : Int32Array.from(data);
  if (dtype === 'u32') return data instanceof Uint32Array ? data : Uint32Array.from(data);
  if (dtype === 'f16') return data instanceof Uint16Array ? data : toHalf(data);
  return data instanceof Float32Array || data instanceof Float64Array ? data : Float32Array.from(data);
}
