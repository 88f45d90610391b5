/** Which state dict of a PyTorch file is meant. */
import { DataError } from '../../errors.ts';
import { type FileTensor, plain, quote } from '../fileTensor.ts';
import type { LoadedWeights } from '../loadedWeights.ts';
import { readTorch, type TorchFile } from './read.ts';

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

/** The name of the state dict to take. */
function choose({ stateDicts }: TorchFile, source: string, wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (stateDicts.includes(wanted)) return wanted;
    throw new DataError(
      `${source}: has no state dict ${quote(wanted)}; there are ${stateDicts.slice(0, 12).map(quote).join(', ') || 'none'}`,
    );
  }
  for (const wrapper of WRAPPERS) {
    const within = stateDicts.filter((dict) => dict === wrapper || dict.startsWith(`${wrapper}.`));
    // Some trainers write one dict per part of the model: then all of them.
    if (within.length > 0) return within.length === 1 ? within[0]! : wrapper;
  }
  if (stateDicts.includes('') || stateDicts.length === 0) return '';
  const others = stateDicts.filter((dict) => !/^(.*_)?optim\w*\.|^amp\b|^scaler\b/.test(dict));
  if (others.length === 1) return others[0]!;
  throw new DataError(
    `${source}: holds ${others.length} state dicts; choose one with the option stateDict: ${others.slice(0, 12).map(quote).join(', ')}`,
  );
}

/** Reads a PyTorch file and takes one state dict of it; see `loadWeights`. */
export function loadTorch(bytes: Uint8Array, source: string, wanted?: string): LoadedWeights {
  const file = readTorch(bytes, source);
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
  for (const [top, count] of left) notes.push(`left out: ${count} tensors of ${quote(top)}`);
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
