/** Values by name into the states of a module. */
import { expectArguments, shownValue } from '../arguments.ts';
import { ShapeError, StateDictError, UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import {
  expectFileDType,
  expectFloat32,
  type FileData,
  type FileDType,
  toFloat32,
  type WeightOrder,
} from '../io/fileTensor.ts';
import { expectLayout, fromTorch, type Layout, type TorchLayout } from '../io/layout.ts';
import { expectOptions } from '../options.ts';
import { formatShape, type HostArray, numel, type Shape, sameShape } from '../shape.ts';

/** A tensor to load. Of f16 and bf16 `data` holds the bits; without a dtype its elements are the values. */
export interface LoadEntry extends Pick<WeightOrder, 'layout'> {
  readonly dtype?: FileDType;
  readonly shape: Shape;
  readonly data: FileData | HostArray;
}

/** Tensors by name, as a Map or as `loadWeights` and `readTorch` give them: with their layout, and the name of the file. */
export type LoadSource =
  | ReadonlyMap<string, LoadEntry>
  | {
      readonly tensors: ReadonlyMap<string, LoadEntry>;
      readonly layout?: Layout | undefined;
      readonly source?: string;
    };

/** How `loadStateDict` takes what it is given. */
export interface LoadOptions {
  /** What messages call the weights: the file. Default: the file that was loaded, or `state dict`. */
  readonly source?: string;
  /** Whether every name here must be given, and no other. Default true. */
  readonly strict?: boolean;
  /** The name here for a name there; undefined leaves the tensor out. Default: the same name. */
  readonly rename?: (name: string) => string | undefined;
  /** Leaves the values of tensors as they are whose shape is another: those of a head for other classes. Default false. */
  readonly skipMismatched?: boolean;
  /** The order of the dimensions. Default: what each entry or the weights say, or else the order whose shapes are those of the model. */
  readonly layout?: Layout;
  /** False takes f32 arrays as they are, which must not change afterwards. Default true. */
  readonly copy?: boolean;
}

/** What `loadStateDict` did, by the names of the module. */
export interface LoadReport {
  /** Loaded. */
  readonly matched: readonly string[];
  /** In the module, but not given: they keep their values. */
  readonly missing: readonly string[];
  /** Given, but not in the module. */
  readonly unexpected: readonly string[];
  /** Given in another shape: they keep their values. Both shapes in the layout of what was given. */
  readonly mismatched: readonly { readonly name: string; readonly given: Shape; readonly wanted: Shape }[];
}

/** A parameter or buffer to load. */
export interface Loadable {
  readonly name: string;
  readonly state: State;
  /** How PyTorch stores it, where that differs. */
  readonly torch: TorchLayout | undefined;
}

const COUNTER = /(^|\.)num_batches_tracked$/;

/** Whether the same shape in both layouts means other values. */
const alike = ({ shape, outer, inner, taps }: TorchLayout, own: Shape): boolean =>
  sameShape(shape, own) && [outer, inner, taps].filter((size) => size > 1).length > 1;

/**
 * The layout of the entries that do not say it: that in which more of the shapes are those of the model. A tie is PyTorch's where its
 * counters are there, else that of the other entries, or Fovea's. Throws UsageError for a tie with weights of one shape in both.
 */
function inferLayout(
  members: readonly Loadable[],
  given: ReadonlyMap<string, LoadEntry>,
  source: string,
): Layout {
  let votes = 0;
  let unknown = '';
  for (const { name, state, torch } of members) {
    const entry = given.get(name);
    if (!entry || entry.layout || !torch) continue;
    const own = state.spec.shape;
    if (sameShape(torch.shape, own)) unknown ||= alike(torch, own) && sameShape(entry.shape, own) ? name : '';
    else if (sameShape(entry.shape, torch.shape)) votes++;
    else if (sameShape(entry.shape, own)) votes--;
  }
  if (votes !== 0) return votes > 0 ? 'pytorch' : 'fovea';
  const entries = [...given];
  if (entries.some(([name]) => COUNTER.test(name))) return 'pytorch';
  if (unknown === '') return entries.some(([, { layout }]) => layout === 'pytorch') ? 'pytorch' : 'fovea';
  throw new UsageError(
    `${source}: ${unknown} is ${formatShape(given.get(unknown)!.shape)} in Fovea’s layout and in PyTorch’s, and nothing tells which it is; pass layout: 'pytorch' or layout: 'fovea'`,
  );
}

/** The entries under other names. Throws UsageError where two get the same one, and for what is no name. */
function renamed(
  given: ReadonlyMap<string, LoadEntry>,
  rename: (name: string) => string | undefined,
  source: string,
): Map<string, LoadEntry> {
  const result = new Map<string, LoadEntry>();
  for (const [name, entry] of given) {
    const now = rename(name);
    if (now === undefined) continue;
    if (typeof now !== 'string') {
      throw new UsageError(
        `loadStateDict: rename gives ${shownValue(now)} for ${name}; return a name, or undefined to leave the tensor out`,
      );
    }
    if (result.has(now)) {
      throw new UsageError(
        `${source}: two tensors are called ${now}, one of them ${name} before; rename only one of them`,
      );
    }
    result.set(now, entry);
  }
  return result;
}

const list = (names: readonly string[]): string =>
  names.length === 0
    ? 'none'
    : names.slice(0, 8).join(', ') + (names.length > 8 ? `, … (${names.length})` : '');

type Mismatch = LoadReport['mismatched'][number] & {
  /** The model's shape in the other layout. */
  readonly other: Shape;
  readonly layout: Layout;
};

/** Whether only the number of outputs differs: the first size of a weight of PyTorch's, else the last. */
const isHead = ({ given, wanted, layout }: Mismatch): boolean => {
  const axis = layout === 'pytorch' ? 0 : wanted.length - 1;
  return given.length === wanted.length && given.every((size, i) => i === axis || size === wanted[i]);
};

/** What to do about shapes that differ. */
function wayOut({ given, other, layout }: Mismatch, all: readonly Mismatch[]): string {
  if (sameShape(given, other)) {
    return layout === 'pytorch'
      ? "that is the layout of Fovea: load it with layout 'fovea'"
      : "that is the layout of PyTorch: load it with layout 'pytorch'";
  }
  if (!all.every(isHead)) return 'use the width and depth that it was trained with';
  return 'only outputs differ, as in a head for other classes: build the model with the numClasses of the weights, or pass skipMismatched: true to begin the head anew';
}

/**
 * Loads values by name; see `Module.loadStateDict`.
 *
 * @param torchName The name here for one of PyTorch's.
 */
export function loadState(
  members: readonly Loadable[],
  weights: LoadSource,
  options: LoadOptions,
  torchName: (name: string) => string,
): LoadReport {
  expectOptions('loadStateDict', options, ['source', 'strict', 'rename', 'skipMismatched', 'layout', 'copy']);
  expectArguments(
    'loadStateDict',
    { options },
    {
      options: {
        'source?': 'text',
        'strict?': 'flag',
        'rename?': 'function',
        'skipMismatched?': 'flag',
        'copy?': 'flag',
      },
    },
  );
  expectLayout('loadStateDict', options.layout);
  const { copy = true, strict = true, skipMismatched = false } = options;
  const isMap = weights instanceof Map;
  const holder = isMap ? undefined : (weights as Exclude<LoadSource, ReadonlyMap<string, LoadEntry>>);
  const source = options.source ?? holder?.source ?? 'state dict';
  const entries = holder?.tensors ?? (weights as ReadonlyMap<string, LoadEntry>);
  if (!(entries instanceof Map)) {
    throw new UsageError(
      `loadStateDict: takes a Map of tensors by name, or what loadWeights gives; got ${typeof weights}`,
    );
  }
  for (const [name, entry] of entries) {
    const place = `${source}: ${name}`;
    expectArguments(place, { tensor: entry }, { tensor: { shape: 'values', data: 'object' } });
    if (entry.dtype !== undefined) expectFileDType(place, entry.dtype);
    if (entry.data.length !== numel(entry.shape)) {
      throw new ShapeError(
        `${place}: shape ${formatShape(entry.shape)} does not hold the ${entry.data.length} elements given`,
      );
    }
  }
  const own = options.rename ? renamed(entries, options.rename, source) : entries;
  const layout =
    options.layout ?? holder?.layout ?? inferLayout(members, renamed(own, torchName, source), source);
  const layoutOf = (entry: LoadEntry): Layout => options.layout ?? entry.layout ?? layout;
  const given =
    layout === 'pytorch'
      ? renamed(own, (name) => (COUNTER.test(name) ? undefined : torchName(name)), source)
      : own;

  const missing = members.filter(({ name }) => !given.has(name)).map(({ name }) => name);
  const names = new Set(members.map(({ name }) => name));
  const unexpected = [...given.keys()].filter((name) => !names.has(name));
  if (strict && (missing.length > 0 || unexpected.length > 0)) {
    throw new StateDictError(
      `${source}: these weights belong to another architecture; missing keys: ${list(missing)}; unexpected keys: ${list(unexpected)}`,
    );
  }
  const matched: Loadable[] = [];
  const mismatched: Mismatch[] = [];
  for (const member of members) {
    const entry = given.get(member.name);
    if (!entry) continue;
    const ours = member.state.spec.shape;
    const torchs = member.torch?.shape ?? ours;
    const own = layoutOf(entry);
    const [wanted, other] = own === 'pytorch' ? [torchs, ours] : [ours, torchs];
    if (sameShape(entry.shape, wanted)) matched.push(member);
    else mismatched.push({ name: member.name, given: entry.shape, wanted, other, layout: own });
  }
  const [first] = mismatched;
  if (first && !skipMismatched) {
    throw new ShapeError(
      `${source}: ${first.name} is ${formatShape(first.given)}, the model’s is ${formatShape(first.wanted)}; ${wayOut(first, mismatched)}`,
    );
  }
  for (const { name } of matched) {
    const { dtype = 'f32', data } = given.get(name)!;
    expectFloat32(`${source}: ${name}`, { dtype, data: data as FileData });
  }
  for (const { name, state, torch } of matched) {
    const entry = given.get(name)!;
    const { dtype, data } = entry;
    const own32 = data instanceof Float32Array && (dtype ?? 'f32') === 'f32' ? data : undefined;
    const values = () => toFloat32({ dtype: dtype ?? 'f32', data: data as FileData });
    if (torch && layoutOf(entry) === 'pytorch') state.set(fromTorch(own32 ?? values(), torch));
    else state.set(own32 && !copy ? own32 : (own32?.slice() ?? values()));
  }
  return {
    matched: matched.map(({ name }) => name),
    missing,
    unexpected,
    mismatched: mismatched.map(({ name, given: shape, wanted }) => ({ name, given: shape, wanted })),
  };
}
