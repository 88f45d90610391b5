import { Inflate } from 'fflate';
import { crc32 } from './crc32.ts';
import { asStoreError, StoreError } from './errors.ts';

/** A file in a zip. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes unpacked, as the zip says; reading fails where there are more or fewer. */
  readonly size: number;
  /** Bytes packed. */
  readonly packed: number;
  /** The first byte of its header, and the one after the last that its header and data may have. */
  readonly from: number;
  readonly limit: number;
  readonly deflated: boolean;
  readonly crc: number;
}

/** The most files in a zip, and bytes of one: the larger kinds (zip64) are not read, and fflate does not write them. */
export const MOST_ENTRIES = 65_535;
export const MOST_BYTES = 2 ** 32 - 1;
/** Bytes of the central directory: 46 and a name for each file. */
const DIRECTORY_BYTES = 2 ** 27;
/** Bytes that are inflated at once: 1032 times as many come out at most. */
const CHUNK = 2 ** 14;

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** Bytes of the header in front of a file, without its name. */
const HEADER = 30;

/**
 * A zip of which no more is read than is asked for. Whoever made it may mean harm: names that lead out of a folder, files
 * that share bytes or unpack to more than they say are refused.
 */
export class ZipFile {
  /** By name; folders are left out. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #zip: Blob;
  readonly #did: string;

  private constructor(zip: Blob, entries: ReadonlyMap<string, ZipEntry>, did: string) {
    this.#zip = zip;
    this.entries = entries;
    this.#did = did;
  }

  /**
   * Reads what is in a zip.
   *
   * @param did What is being done, for errors.
   * @throws StoreError 'corrupt' for what is no zip, or one that is damaged, encrypted, split, or made to harm.
   */
  static async open(zip: Blob, did: string): Promise<ZipFile> {
    try {
      return new ZipFile(zip, await readDirectory(zip, did), did);
    } catch (error) {
      throw error instanceof RangeError
        ? corrupt(did, 'its list of files is damaged', error)
        : asStoreError(error, did);
    }
  }

