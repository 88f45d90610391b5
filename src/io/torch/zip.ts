/**
 * The zip container of PyTorch's files, in which what is read is stored, not compressed. APPNOTE 6.3.10,
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
 */
import { DataError } from '../../errors.ts';
import { quote } from '../fileTensor.ts';

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const ENCRYPTED = 1;
const DEFLATED = 8;
const ALL_32 = 0xffffffff;
const ALL_16 = 0xffff;

const COPY = 'it is cut short or damaged, so copy or download it again';
const SAVE = 'load it in Python and save it again with torch.save';

interface Entry {
  readonly method: number;
  /** Its size as it is read. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** The entries of an archive. */
export interface ZipArchive {
  readonly names: readonly string[];
  /** A view of an entry's bytes; undefined for one that is not there. Throws DataError for a compressed one. */
  get(name: string): Uint8Array | undefined;
  /** The bytes of a deflated entry, and the size that it claims to have inflated; undefined for others. */
  deflated(name: string): { readonly bytes: Uint8Array; readonly size: number } | undefined;
}

/**
 * Lists the entries of a zip archive. Checksums are not compared: PyTorch can be told to write none.
 *
 * @param bytes The file.
 * @param file The file's name, for messages.
 * @throws DataError for encrypted entries, entries that reach out of the file or overlap, and two of one name.
 */
export function readZip(bytes: Uint8Array, file: string): ZipArchive {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fault = (problem: string, fix = COPY) => new DataError(`${file}: zip archive: ${problem}; ${fix}`);
  const { count, size, start } = findDirectory(view, fault);
  const end = start + size;
  const entries = new Map<string, Entry>();
  const ranges: { readonly name: string; readonly begin: number; readonly end: number }[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) {
      throw fault(`entry ${i} of ${count} is not in its directory`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) =>
      view.getUint16(at + place, true),
    ) as [number, number, number];
    const next = at + 46 + nameBytes + extraBytes + commentBytes;
    if (next > end) throw fault(`entry ${i} of ${count} is not in its directory`);
    const name = nameAt(bytes, at + 46, nameBytes);
    const place = `entry ${quote(name)}`;
    if (view.getUint16(at + 8, true) & ENCRYPTED) throw fault(`${place} is encrypted`, SAVE);
    const method = view.getUint16(at + 10, true);
    const wide = wideFields(view, at, nameBytes, extraBytes);
    if (!wide) throw fault(`${place} has no sizes`);
    const { compressed, uncompressed, local } = wide;
    if (method === 0 && compressed !== uncompressed) {
      throw fault(`${place} is stored, but says ${compressed} bytes in the file for ${uncompressed}`);
    }
    if (local + 30 > start || view.getUint32(local, true) !== LOCAL) {
      throw fault(`${place} has no header at byte ${local}`);
    }
    const localName = view.getUint16(local + 26, true);
    const begin = local + 30 + localName + view.getUint16(local + 28, true);
    if (begin + compressed > start) {
      throw fault(`${place} has ${compressed} bytes from ${begin} on, past the ${start} of the data`);
    }
    if (nameAt(bytes, local + 30, localName) !== name) {
      throw fault(`${place} has another name in its own header`);
    }
    if (entries.has(name)) throw fault(`two entries are called ${quote(name)}`, SAVE);
    entries.set(name, { method, size: uncompressed, bytes: bytes.subarray(begin, begin + compressed) });
    ranges.push({ name, begin: local, end: begin + compressed });
    at = next;
  }
  ranges.sort((a, b) => a.begin - b.begin);
  for (let i = 1; i < ranges.length; i++) {
    if (ranges[i]!.begin < ranges[i - 1]!.end) {
      throw fault(`entries ${quote(ranges[i - 1]!.name)} and ${quote(ranges[i]!.name)} overlap`, SAVE);
    }
  }
  return {
    names: [...entries.keys()],
    get(name) {
      const entry = entries.get(name);
      if (entry === undefined || entry.method === 0) return entry?.bytes;
      throw fault(
        `entry ${quote(name)} is compressed (method ${entry.method}), which torch.save does not do`,
        `${entry.method === DEFLATED ? 'load it with loadWeights, which inflates it, or ' : ''}unpack the archive and pack it without compression (zip -0 -r)`,
      );
    },
    deflated(name) {
      const entry = entries.get(name);
      return entry?.method === DEFLATED ? entry : undefined;
    },
  };
}

const utf8 = new TextDecoder();
const nameAt = (bytes: Uint8Array, at: number, length: number): string =>
  utf8.decode(bytes.subarray(at, at + length));

interface Directory {
  readonly count: number;
  readonly size: number;
  readonly start: number;
}

/** Where the central directory is: at the end of the file, before a comment of up to 65,535 bytes. */
function findDirectory(view: DataView, fault: (problem: string) => DataError): Directory {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (
      view.getUint32(at, true) !== END ||
      at + END_BYTES + view.getUint16(at + 20, true) !== view.byteLength
    ) {
      continue;
    }
    const found = {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      start: view.getUint32(at + 16, true),
    };
    const wide = found.count === ALL_16 || found.size === ALL_32 || found.start === ALL_32;
    const directory = wide ? (directory64(view, at) ?? found) : found;
    if (directory.start + directory.size > at) throw fault('its directory reaches past its end');
    return directory;
  }
  throw fault('its end is missing');
}

function directory64(view: DataView, end: number): Directory | undefined {
  if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR_64) return undefined;
  const at = Number(view.getBigUint64(end - 12, true));
  if (at + 56 > end || view.getUint32(at, true) !== END_64) return undefined;
  const [count, size, start] = [32, 40, 48].map((place) => Number(view.getBigUint64(at + place, true))) as [
    number,
    number,
    number,
  ];
  return { count, size, start };
}

/** Sizes and offset of an entry: of 32 bits, or of 64 in the field 0x0001 after its name. Undefined where that is missing. */
function wideFields(view: DataView, at: number, nameBytes: number, extraBytes: number) {
  const fields = { uncompressed: 24, compressed: 20, local: 42 };
  const values = { uncompressed: 0, compressed: 0, local: 0 };
  const wide: (keyof typeof fields)[] = [];
  for (const key of ['uncompressed', 'compressed', 'local'] as const) {
    values[key] = view.getUint32(at + fields[key], true);
    if (values[key] === ALL_32) wide.push(key);
  }
  if (wide.length === 0) return values;
  let extra = at + 46 + nameBytes;
  const end = extra + extraBytes;
  while (extra + 4 <= end) {
    const [id, size] = [view.getUint16(extra, true), view.getUint16(extra + 2, true)];
    if (id === 1 && size >= 8 * wide.length && extra + 4 + size <= end) {
      for (const [i, key] of wide.entries()) {
        values[key] = Number(view.getBigUint64(extra + 4 + 8 * i, true));
      }
      return values;
    }
    extra += 4 + size;
  }
  return undefined;
}
