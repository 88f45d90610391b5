/** From the value of a pickle to tensors and other values by name. */
import { DataError } from '../../errors.ts';
import { type FileTensor, plain, quote } from '../fileTensor.ts';
import { fixFor, NumpyArray, NumpyDtype, Opaque, TensorRef, Unreadable } from './objects.ts';
import { Global } from './pickle.ts';
import type { TensorReader } from './tensors.ts';

/** An object of a class that is not read, or a class or function itself. Its attributes are values of their own. */
export interface OpaqueRecord {
  /** Its name in Python: `ultralytics.nn.tasks.DetectionModel`. */
  readonly className: string;
}

/** A value of a file that is not a tensor. Lists, tuples and sets of such values are arrays, if they hold no dict or object. */
export type OtherValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | FileTensor
  | OpaqueRecord
  | readonly OtherValue[];

/** What a PyTorch file holds, by name. */
export interface Contents {
  readonly tensors: Map<string, FileTensor>;
  readonly other: Map<string, OtherValue>;
  readonly stateDicts: string[];
}

const MAX_DEPTH = 500;
const MAX_NAME = 4096;
/** The most values that are named, and the most characters of all names: what is shared in a file is named at every place. */
const MAX_VALUES = 500_000;
const MAX_CHARACTERS = 2 ** 26;

interface Visit {
  readonly name: string;
  readonly value: unknown;
  readonly depth: number;
  /** An attribute of a module that its state dict leaves out. */
  readonly aside: boolean;
  /** Part of a module, which has one state dict. */
  readonly inModule: boolean;
}

/** A step of the walk: a value to look at, or a container that has been looked through. */
type Step = Visit | { readonly leave: object };

const isScalar = (value: unknown): value is null | boolean | number | bigint | string =>
  value === null || ['boolean', 'number', 'bigint', 'string'].includes(typeof value);

/** The most items of a tuple, and the most characters of a text in it, that a name shows. */
const MAX_SHOWN = 64;

/** A tuple of plain values as Python writes it: `(0, 'weight')`. Undefined for one that holds others, or is long. */
function tupleText(values: readonly unknown[]): string | undefined {
  const isShort = (value: unknown) =>
    isScalar(value) && !(typeof value === 'string' && value.length > MAX_SHOWN);
  if (values.length > MAX_SHOWN || !values.every(isShort)) return undefined;
  const items = values.map((value) => {
    if (value === null) return 'None';
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    return typeof value === 'string' ? `'${value.replace(/['\\]/g, '\\$&')}'` : String(value);
  });
  return `(${items.join(', ')}${items.length === 1 ? ',' : ''})`;
}

/** What a key of a dict is as part of a name. Objects are counted: `#3` is the entry number 3. */
function partOf(key: unknown, index: number): string {
  if (isScalar(key)) return String(key);
  return (Array.isArray(key) ? tupleText(key) : undefined) ?? `#${index}`;
}

/** The state of a pickled `torch.nn.Module`; undefined for other objects. */
function moduleState(value: Opaque): Map<unknown, unknown> | undefined {
  const { state } = value;
  return state instanceof Map &&
    state.get('_modules') instanceof Map &&
    state.get('_parameters') instanceof Map
    ? state
    : undefined;
}

/** The attributes of an object that are no part of what it is: hooks and caches. */
const isInternal = (key: unknown): boolean =>
  typeof key === 'string' &&
  /^_(parameters|buffers|modules|non_persistent_buffers_set|.*_hooks?(_.*)?)$/.test(key);

/** An object's attributes: a dict, or with `__slots__` a pair of two. */
function attributesOf(state: unknown): [unknown, unknown][] {
  if (state instanceof Map) return [...state];
  if (
    Array.isArray(state) &&
    state.length === 2 &&
    state.every((part) => part === null || part instanceof Map)
  ) {
    return state.flatMap((part: unknown) => (part instanceof Map ? [...part] : []));
  }
  return state === undefined || state === null ? [] : [['state', state]];
}

type Child = readonly [key: unknown, value: unknown, aside: boolean];

/** What a module's state dict names, in its order, then its other attributes. */
function* moduleChildren(state: ReadonlyMap<unknown, unknown>): Generator<Child> {
  const left = state.get('_non_persistent_buffers_set');
  const leftOut = new Set<unknown>(left instanceof Set || Array.isArray(left) ? left : []);
  const part = (name: string) => {
    const found = state.get(name);
    return found instanceof Map ? found : new Map<unknown, unknown>();
  };
  for (const [key, value] of part('_parameters')) if (value !== null) yield [key, value, false];
  for (const [key, value] of part('_buffers')) {
    if (value !== null) yield [key, value, leftOut.has(key)];
  }
  for (const [key, value] of part('_modules')) if (value !== null) yield [key, value, false];
  for (const [key, value] of state) if (!isInternal(key)) yield [key, value, true];
}