  /**
   * Unpacks a file. One that is stored as it is, is not copied, and its checksum is not looked at.
   *
   * @param most Bytes that it may have.
   * @throws StoreError 'corrupt' where it has more, or not what the zip says.
   */
  async read(entry: ZipEntry, most: number): Promise<Blob> {
    const { name, size, deflated } = entry;
    if (size > most) {
      throw corrupt(this.#did, `${shown(name)} has ${size} bytes, and ${most} is the most`);
    }
    const packed = await this.#packed(entry);
    if (!deflated) return packed;
    const parts = await inflate(packed, size, `${shown(name)} in the zip`, this.#did);
    if (crc32(parts) !== entry.crc) throw this.#damaged(name);
    return new Blob(parts);
  }

  /**
   * Unpacks a file of text, and looks at its checksum.
   *
   * @throws StoreError as `read`, and for what is not UTF-8.
   */
  async text(entry: ZipEntry, most: number): Promise<string> {
    const bytes = new Uint8Array(await (await this.read(entry, most)).arrayBuffer());
    if (crc32([bytes]) !== entry.crc) throw this.#damaged(entry.name);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      throw corrupt(this.#did, `${shown(entry.name)} is not UTF-8`, error);
    }
  }

  /** The bytes behind the header in front of them, which has a name and more of any length. */
  async #packed({ name, from, packed, limit }: ZipEntry): Promise<Blob> {
    const head = await viewOf(this.#zip.slice(from, Math.min(limit, from + HEADER)));
    const whole = head.byteLength === HEADER && head.getUint32(0, true) === LOCAL;
    const start = whole ? from + HEADER + head.getUint16(26, true) + head.getUint16(28, true) : limit;
    if (start + packed > limit) {
      throw corrupt(this.#did, `${shown(name)} is not where the zip says; copy or export the zip again`);
    }
    return this.#zip.slice(start, start + packed);
  }

  #damaged = (name: string): StoreError =>
    corrupt(
      this.#did,
      `${shown(name)} in the zip is damaged (its checksum differs); copy or export the zip again`,
    );
}

const corrupt = (did: string, why: string, cause?: unknown): StoreError =>
  new StoreError('corrupt', did, why, { cause });

const shown = (name: string): string => JSON.stringify(name.slice(0, 200));

/** Unpacks, and stops at the first byte too many. */
async function inflate(
  packed: Blob,
  size: number,
  what: string,
  did: string,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  const inflater = new Inflate((part) => {
    count += part.length;
    if (count > size) throw corrupt(did, `${what} unpacks to more than the ${size} bytes that the zip says`);
    parts.push(part as Uint8Array<ArrayBuffer>);
  });
  for (let at = 0; at < packed.size; at += CHUNK) {
    const chunk = new Uint8Array(await packed.slice(at, at + CHUNK).arrayBuffer());
    try {
      inflater.push(chunk, at + CHUNK >= packed.size);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw corrupt(
        did,
        `${what} is damaged (${(error as Error).message}); copy or export the zip again`,
        error,
      );
    }
  }
  if (count !== size) throw corrupt(did, `${what} unpacks to ${count} bytes instead of ${size}`);
  return parts;
}

const viewOf = async (blob: Blob): Promise<DataView> => new DataView(await blob.arrayBuffer());

async function readDirectory(zip: Blob, did: string): Promise<Map<string, ZipEntry>> {
  const { count, at, size } = await readEnd(zip, did);
  const view = await viewOf(zip.slice(at, at + size));
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let offset = 0;
  for (let i = 0; i < count; i++) {
    if (view.getUint32(offset, true) !== CENTRAL)
      throw corrupt(did, `file ${i + 1} of ${count} in the zip is damaged`);
    const [flags, method] = [view.getUint16(offset + 8, true), view.getUint16(offset + 10, true)];
    const nameLength = view.getUint16(offset + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, offset + 46, nameLength));
    checkName(name, did);
    if (names.has(name)) throw corrupt(did, `the zip has two files called ${shown(name)}`);
    names.add(name);
    if (flags & 1) throw corrupt(did, `${shown(name)} is encrypted; make the zip without a password`);
    if (method !== 0 && method !== 8) {
      throw corrupt(
        did,
        `${shown(name)} is packed by method ${method}; only stored and deflated files are read`,
      );
    }
    const [packed, size] = [view.getUint32(offset + 20, true), view.getUint32(offset + 24, true)];
    if (method === 0 && packed !== size)
      throw corrupt(did, `${shown(name)} has two sizes, ${packed} and ${size}`);
    const crc = view.getUint32(offset + 16, true);
    entries.push({
      name,
      size,
      packed,
      from: view.getUint32(offset + 42, true),
      limit: at,
      deflated: method === 8,
      crc,
    });
    offset += 46 + nameLength + view.getUint16(offset + 30, true) + view.getUint16(offset + 32, true);
  }
  return ownBytes(entries, at, did);
}

/** Sees to it that each file has bytes of its own, so that a small zip cannot name the same large one many times. */
function ownBytes(entries: ZipEntry[], end: number, did: string): Map<string, ZipEntry> {
  const sorted = entries.sort((a, b) => a.from - b.from);
  const files = new Map<string, ZipEntry>();
  for (const [i, entry] of sorted.entries()) {
    const limit = sorted[i + 1]?.from ?? end;
    if (entry.from + HEADER + entry.packed > limit) {
      throw corrupt(
        did,
        `${shown(entry.name)} reaches beyond the zip, or shares its bytes with another file`,
      );
    }
    if (!entry.name.endsWith('/')) files.set(entry.name, { ...entry, limit });
  }
  return files;
}

/** Finds the record at the end of a zip, which has a comment of up to 65,535 bytes behind it. */
async function readEnd(zip: Blob, did: string): Promise<{ count: number; at: number; size: number }> {
  const from = Math.max(0, zip.size - 22 - 65_535);
  const tail = await viewOf(zip.slice(from));
  let i = tail.byteLength - 22;
  while (i >= 0 && tail.getUint32(i, true) !== END) i--;
  if (i < 0) throw corrupt(did, 'it is no zip, or its end is missing; copy or make it again');
  const [disk, count] = [tail.getUint16(i + 4, true), tail.getUint16(i + 10, true)];
  const [size, at] = [tail.getUint32(i + 12, true), tail.getUint32(i + 16, true)];
  if (count === MOST_ENTRIES || at === MOST_BYTES) {
    throw corrupt(
      did,
      `the zip has ${MOST_ENTRIES} files or 4 GB and more (zip64), which the studio does not read`,
    );
  }
  if (disk !== 0 || at + size > from + i || size > DIRECTORY_BYTES || count * 46 > size) {
    throw corrupt(did, 'the list of files at the end of the zip is damaged');
  }
  return { count, at, size };
}

/** Refuses names that could lead out of a folder, on any system. */
function checkName(name: string, did: string): void {
  const segments = (name.endsWith('/') ? name.slice(0, -1) : name).split('/');
  const bad =
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused.
    /[\\\u0000-\u001f\u007f]|^[a-z]:/i.test(name) ||
    segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (!bad) return;
  const why = 'it would lead out of its folder, or is no name at all';
  throw corrupt(did, `the zip has a file called ${shown(name)}, and ${why}; do not use this zip`);
}
