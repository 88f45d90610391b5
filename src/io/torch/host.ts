/** What PyTorch's pickles may name and call: an allow list. Everything else becomes an `Opaque`, or is refused (refused.ts). */
import { type FileDType, plain } from '../fileTensor.ts';
import { numpyCalls, setArrayState, setDtypeState } from './numpy.ts';
import { NumpyArray, NumpyDtype, Opaque, type StorageRef, TensorRef, Unreadable } from './objects.ts';
import { Global, type PickleHost } from './pickle.ts';
import { DAMAGED, PickleFault } from './pickleInput.ts';
import { isRefused, isUnknownFunction } from './refused.ts';

/** The classes of torch's typed storages. */
const STORAGES: Readonly<Record<string, FileDType | undefined>> = {
  DoubleStorage: 'f64',
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  LongStorage: 'i64',
  IntStorage: 'i32',
  ShortStorage: 'i16',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool',
};

/** torch's names of the types of elements, as they are given with untyped storages. */
const DTYPES: Readonly<Record<string, FileDType | undefined>> = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  int32: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint64: 'u64',
  uint32: 'u32',
  uint16: 'u16',
  uint8: 'u8',
  bool: 'bool',
};

/** The name after `torch.` and `torch.cuda.` or `torch.storage.`; undefined for others. */
const torchName = (path: string): string | undefined =>
  /^torch\.(?:cuda\.|storage\.)?([A-Za-z]\w*)$/.exec(path)?.[1];

const isUntyped = (name: string): boolean => /^_?UntypedStorage$/.test(name);

/** What is made once per file: a pickle may ask for it again and again with a few bytes. */
interface Made {
  readonly bytes: Map<string, Uint8Array>;
  readonly dicts: Map<readonly unknown[], Map<unknown, unknown>>;
}

type Call = (args: readonly unknown[], self: Global, made: Made) => unknown;

/** A list, tuple or set from its items: their array itself, as it is not changed afterwards. */
const items: Call = ([values = []]) => (Array.isArray(values) || values instanceof Set ? values : []);

/** A dict from another, from a list of keys and values, or from nothing. */
function dictOf(value: unknown, { dicts }: Made): Map<unknown, unknown> {
  if (value instanceof Map) return value;
  if (!Array.isArray(value)) return new Map();
  const known = dicts.get(value);
  if (known) return known;
  const dict = new Map<unknown, unknown>();
  for (const pair of value) if (Array.isArray(pair)) dict.set(pair[0], pair[1]);
  dicts.set(value, dict);
  return dict;
}

/** `_rebuild_tensor(storage, storage_offset, size, stride)`, and in the third version a dtype. */
function tensor(
  [storage, offset, size, stride]: readonly unknown[],
  dtype?: FileDType | Unreadable,
): unknown {
  if (storage instanceof Unreadable) return storage;
  if (!(storage instanceof Storage)) throw new PickleFault('a tensor has no storage', DAMAGED);
  const type = dtype ?? storage.ref.dtype;
  if (type instanceof Unreadable) return type;
  if (type === undefined) throw new PickleFault('a tensor has no type', DAMAGED);
  return new TensorRef(storage.ref, type, offset, size, stride);
}

function typed(args: readonly unknown[]): unknown {
  const dtype = args[6];
  const path = dtype instanceof Global ? dtype.path : dtype instanceof Opaque ? dtype.name : '';
  const name = /^torch\.(\w+)$/.exec(path)?.[1] ?? 'unknown';
  return tensor(args, DTYPES[name] ?? new Unreadable(name));
}

const unreadable =
  (type: string): Call =>
  () =>
    new Unreadable(type);
const first: Call = ([value]) => value;
const dict: Call = ([values], _, made) => dictOf(values, made);
const opaque: Call = (args, { path }) => new Opaque(path, args);
const text: Call = (args, self, made) => (args.length === 1 ? args[0] : opaque(args, self, made));

/** What may be called, and what that gives. */
const CALLS: Readonly<Record<string, Call | undefined>> = {
  'torch._utils._rebuild_tensor': (args) => tensor(args),
  'torch._utils._rebuild_tensor_v2': (args) => tensor(args),
  'torch._utils._rebuild_tensor_v3': typed,
  'torch._utils._rebuild_parameter': first,
  'torch._utils._rebuild_parameter_with_state': first,
  'torch.nn.parameter.Parameter': first,
  'torch.nn.parameter.Buffer': first,
  'torch._utils._rebuild_qtensor': unreadable('quantized tensor'),
  'torch._utils._rebuild_sparse_tensor': unreadable('sparse tensor'),
  'torch._utils._rebuild_sparse_csr_tensor': unreadable('sparse tensor'),
  'torch._utils._rebuild_nested_tensor': unreadable('nested tensor'),
  'torch._utils._rebuild_meta_tensor_no_storage': unreadable('meta tensor'),
  'torch._utils._rebuild_wrapper_subclass': unreadable('tensor subclass'),
  'torch._utils._rebuild_device_tensor_from_numpy': ([array]) => array,
  'torch._utils._rebuild_xla_tensor': ([array]) => array,
  'torch.jit._pickle.build_intlist': items,
  'torch.jit._pickle.build_tensorlist': items,
  'torch.jit._pickle.build_doublelist': items,
  'torch.jit._pickle.build_boollist': items,
  'torch.jit._pickle.restore_type_tag': first,
  'torch.serialization._get_layout': opaque,
  'torch.Size': items,
  'torch.device': ([type, index], self) =>
    typeof type === 'string' && (index === undefined || typeof index === 'number')
      ? `${type}${index === undefined ? '' : `:${index}`}`
      : new Opaque(self.path),
  'torch.dtype': opaque,
  'collections.OrderedDict': dict,
  'collections.Counter': dict,
  'collections.defaultdict': ([, values], _, made) => dictOf(values, made),
  'collections.deque': items,
  'builtins.set': items,
  'builtins.frozenset': items,
  'builtins.list': items,
  'builtins.tuple': items,
  'builtins.dict': dict,
  'builtins.bytearray': ([value]) => (value instanceof Uint8Array ? value : new Opaque('builtins.bytearray')),
  'builtins.bytes': ([value]) => (value instanceof Uint8Array ? value : new Opaque('builtins.bytes')),
  'builtins.int': text,
  'builtins.float': text,
  'builtins.str': text,
  'builtins.bool': text,
  'builtins.complex': opaque,
  'builtins.slice': opaque,
  'builtins.range': opaque,
  'builtins.object': opaque,
  'builtins.type': opaque,
  'builtins.getattr': opaque,
  'copyreg._reconstructor': ([type, , state], self) => {
    const object = new Opaque(type instanceof Global ? type.path : self.path);
    if (state instanceof Map) object.entries = state;
    else if (Array.isArray(state)) object.items = state;
    return object;
  },
  'copyreg.__newobj__': ([type, ...args], self, made) => callTorch(type ?? self, args, made),
  '_codecs.encode': ([value, encoding], self, { bytes }) => {
    if (typeof value !== 'string' || encoding !== 'latin1') return new Opaque(self.path);
    const known = bytes.get(value) ?? latin1(value);
    bytes.set(value, known);
    return known;
  },
  ...numpyCalls,
};