function* objectChildren(value: Opaque): Generator<Child> {
  for (const [key, item] of attributesOf(value.state)) yield [key, item, false];
  for (const [key, item] of value.entries) yield [key, item, false];
  for (const [i, item] of value.items.entries()) yield [i, item, false];
  if (value.args.length > 0) yield ['args', value.args, false];
}

function* childrenOf(value: unknown): Generator<Child> {
  if (value instanceof Map) for (const [key, item] of value) yield [key, item, false];
  else if (value instanceof Set) for (const [i, item] of [...value].entries()) yield [i, item, false];
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [i, item, false];
  else if (value instanceof Opaque) {
    const state = moduleState(value);
    yield* state ? moduleChildren(state) : objectChildren(value);
  }
}

/**
 * Names everything in the value of a pickle. Without recursion: depth is the file's.
 *
 * @param root The value.
 * @param file The file's name, for messages.
 * @param reader Reads tensors.
 * @throws DataError for tensors that cannot be read, two values of one name, and what is too deep, too large or named too long.
 */
export function nameAll(root: unknown, file: string, reader: TensorReader): Contents {
  const tensors = new Map<string, FileTensor>();
  const other = new Map<string, OtherValue>();
  const stateDicts: string[] = [];
  const fault = (problem: string) => new DataError(`${file}: ${problem}; save the state dict alone`);
  // What is being looked into now: an object may hold what holds it.
  const around = new Set<object>();
  let values = 0;
  let characters = 0;
  const put = (name: string, value: OtherValue) => {
    if (tensors.has(name) || other.has(name)) throw fault(`two values are called ${quote(name)}`);
    other.set(name, value);
  };
  const leaf = ({ name, value, aside }: Visit): boolean => {
    if (value instanceof TensorRef) {
      const tensor = reader.read(name, value);
      if (aside) put(name, tensor);
      else if (tensors.has(name) || other.has(name)) throw fault(`two values are called ${quote(name)}`);
      else tensors.set(name, tensor);
    } else if (value instanceof Unreadable) {
      throw new DataError(
        `${file}: tensor ${quote(name)}: is a ${value.type.includes(' ') ? value.type : plain(value.type)}, which Fovea does not read; ${fixFor(value.type)}`,
      );
    } else if (value instanceof NumpyArray) {
      put(name, reader.readArray(name, value) ?? { className: 'numpy.ndarray' });
    } else if (value instanceof NumpyDtype) put(name, { className: 'numpy.dtype' });
    else if (value instanceof Global) put(name, { className: value.path });
    else if (isScalar(value) || value instanceof Uint8Array) put(name, value);
    else if (Array.isArray(value) && value.every(isScalar)) put(name, value);
    else if (value instanceof Set && [...value].every(isScalar)) put(name, [...value].filter(isScalar));
    else return false;
    return true;
  };
  const steps: Step[] = [{ name: '', value: root, depth: 0, aside: false, inModule: false }];
  for (let step = steps.pop(); step; step = steps.pop()) {
    if ('leave' in step) {
      around.delete(step.leave);
      continue;
    }
    const { name, value, depth, aside, inModule } = step;
    values += 1 + (Array.isArray(value) ? value.length >>> 6 : value instanceof Set ? value.size >>> 4 : 0);
    characters += name.length;
    if (values > MAX_VALUES || characters > MAX_CHARACTERS)
      throw fault(`it names more than ${MAX_VALUES.toLocaleString('en')} values`);
    if (name.length > MAX_NAME) throw fault(`a name has more than ${MAX_NAME} characters`);
    if (depth > MAX_DEPTH) throw fault(`it is nested deeper than ${MAX_DEPTH}`);
    if (leaf(step)) continue;
    if (typeof value !== 'object' || value === null || around.has(value)) continue;
    const searched =
      value instanceof Map || value instanceof Set || Array.isArray(value) || value instanceof Opaque;
    if (!searched) {
      put(name, { className: 'torch.Storage' });
      continue;
    }
    around.add(value);
    steps.push({ leave: value });
    const isModule = value instanceof Opaque && moduleState(value) !== undefined;
    if (value instanceof Opaque) put(name, { className: value.name });
    const children = [...childrenOf(value)];
    const holds = value instanceof Map && children.some(([, child]) => child instanceof TensorRef);
    if (!inModule && !aside && (isModule || holds)) stateDicts.push(name);
    const visits = children.map(([key, child, left], i): Visit => {
      const part = partOf(key, i);
      return {
        name: name === '' ? part : `${name}.${part}`,
        value: child,
        depth: depth + 1,
        aside: aside || left,
        inModule: inModule || isModule,
      };
    });
    steps.push(...visits.reverse());
  }
  return { tensors, other, stateDicts };
}
