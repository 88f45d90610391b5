import { expectArguments, GPU } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { DataError, UsageError } from '../errors.ts';
import { expectOneOf, withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { METRICS, type Metric } from './distances.ts';
import { othersThan } from './flatIndex.ts';
import {
  crc32,
  decodeIds,
  decodeRecord,
  encodeHeader,
  encodeRecord,
  type IndexHeader,
  RECORD_BYTES,
  readHeader,
} from './indexFormat.ts';
import { type Id, type IdFilter, Names } from './names.ts';
import { type RowBlock, type RowSource, Searcher } from './search.ts';
import { type SearchOptions, type SearchResult, searchByName } from './searchByName.ts';
import { expectVectors, someRows, type Vectors } from './vectors.ts';

/** Where an index is kept: a file, as `fileStorage` of fovea/io opens it, or anything else of bytes. */
export interface IndexStorage {
  /** For messages: the path. */
  readonly name: string;
  /** How many bytes there are. */
  size(): Promise<number>;
  /** So many bytes from a place on. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Adds bytes at the end. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts off what is behind so many bytes. */
  truncate(size: number): Promise<void>;
  /** Returns when all is on the disk. */
  sync(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
}

/** Options of `createIndex`. */
export interface CreateIndexOptions {
  /** Values of a vector. */
  readonly d: number;
  /** Default 'cosine'. */
  readonly metric?: Metric;
  /** What else is to be known of it, as JSON: which model made the vectors. Default {}. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** Options of `openIndex`. */
export interface OpenIndexOptions {
  /** Whether nothing is written, not even to cut off a record that a writer left unfinished, or is writing now. Default false. */
  readonly readOnly?: boolean;
  /**
   * Whether all records are compared with their checksums, which reads the whole file. Default true. Where it is false only the last one
   * is, and damage elsewhere may go unseen.
   */
  readonly check?: boolean;
}

/** Options of a search in a file. */
export interface FileSearchOptions extends SearchOptions {
  /** Default: that of the index. */
  readonly metric?: Metric;
}

/** Bytes of vectors in a record at most. */
const RECORD_VECTORS = 2 ** 25;
/** Ids in a record at most: as JSON they are one text. */
const RECORD_IDS = 2 ** 16;

/**
 * An index in a file: vectors with ids, which are appended and removed, and searched exactly as in a `FlatIndex`, block by block
 * from the file. What was appended is on the disk when `append` returns; a process that is killed while it appends leaves a
 * whole file, without the record that it was writing (of many vectors, 32 MiB or 65,536 of them are a record). One process at a time may
 * write.
 */
export class IndexFile {
  readonly d: number;
  readonly metric: Metric;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly #storage: IndexStorage;
  readonly #readOnly: boolean;
  readonly #check: boolean;
  #unfinished = 0;
  readonly #names = new Names();
  /** Where each row's vector is in the file. */
  #places: number[] = [];
  /** Where the next record goes. */
  #end: number;

  /** Use `createIndex` or `openIndex`. */
  private constructor(storage: IndexStorage, header: IndexHeader, readOnly: boolean, check: boolean) {
    this.d = header.d;
    this.metric = header.metric;
    this.meta = header.meta;
    this.#end = header.end;
    this.#storage = storage;
    this.#readOnly = readOnly;
    this.#check = check;
  }

  /** @internal */
  static async open(storage: IndexStorage, readOnly: boolean, check = true): Promise<IndexFile> {
    const size = await storage.size();
    const header = await readHeader(storage.name, size, (offset, length) => storage.read(offset, length));
    const index = new IndexFile(storage, header, readOnly, check);
    await index.#readRecords(size);
    return index;
  }

  /**
   * Bytes at the end of the file that were left out when it was opened: those of a last record that is not whole, since its writer was
   * killed, is still writing it, or the disk has lost some of it.
   */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** How many vectors there are. */
  get size(): number {
    return this.#names.list.length;
  }

  /** The ids in the order of the rows, which `indices` of a result number. */
  get ids(): readonly Id[] {
    return this.#names.list;
  }

  /** Whether there is an item of this id. */
  has(id: Id): boolean {
    return this.#names.rowOf(id) !== undefined;
  }

  /** The vector of an item, or undefined where there is none of this id. */
  async get(id: Id): Promise<Float32Array | undefined> {
    const row = this.#names.rowOf(id);
    if (row === undefined) return undefined;
    return (await this.#gather(Int32Array.of(row))).data;
  }

  /**
   * Adds vectors [n, d] at the end, and returns when they are on the disk. `ids`: one for each; default: numbers from the one after the
   * largest on. Throws ShapeError for another width, UsageError for values that are not finite, for ids that are there already and for
   * an index that was opened to be read, before anything is written.
   */
  async append(vectors: HostTensor, ids?: readonly Id[]): Promise<void> {
    const call = 'IndexFile.append';
    this.#expectWritable(call);
    const rows = expectVectors(call, 'vectors', vectors, this.d);
    const named = this.#names.forNew(call, rows.rows, ids);
    const most = Math.min(RECORD_IDS, Math.max(1, Math.floor(RECORD_VECTORS / (4 * this.d))));
    for (let start = 0; start < rows.rows; start += most) {
      const { data, rows: count } = someRows(rows, start, Math.min(most, rows.rows - start));
      const some = named.slice(start, start + count);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const first = await this.#write('add', some, bytes);
      for (let row = 0; row < count; row++) this.#places.push(first + 4 * this.d * row);
      this.#names.append(some);
    }
  }

  /**
   * Removes items; the others keep their order and ids. Returns how many there were. Their vectors stay in the file until `compactInto`
   * makes one without them.
   */
  async remove(ids: IdFilter): Promise<number> {
    this.#expectWritable('IndexFile.remove');
    const gone = this.#names.rows('IndexFile.remove', 'ids', ids);
    if (gone.length === 0) return 0;
    await this.#write(
      'remove',
      Array.from(gone, (row) => this.ids[row]!),
      new Uint8Array(),
    );
    this.#drop(gone);
    return gone.length;
  }

  /** Writes what there is, without what was removed, into an empty storage, which becomes an index of its own. */
  async compactInto(storage: IndexStorage): Promise<IndexFile> {
    const index = await createIndex(storage, { d: this.d, metric: this.metric, meta: this.meta });
    const size = Math.max(1, Math.floor(RECORD_VECTORS / (4 * this.d)));
    for await (const { data, rows, width, start } of this.#source().blocks(size)) {
      await index.append({ data, shape: [rows, width] }, this.ids.slice(start, start + rows));
    }
    return index;
  }

  /** The k nearest items of every query [q, d], as `FlatIndex.search` gives them. */
  async search(
    gpu: Gpu,
    queries: HostTensor,
    k: number,
    options: FileSearchOptions = {},
  ): Promise<SearchResult> {
    const call = 'IndexFile.search';
    expectArguments(call, { gpu }, { gpu: GPU });
    const { filter, metric } = withDefaults(call, options, { filter: undefined, metric: this.metric });
    expectOneOf(call, 'metric', metric, METRICS);
    const searcher = new Searcher(gpu, metric);
    try {
      const source = (numbers?: Int32Array) => this.#source(numbers);
      const own = filter === undefined ? {} : { filter };
      return await searchByName(call, searcher, this.#names, source, queries, k, own);
    } finally {
      searcher.dispose();
    }
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#storage.close();
  }

  #expectWritable(call: string): void {
    if (this.#readOnly) throw new UsageError(`${call}: ${this.#storage.name} was opened to be read only`);
  }

  /** Writes a record; returns where its vectors begin. */
  async #write(kind: 'add' | 'remove', ids: readonly Id[], vectors: Uint8Array): Promise<number> {
    const pieces = encodeRecord(kind, ids, vectors);
    try {
      for (const piece of pieces) await this.#storage.append(piece);
      await this.#storage.sync();
    } catch (error) {
      // A full disk: what was written of it goes, so that the next record has its place.
      await this.#storage.truncate(this.#end).catch(() => undefined);
      throw error;
    }
    const start = this.#end + pieces[0]!.length + pieces[1]!.length;
    this.#end = start + vectors.length;
    return start;
  }

  async #readRecords(size: number): Promise<void> {
    while (this.#end < size) {
      const whole = await this.#readRecord(size);
      if (whole) continue;
      this.#unfinished = size - this.#end;
      if (!this.#readOnly) await this.#storage.truncate(this.#end);
      return;
    }
  }

  /** Reads a record; false for the last one, where it is not whole. */
  async #readRecord(size: number): Promise<boolean> {
    const start = this.#end;
    if (start + RECORD_BYTES > size) return false;
    const bytes = await this.#storage.read(start, RECORD_BYTES);
    const header = decodeRecord(bytes);
    if (!header) {
      // A disk that lost its power may have the length of a record without what is in it.
      if (bytes.every((byte) => byte === 0)) return false;
      throw this.#damaged(start);
    }
    const { kind, count, idBytes, checksum } = header;
    const vectors = start + RECORD_BYTES + idBytes;
    const end = vectors + (kind === 'add' ? 4 * this.d * count : 0);
    if (end > size) return false;
    const list = await this.#storage.read(start + RECORD_BYTES, idBytes);
    const isLast = end === size;
    if (
      (isLast || this.#check) &&
      crc32(list, await this.#storage.read(vectors, end - vectors)) !== checksum
    ) {
      if (isLast) return false;
      throw this.#damaged(start);
    }
    const ids = decodeIds(list, count);
    // Ids that are there already would be those of two rows.
    if (!ids || (kind === 'add' && (new Set(ids).size < count || ids.some((id) => this.has(id)))))
      throw this.#damaged(start);
    if (kind === 'remove') this.#drop(this.#names.rows('openIndex', 'ids', ids));
    else {
      for (let row = 0; row < count; row++) this.#places.push(vectors + 4 * this.d * row);
      this.#names.append(ids);
    }
    this.#end = end;
    return true;
  }

  #damaged(place: number): DataError {
    return new DataError(`${this.#storage.name}: is damaged at byte ${place}; make it anew`);
  }

  #drop(gone: Int32Array): void {
    const kept = othersThan(gone, this.size);
    const places = this.#places;
    this.#places = Array.from(kept, (row) => places[row]!);
    this.#names.keep(kept);
  }

  /** Rows as a search goes through them. */
  #source(numbers?: Int32Array): RowSource {
    const rows = numbers ?? Int32Array.from({ length: this.size }, (_, row) => row);
    const places = this.#places;
    const gather = (some: Int32Array) => this.#gather(some, places);
    return {
      rows: rows.length,
      width: this.d,
      async *blocks(size): AsyncGenerator<RowBlock, void> {
        for (let start = 0; start < rows.length; start += size) {
          const some = rows.subarray(start, start + size);
          yield { ...(await gather(some)), numbers: some, start: some[0]! };
        }
      },
    };
  }

  /** The vectors of rows; those that lie next to each other in one read. */
  async #gather(rows: Int32Array, places: readonly number[] = this.#places): Promise<Vectors> {
    const bytes = 4 * this.d;
    const data = new Float32Array(rows.length * this.d);
    const target = new Uint8Array(data.buffer);
    for (let from = 0; from < rows.length; ) {
      const place = places[rows[from]!]!;
      let to = from + 1;
      while (to < rows.length && places[rows[to]!] === place + (to - from) * bytes) to++;
      target.set(await this.#storage.read(place, (to - from) * bytes), from * bytes);
      from = to;
    }
    return { data, rows: rows.length, width: this.d };
  }
}

const STORAGE = { size: 'function', read: 'function', append: 'function' } as const;

/**
 * Makes an index in an empty storage. Throws UsageError where something is in it, for a d that is no whole number of 1 or more, for
 * another metric and for unknown options.
 */
export async function createIndex(storage: IndexStorage, options: CreateIndexOptions): Promise<IndexFile> {
  const call = 'createIndex';
  expectArguments(call, { storage }, { storage: STORAGE });
  const { d, metric, meta } = withDefaults(call, options, { d: 0, metric: 'cosine', meta: {} });
  if (!(Number.isInteger(d) && d >= 1 && d < 2 ** 30))
    throw new UsageError(`${call}: d is ${d}; give 1 or more`);
  expectOneOf(call, 'metric', metric, METRICS);
  expectArguments(call, { meta }, { meta: 'object' });
  if ((await storage.size()) > 0)
    throw new UsageError(`${call}: ${storage.name} is not empty; open it with openIndex`);
  await storage.append(encodeHeader(d, metric, meta));
  await storage.sync();
  return IndexFile.open(storage, false);
}

/**
 * Opens an index. A last record that is not whole, since its writer was killed, is cut off (`unfinished`). Throws DataError for what is no index,
 * for one of another version and for a damaged one, UsageError for unknown options.
 */
export async function openIndex(storage: IndexStorage, options: OpenIndexOptions = {}): Promise<IndexFile> {
  expectArguments('openIndex', { storage }, { storage: STORAGE });
  const { readOnly, check } = withDefaults('openIndex', options, { readOnly: false, check: true });
  return IndexFile.open(storage, readOnly, check);
}