function latin1(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) bytes[i] = value.charCodeAt(i);
  return bytes;
}

/** `_rebuild_from_type_v2(function, class, arguments, state)`: a tensor of a class of its own. */
const REBUILD_FROM_TYPE = 'torch._tensor._rebuild_from_type_v2';
const MODULE = 'module';

const refusal = (path: string): PickleFault =>
  new PickleFault(
    `calls or names ${plain(path)}, which has no place in weights: loaded with Python it could run any program`,
    'nothing of it was run; get the weights from a source that you trust, as a state dict or safetensors',
  );

/** Calls, in appearance. Throws PickleFault for what is refused. */
function callTorch(callee: unknown, args: readonly unknown[], made: Made): unknown {
  let [target, given] = [callee, args];
  // As often as a tensor is wrapped; each time with fewer arguments.
  while (target instanceof Global && target.path === REBUILD_FROM_TYPE && Array.isArray(given[2])) {
    [target, given] = [given[0], given[2]];
  }
  if (!(target instanceof Global)) {
    throw new PickleFault(
      `calls ${target instanceof Opaque ? `what ${plain(target.name)} gave` : 'what is no function or class'}`,
      'nothing of it was run; save the state dict alone',
    );
  }
  // Not a name that every object has.
  const call = Object.hasOwn(CALLS, target.path) ? CALLS[target.path] : undefined;
  if (call) return call(given, target, made);
  if (isUnknownFunction(target.path)) throw refusal(target.path);
  return new Opaque(target.path, given);
}

/** A storage on the stack. A class of its own: a pickle cannot make one but by a persistent id. */
class Storage {
  readonly ref: StorageRef;

  constructor(ref: StorageRef) {
    this.ref = ref;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** `('storage', class, key, location, number of elements[, view])`; the location (`cpu`, `cuda:0`) does not matter. */
function storage(id: unknown, seen: (ref: StorageRef) => void): unknown {
  if (!Array.isArray(id)) throw new PickleFault('a stored object has no id', DAMAGED);
  // Files before 1.0 hold the source of a module's class beside the class.
  if (id[0] === MODULE) return id[1];
  const [tag, type, key, , length, view] = id as readonly unknown[];
  const name = type instanceof Global ? torchName(type.path) : undefined;
  if (tag !== 'storage' || name === undefined || !isCount(length)) {
    throw new PickleFault('a stored object is no storage of torch', DAMAGED);
  }
  const own = String(typeof key === 'string' || typeof key === 'number' ? key : '');
  const dtype = Object.hasOwn(STORAGES, name) ? STORAGES[name] : undefined;
  if (dtype === undefined && !isUntyped(name)) return new Unreadable(name);
  const ref: StorageRef = { key: own, dtype, offset: 0, length };
  seen(ref);
  if (!Array.isArray(view)) return new Storage(ref);
  const [, offset, viewLength] = view as readonly unknown[];
  if (!isCount(offset) || !isCount(viewLength) || offset + viewLength > length) {
    throw new PickleFault(`a view reaches past the ${length} elements of its storage`, DAMAGED);
  }
  return new Storage({ key: own, dtype, offset, length: viewLength });
}

/**
 * The host for PyTorch's pickles.
 *
 * @param seen Called with each storage that the pickle names.
 */
export function torchHost(seen: (ref: StorageRef) => void = () => {}): PickleHost {
  const made: Made = { bytes: new Map(), dicts: new Map() };
  return {
    global(found) {
      if (isRefused(found.path)) throw refusal(found.path);
      return found;
    },
    call: (callee, args) => callTorch(callee, args, made),
    build(target, state) {
      if (target instanceof NumpyArray) setArrayState(target, state);
      else if (target instanceof NumpyDtype) setDtypeState(target, state);
      else if (target instanceof Opaque) target.state = state;
      return target;
    },
    add(target, key, value) {
      if (!(target instanceof Opaque)) throw new PickleFault('adds to what holds no items', DAMAGED);
      if (key === undefined) target.items.push(value);
      else target.entries.set(key, value);
    },
    persistent: (id) => storage(id, seen),
  };
}
