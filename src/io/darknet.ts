/** Darknet's .weights files: a header, then numbers without names. */
import { DataError } from '../errors.ts';
import type { LoadedWeights } from './loadedWeights.ts';

/** The header of a Darknet .weights file. */
export interface DarknetHeader {
  /** The version of the format, in three parts. */
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
  /** How many images the network was trained on. */
  readonly seen: number;
}

/** Three numbers, then `seen` in 32 bits, since version 0.2 in 64. */
export const isWide = (major: number, minor: number): boolean =>
  major * 10 + minor >= 2 && major < 1000 && minor < 1000;

/**
 * Reads the header of a .weights file, and where its values begin, in bytes. Throws DataError for a file that is shorter than its header.
 *
 * @param name The file's name, for messages.
 */
export function readDarknetHeader(
  bytes: Uint8Array,
  name: string,
): { readonly header: DarknetHeader; readonly start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 16) throw tooShort(bytes, name, 16);
  const [major, minor, revision] = [0, 4, 8].map((at) => view.getInt32(at, true)) as [number, number, number];
  const wide = isWide(major, minor);
  const start = wide ? 20 : 16;
  if (bytes.length < start) throw tooShort(bytes, name, start);
  const seen = wide ? Number(view.getBigUint64(12, true)) : view.getUint32(12, true);
  return { header: { major, minor, revision, seen }, start };
}

const tooShort = ({ length }: Uint8Array, name: string, header: number): DataError =>
  new DataError(
    `${name}: is not a .weights file: it has ${length} bytes, and the header alone takes ${header}; give the file that Darknet wrote`,
  );

/**
 * Copies the values of a .weights file. A copy, since values lie at multiples of 4 bytes there; of the buffer, since Buffer.slice
 * makes none.
 */
export const darknetValues = (bytes: Uint8Array, start: number, end = bytes.length): Float32Array =>
  new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + end) as ArrayBuffer);

/** Loads a .weights file as one tensor of all values. Throws DataError for a file that ends within a value. */
export function loadDarknetValues(bytes: Uint8Array, source: string): LoadedWeights {
  const { header, start } = readDarknetHeader(bytes, source);
  if ((bytes.length - start) % 4 !== 0) {
    throw new DataError(
      `${source}: has ${bytes.length - start} bytes of weights after its header, which is no multiple of 4; download it again`,
    );
  }
  const data = darknetValues(bytes, start);
  const { major, minor, revision, seen } = header;
  return {
    format: 'darknet',
    source,
    layout: undefined,
    tensors: new Map([['values', { dtype: 'f32', shape: [data.length], data }]]),
    other: new Map<string, string | number>([
      ['version', `${major}.${minor}.${revision}`],
      ['seen', seen],
    ]),
    notes: [],
  };
}
