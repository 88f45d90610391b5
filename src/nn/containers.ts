import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { PyramidLevels } from '../kernels/levels.ts';
import { Module } from './module.ts';

/**
 * A layer of `Sequential`: a module whose `forward` maps one tensor to one, or a function that does, such as an
 * activation.
 */
export type Layer = (Module & UnaryModule) | ((x: Tensor) => Tensor);

/** The part of a module that `Sequential` calls. */
export interface UnaryModule {
  /** Maps a tensor to a tensor; with levels, one that holds a feature pyramid, as of `conv2d`. */
  forward(x: Tensor, levels?: PyramidLevels): Tensor;
}

/** Members in a row, named by their index in state dicts, as in PyTorch. */
abstract class Row<Member> extends Module implements Iterable<Member> {
  [index: number]: Member;
  #length = 0;

  constructor(members: Iterable<Member>) {
    super();
    if (typeof Object(members)[Symbol.iterator] !== 'function') {
      throw new UsageError(`${new.target.name}: takes a list of modules, got ${String(members)}`);
    }
    for (const member of members) this.append(member);
  }

  /** The number of members. */
  get length(): number {
    return this.#length;
  }

  /** Adds a member at the end. Throws UsageError for what is neither a module nor a function. */
  append(member: Member): this {
    if (!(member instanceof Module || typeof member === 'function')) {
      throw new UsageError(
        `${this.constructor.name}: member ${this.#length} is ${String(member)}, no module`,
      );
    }
    this[this.#length++] = member;
    return this;
  }

  /** The members in order. */
  *[Symbol.iterator](): Iterator<Member> {
    for (let i = 0; i < this.#length; i++) yield this[i]!;
  }
}

/**
 * Layers one after another (PyTorch's Sequential): `new Sequential(new Conv2d(3, 8, 3), new ReLU(), new Flatten())`. A function
 * may take the place of a module. In state dicts layers are named by their index, functions counting too, as do PyTorch's
 * modules without weights; so a state dict of the same layers in PyTorch has the same keys.
 */
export class Sequential extends Row<Layer> {
  /** @param layers Modules with a `forward` from one tensor to one, or such functions. */
  constructor(...layers: readonly Layer[]) {
    super(layers);
  }

  /** Applies the layers in order. Modules get `levels` too. */
  forward(x: Tensor, levels?: PyramidLevels): Tensor {
    let y = x;
    for (const layer of this) y = typeof layer === 'function' ? layer(y) : layer.forward(y, levels);
    return y;
  }
}

/** Modules in a list (PyTorch's ModuleList), named by their index in state dicts: `for (const block of blocks) …`. */
export class ModuleList<M extends Module = Module> extends Row<M> {
  /** @param modules The first modules; `append` adds others. */
  constructor(modules: Iterable<M> = []) {
    super(modules);
  }
}

/** Modules by name (PyTorch's ModuleDict), named by it in state dicts: `heads.get('boxes').forward(x)`. */
export class ModuleDict<Members extends Readonly<Record<string, Module>>> extends Module {
  readonly #members: Members;

  /** @param members The modules. Throws UsageError for a name with a dot, and for one that this class itself uses. */
  constructor(members: Members) {
    super();
    if (Object(members) !== members) {
      throw new UsageError(`ModuleDict: takes modules by name, got ${String(members)}`);
    }
    for (const [name, member] of Object.entries(members)) {
      if (!(member instanceof Module)) {
        throw new UsageError(`ModuleDict: ${name} is ${String(member)}, no module`);
      }
      if (name !== '' && !name.includes('.') && !(name in this)) continue;
      throw new UsageError(`ModuleDict: ${JSON.stringify(name)} cannot name a module; choose another name`);
    }
    this.#members = members;
    Object.assign(this, members);
  }

  /** The module of a name. */
  get<Name extends keyof Members>(name: Name): Members[Name] {
    return this.#members[name];
  }

  /** Whether there is a module of this name. */
  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  /** The names, in order. */
  keys(): string[] {
    return Object.keys(this.#members);
  }

  /** Pairs of name and module, in order. */
  entries(): [string, Module][] {
    return Object.entries(this.#members);
  }
}
