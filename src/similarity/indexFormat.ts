import { DataError } from '../errors.ts';
import { METRICS, type Metric } from './distances.ts';
import type { Id } from './names.ts';

/*
 * An index file, all numbers little-endian u32:
 *
 *   header   "FOVEAIDX", version 1, d, metric (its place in METRICS), type of the values (0: f32), bytes of meta, CRC-32 of all
 *            before and of meta; then meta, JSON, filled up with spaces to a multiple of 4
 *   records  "FREC", kind (1: vectors are added, 2: items are removed), count, bytes of the ids, CRC-32 of what follows this header,
 *            CRC-32 of the five before; then the ids, a JSON list, filled up with spaces to a multiple of 4; then, where vectors are
 *            added, count x d f32
 *
 * Records are only ever added at the end, each is flushed to the disk before the next begins. So whatever ends a writer, all but the
 * last record are whole, and a last one that is not is cut off.
 */

export const HEADER_BYTES = 32;
export const RECORD_BYTES = 24;
const MAGIC = 'FOVEAIDX';
const RECORD = 0x43455246;

/** What the header says. */
export interface IndexHeader {
  readonly d: number;
  readonly metric: Metric;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Where the first record begins. */
  readonly end: number;
}

export interface RecordHeader {
  readonly kind: 'add' | 'remove';
  readonly count: number;
  readonly idBytes: number;
  readonly checksum: number;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

type Crc32 = (bytes: Uint8Array, value?: number) => number;

/** The CRC-32 of bytes, of several pieces one after the other. Node's own is ten times as fast. */
export function crc32(...pieces: readonly Uint8Array[]): number {
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib') as { crc32?: Crc32 } | undefined;
  const own = zlib?.crc32;
  if (own) return pieces.reduce((value, bytes) => own(bytes, value), 0);
  let c = 0xffffffff;
  for (const bytes of pieces)
    for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** JSON, filled up with spaces to a multiple of 4 bytes. */
function jsonBytes(value: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(value));
  const padded = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(32);
  padded.set(text);
  return padded;
}

export function encodeHeader(d: number, metric: Metric, meta: Readonly<Record<string, unknown>>): Uint8Array {
  const json = jsonBytes(meta);
  const bytes = new Uint8Array(HEADER_BYTES + json.length);
  bytes.set(new TextEncoder().encode(MAGIC));
  bytes.set(json, HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of [1, d, METRICS.indexOf(metric), 0, json.length].entries()) {
    view.setUint32(8 + 4 * i, value, true);
  }
  view.setUint32(28, crc32(bytes.subarray(0, 28), json), true);
  return bytes;
}

/** Reads a header by a function that gives bytes of the file. Throws DataError for what is no index of this version. */
export async function readHeader(
  name: string,
  size: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<IndexHeader> {
  const fail = (problem: string): never => {
    throw new DataError(`${name}: ${problem}`);
  };
  const start = size < HEADER_BYTES ? new Uint8Array(HEADER_BYTES) : await read(0, HEADER_BYTES);
  if (new TextDecoder().decode(start.subarray(0, 8)) !== MAGIC)
    fail('is no index file; make one with createIndex or fovea index');
  const view = new DataView(start.buffer, start.byteOffset);
  const [version, d, metric, type, length] = [8, 12, 16, 20, 24].map((at) => view.getUint32(at, true));
  if (version !== 1 || type !== 0) {
    fail(`is an index of version ${version}, type ${type}; this version of Fovea reads version 1, type 0`);
  }
  if (size < HEADER_BYTES + length!) fail('ends within its header; make it anew');
  const json = await read(HEADER_BYTES, length!);
  const named = METRICS[metric!];
  if (crc32(start.subarray(0, 28), json) !== view.getUint32(28, true) || named === undefined || d! < 1) {
    fail('has a damaged header; make it anew');
  }
  const meta = JSON.parse(new TextDecoder().decode(json)) as Readonly<Record<string, unknown>>;
  return { d: d!, metric: named!, meta, end: HEADER_BYTES + length! };
}

/** The pieces of a record: its header, its ids, and its vectors. */
export function encodeRecord(
  kind: RecordHeader['kind'],
  ids: readonly Id[],
  vectors: Uint8Array,
): Uint8Array[] {
  const list = jsonBytes(ids);
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  const values = [RECORD, kind === 'add' ? 1 : 2, ids.length, list.length, crc32(list, vectors)];
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  view.setUint32(20, crc32(bytes.subarray(0, 20)), true);
  return [bytes, list, vectors];
}

/** What a record's header says; undefined where the bytes are none. */
export function decodeRecord(bytes: Uint8Array): RecordHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [magic, kind, count, idBytes, checksum] = [0, 4, 8, 12, 16].map((at) => view.getUint32(at, true));
  if (magic !== RECORD || view.getUint32(20, true) !== crc32(bytes.subarray(0, 20))) return undefined;
  return { kind: kind === 1 ? 'add' : 'remove', count: count!, idBytes: idBytes!, checksum: checksum! };
}

/** The ids of a record; undefined where the bytes are not those of so many. */
export function decodeIds(bytes: Uint8Array, count: number): Id[] | undefined {
  try {
    const ids = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    const known = (id: unknown) => typeof id === 'string' || typeof id === 'number';
    return Array.isArray(ids) && ids.length === count && ids.every(known) ? (ids as Id[]) : undefined;
  } catch {
    return undefined;
  }
}
