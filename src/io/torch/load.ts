/** Which state dict of a PyTorch file is meant. */
import { DataError } from '../../errors.ts';
import { type FileTensor, plain, quote, tensorCount } from '../fileTensor.ts';
import type { LoadedWeights } from '../loadedWeights.ts';
import { inflated } from './inflate.ts';
import { isZip, readArchive, readTorch, type TorchFile } from './read.ts';
import { readZip } from './zip.ts';

/** What people call the weights in a checkpoint. Averaged ones first, as Ultralytics and timm take them. */
const WRAPPERS = [
  'ema',
  'state_dict_ema',
  'model_ema',
  'ema_state_dict',
  'state_dict',
  'model_state_dict',
  'model',
  'net',
  'params',
  'weights',
];
/** What DataParallel and torch.compile put before every name. */
const PREFIXES = ['module.', '_orig_mod.'];

const under = (name: string, dict: string): boolean => dict === '' || name.startsWith(`${dict}.`);

/** What optimizers and gradient scalers keep, per parameter. */
const NOT_OF_MODEL = /^(.*_)?optim\w*(\.|$)|^amp\b|^scaler\b/;

/** The names of state dicts, as messages list them. */
const listed = (names: readonly string[]): string => names.slice(0, 12).map(quote).join(', ');

/** The name of the state dict to take. */
function choose({ stateDicts }: TorchFile, source: string, wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (stateDicts.includes(wanted)) return wanted;
    const named = stateDicts.filter((dict) => dict !== '' && !NOT_OF_MODEL.test(dict));
    const what =
      named.length === 0 ? 'it is one itself, so leave the name out' : `there are ${listed(named)}`;
    throw new DataError(`${source}: has no state dict ${quote(wanted)}; ${what}`);
  }
  for (const wrapper of WRAPPERS) {
    const within = stateDicts.filter((dict) => dict === wrapper || dict.startsWith(`${wrapper}.`));
    // Some trainers write one dict per part of the model: then all of them.
    if (within.length > 0) return within.length === 1 ? within[0]! : wrapper;
  }
  if (stateDicts.includes('') || stateDicts.length === 0) return '';
  const others = stateDicts.filter((dict) => !NOT_OF_MODEL.test(dict));
  if (others.length === 1) return others[0]!;
  throw new DataError(
    `${source}: holds ${others.length} state dicts; choose one with the option stateDict: ${listed(others)}`,
  );
}

/** Reads a zip archive, compressed or not. */
async function readInflated(
  { buffer, byteOffset, byteLength }: Uint8Array,
  source: string,
): Promise<TorchFile> {
  const archive = readZip(new Uint8Array(buffer, byteOffset, byteLength), source);
  return readArchive(await inflated(archive, source, byteLength), source, byteLength);
}

/** What is in a file without tensors. */
function inside({ other }: TorchFile): string {
  const root = other.get('');
  if (root !== undefined) {
    if (Array.isArray(root)) return 'but a list';
    if (typeof root !== 'object' || root === null) return `but a value, ${quote(String(root))}`;
    return `but ${'className' in root ? `an object of ${plain(root.className)}` : 'an array'}`;
  }
  const names = [...new Set([...other.keys()].map((name) => name.split('.')[0]!))];
  const more = names.length > 8 ? ` and ${names.length - 8} more` : '';
  return names.length === 0 ? 'it is empty' : `but ${names.slice(0, 8).map(plain).join(', ')}${more}`;
}

/** Reads a PyTorch file and takes one state dict of it; see `loadWeights`. */
export async function loadTorch(bytes: Uint8Array, source: string, wanted?: string): Promise<LoadedWeights> {
  const file = isZip(bytes) ? await readInflated(bytes, source) : readTorch(bytes, source);
  if (file.tensors.size === 0) {
    throw new DataError(`${source}: holds no tensor, ${inside(file)}; give a file with a state dict`);
  }
  const dict = choose(file, source, wanted);
  const notes: string[] = [];
  let tensors = new Map<string, FileTensor>();
  const left = new Map<string, number>();
  for (const [name, tensor] of file.tensors) {
    if (under(name, dict)) tensors.set(dict === '' ? name : name.slice(dict.length + 1), tensor);
    else {
      const top = name.split('.')[0]!;
      left.set(top, (left.get(top) ?? 0) + 1);
    }
  }
  if (dict !== '') notes.push(`the state dict ${quote(dict)} was taken`);
  for (const [top, count] of left) notes.push(`left out: ${tensorCount(count)} of ${quote(top)}`);
  for (let prefix = prefixOf(tensors); prefix !== undefined; prefix = prefixOf(tensors)) {
    const { length } = prefix;
    tensors = new Map([...tensors].map(([name, tensor]) => [name.slice(length), tensor]));
    notes.push(`${quote(prefix)} before every name was removed`);
  }
  const classes = new Set<string>();
  for (const value of file.other.values()) {
    if (value !== null && typeof value === 'object' && 'className' in value) classes.add(value.className);
  }
  if (classes.size > 0) {
    const names = [...classes];
    const more = names.length > 8 ? `, … (${names.length})` : '';
    notes.push(
      `objects of these classes are known by name only: ${names.slice(0, 8).map(plain).join(', ')}${more}`,
    );
  }
  return { format: file.format, source, layout: 'pytorch', tensors, other: file.other, notes };
}

const prefixOf = (tensors: ReadonlyMap<string, FileTensor>): string | undefined =>
  tensors.size === 0
    ? undefined
    : PREFIXES.find((prefix) =>
        [...tensors.keys()].every((name) => name.startsWith(prefix) && name.length > prefix.length),
      );
