import { expectArguments } from '../../arguments.ts';
import { DataError } from '../../errors.ts';
import { FILE_DTYPES, type FileTensor, quote } from '../fileTensor.ts';
import { torchHost } from './host.ts';
import type { StorageRef } from './objects.ts';
import { unpickle } from './pickle.ts';
import { type Storages, TensorReader } from './tensors.ts';
import { nameAll, type OtherValue } from './walk.ts';
import { readZip, type ZipArchive } from './zip.ts';

/** What `readTorch` reads. */
export interface TorchFile {
  /** How the file is built: `torch.save`'s zip archive, its pickles before PyTorch 1.6, or TorchScript's archive. */
  readonly format: 'torch' | 'torch-legacy' | 'torchscript';
  /**
   * The tensors by their full names: the keys on the way to them, joined by dots (`state_dict.module.conv1.weight`). A key
   * that is a tuple is as Python writes it (`(0, 'a')`), another object its number in the dict (`#3`). In PyTorch's layouts. Names of
   * one tensor share one array.
   */
  readonly tensors: Map<string, FileTensor>;
  /**
   * All other values by their full names: numbers, texts, NumPy arrays, and for every object its class. Attributes of modules that
   * a state dict leaves out are here, tensors among them.
   */
  readonly other: Map<string, OtherValue>;
  /** The names of the dicts and modules that hold tensors, in the order of the file: `''` for the file as a whole. */
  readonly stateDicts: readonly string[];
  /** The order of the dimensions, for `loadStateDict`. */
  readonly layout: 'pytorch';
}

const MAGIC = 119547037146038801333356n;
const PROTOCOL = 1001;
const COPY = 'copy or download it again';
const SAVE_AGAIN = 'load it in Python and save the state dict with torch.save';

/** Tells whether a file begins as a zip archive does. */
export const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** The seven letters that begin at byte 257 of a tar archive. */
const isTar = (bytes: Uint8Array): boolean =>
  bytes.length > 262 && String.fromCharCode(...bytes.subarray(257, 262)) === 'ustar';

/**
 * Reads a file that `torch.save` wrote (`.pth`, `.pt`, `.bin`, `.ckpt`), without Python: a zip archive, or the pickles of PyTorch
 * before 1.6. State dicts, dicts that hold them, and whole pickled modules, whose tensors get the names that `state_dict()` gives
 * them; also the attributes of TorchScript's archives.
 *
 * No code of the file is run and nothing that it names is imported. Tensors, parameters, ordered dicts, sets and NumPy's scalars
 * and arrays are read. An object of any other class becomes its name, and its attributes are read. A file that names what runs
 * programs, opens files or loads code (`posix.system`, `builtins.eval`, `subprocess.Popen`) is refused, and so is a call of a
 * function of torch, NumPy or Python that is not known here.
 *
 * Types are f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8 and bool. Views are copied to arrays of their own. Where a
 * tensor was (`cuda:0`) does not matter.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages. Default `torch file`.
 * @throws DataError, one line, for a file that is damaged or refused, tensors of other types (float8, complex, quantized, sparse),
 * compressed archives (`loadWeights` inflates them), and the tar archives of PyTorch before 0.1.10. Sizes are checked before anything is allocated.
 */
export function readTorch(bytes: Uint8Array, name = 'torch file'): TorchFile {
  expectArguments('readTorch', { bytes, name }, { bytes: 'bytes', name: 'text' });
  // A Buffer of Node answers slice() with the same memory.
  const content = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isZip(content)) return readArchive(readZip(content, name), name, bytes.length);
  if (isTar(content)) {
    throw new DataError(`${name}: is a tar archive, as PyTorch wrote before 0.1.10; ${SAVE_AGAIN}`);
  }
  return readLegacy(content, name);
}

function finish(
  format: TorchFile['format'],
  root: unknown,
  name: string,
  fileBytes: number,
  storages: Storages,
): TorchFile {
  return { format, ...nameAll(root, name, new TensorReader(name, fileBytes, storages)), layout: 'pytorch' };
}

/** Reads the entries of a zip archive as `readTorch` does. `fileBytes`: the size of the file. */
export function readArchive(entries: ZipArchive, name: string, fileBytes: number): TorchFile {
  // `archive/data.pkl`; the folder is called as the file was.
  const pickles = entries.names.filter((key) => /(^|\/)data\.pkl$/.test(key));
  const pickle = pickles.sort((a, b) => a.length - b.length)[0];
  if (pickle === undefined) {
    throw new DataError(
      `${name}: is a zip archive without data.pkl, not what torch.save writes; unpack it, and give the file of weights`,
    );
  }
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  const bigEndian = order !== undefined && String.fromCharCode(...order.subarray(0, 3)) === 'big';
  const { value } = unpickle(entries.get(pickle)!, 0, `${name}: ${pickle}`, torchHost());
  const format = entries.names.includes(`${folder}constants.pkl`) ? 'torchscript' : 'torch';
  const get = (key: string) => entries.get(`${folder}data/${key}`);
  return finish(format, value, name, fileBytes, { get, bigEndian });
}

function readLegacy(bytes: Uint8Array, name: string): TorchFile {
  if (bytes[0] !== 0x80) {
    throw new DataError(`${name}: is not a PyTorch file: neither a zip archive nor a pickle; check the file`);
  }
  const plain = torchHost();
  let at = 0;
  const next = (host = plain) => {
    const { value, end } = unpickle(bytes, at, name, host);
    at = end;
    return value;
  };
  if (next() !== MAGIC) {
    throw new DataError(
      `${name}: is a Python pickle that torch.save did not write; save the state dict with torch.save`,
    );
  }
  const protocol = next();
  if (protocol !== PROTOCOL) {
    throw new DataError(
      `${name}: has version ${typeof protocol === 'number' ? protocol : 'unknown'} of PyTorch's old format, known is ${PROTOCOL}; ${SAVE_AGAIN}`,
    );
  }
  // About the machine that wrote it. Elements are little-endian in any case.
  next();
  const seen = new Map<string, StorageRef>();
  const root = next(
    torchHost((ref) => {
      if (!seen.has(ref.key)) seen.set(ref.key, ref);
    }),
  );
  const keys = next();
  const storages = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const found of Array.isArray(keys) ? keys : []) {
    // Not of any other value: lists in lists have no text.
    const key = typeof found === 'string' || typeof found === 'number' ? String(found) : '';
    const ref = seen.get(key);
    const fault = (problem: string) => new DataError(`${name}: storage ${quote(key)}: ${problem}; ${COPY}`);
    if (!ref || storages.has(ref.key)) throw fault('belongs to no tensor, or is there twice');
    if (at + 8 > bytes.length) throw fault('is missing: the file is cut short');
    const length = Number(view.getBigUint64(at, true));
    const size = length * (ref.dtype === undefined ? 1 : FILE_DTYPES[ref.dtype].size);
    if (length !== ref.length) throw fault(`has ${length} elements, its tensors say ${ref.length}`);
    if (!(at + 8 + size <= bytes.length)) {
      throw fault(`has ${size} bytes, ${bytes.length - at - 8} are left: the file is cut short`);
    }
    storages.set(ref.key, bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return finish('torch-legacy', root, name, bytes.length, {
    get: (key) => storages.get(key),
    bigEndian: false,
  });
}
