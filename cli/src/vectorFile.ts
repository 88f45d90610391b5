import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from 'fovea';
import { parseCsv } from 'fovea/data';
import { decodeNpy, encodeNpy, type FileTensor, npyFloats, readFileBytes, readSafetensors } from 'fovea/io';
import type { HostTensor } from 'fovea/learn';
import { fileProblem } from './files.ts';
import { openIndexFile, tellUnfinished } from './indexVectors.ts';

/** Vectors of a file, and what they are of. */
export interface NamedVectors {
  readonly vectors: HostTensor & { readonly data: Float32Array | Float64Array };
  /** A name for each: as a rule the file that it is of. */
  readonly names: readonly string[];
  /** Whether the file names them; where it does not, names are the numbers of the rows. */
  readonly named: boolean;
}

/** How vectors are read. */
export interface ReadVectorsOptions {
  /** Whether a .npy file of one dimension is taken for one vector. Default false. */
  readonly one?: boolean;
}

/** Numbers of items where nothing names them. */
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

/** The numbers of a tensor: f64 and f32 as they are, others as f32. */
function floatsOf(file: string, tensor: FileTensor): Float32Array | Float64Array {
  const { data, dtype } = tensor;
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  // A bfloat16 is the upper half of an f32.
  if (dtype === 'bf16')
    return new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits << 16).buffer);
  return npyFloats(encodeNpy(tensor), file).data;
}

function asRows(
  file: string,
  tensor: FileTensor,
  { one = false }: ReadVectorsOptions = {},
): NamedVectors['vectors'] {
  const [rows, width, ...more] = one && tensor.shape.length === 1 ? [1, ...tensor.shape] : tensor.shape;
  if (rows === undefined || width === undefined || more.length > 0) {
    throw new DataError(`${file}: has shape [${tensor.shape}]; give vectors as [n, d]`);
  }
  return { data: floatsOf(file, tensor), shape: [rows, width] };
}

/** The names that another file, or a part of the file, gives. Throws DataError where they are no texts, one for each vector. */
function expectNames(place: string, names: unknown, rows: number): readonly string[] {
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new DataError(`${place}: is no list of names; write the vectors again with fovea embed`);
  }
  if (names.length === rows) return names;
  throw new DataError(
    `${place}: names ${names.length} items, and there are ${rows} vectors; they must be as many`,
  );
}

function parsed(place: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(
      `${place}: is no JSON (${(cause as Error).message}); write it again with fovea embed`,
      { cause },
    );
  }
}

/** A .npy file, with the names of `NAME.files.json` next to it, where that is there. */
async function npy(file: string, options: ReadVectorsOptions): Promise<NamedVectors> {
  const vectors = asRows(file, decodeNpy(await readFileBytes(file), file), options);
  const beside = `${file.slice(0, -path.extname(file).length)}.files.json`;
  const text = await readFile(beside, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new DataError(`${beside}: cannot be read (${fileProblem(error)})`, { cause: error });
  });
  const rows = vectors.shape[0]!;
  return {
    vectors,
    names: text === undefined ? numbered(rows) : expectNames(beside, parsed(beside, text), rows),
    named: text !== undefined,
  };
}

/** The tensor `embeddings` of a safetensors file, or its only one. */
async function safetensors(file: string): Promise<NamedVectors> {
  const { tensors, metadata } = readSafetensors(await readFileBytes(file), file);
  const tensor = tensors.get('embeddings') ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined);
  if (!tensor) {
    throw new DataError(
      `${file}: has the tensors ${[...tensors.keys()].slice(0, 5).join(', ')}; give a file with one, or with one named embeddings`,
    );
  }
  const vectors = asRows(file, tensor);
  const rows = vectors.shape[0]!;
  const place = `${file}: files in its metadata`;
  const names =
    metadata.files === undefined ? undefined : expectNames(place, parsed(place, metadata.files), rows);
  return { vectors, names: names ?? numbered(rows), named: names !== undefined };
}

const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text));

/** Whether it is a number, or stands for one that no vector has: `nan`, `-inf`, 1e999. */
const isNumeric = (text: string): boolean =>
  isNumber(text) || /^\s*[+-]?(nan|inf(inity)?)\s*$/i.test(text) || Math.abs(Number(text)) === Infinity;

/** Titles of a first column that has names; that of pandas is empty. */
const NAMES = /^(file|id|name|path|)$/i;

/**
 * Whether the first row of a table is its header: it is not of numbers alone, its first column is called as one of names, or it numbers
 * the columns from 0, as pandas does.
 */
function isHeader([first = '', ...others]: readonly string[]): boolean {
  if (others.length === 0) return !isNumeric(first);
  const numbered = (fields: readonly string[]) => fields.every((text, i) => text.trim() === String(i));
  if (first === '' ? numbered(others) : others.length > 1 && numbered([first, ...others])) return true;
  return (first !== '' && NAMES.test(first)) || !others.every(isNumeric);
}

/** A table with a vector in each row. The first column may have names; a column `time` says which moment of a file it is. */
async function csv(file: string): Promise<NamedVectors> {
  const rows = parseCsv(
    Buffer.from(await readFileBytes(file))
      .toString('utf8')
      .replace(/^\ufeff/, ''),
    file,
  );
  const header = rows[0] && isHeader(rows[0].fields) ? rows[0].fields : undefined;
  const body = header ? rows.slice(1) : rows;
  const first = body[0];
  if (!first) throw new DataError(`${file}: has no row of numbers; give a vector in each row`);
  const named =
    (header !== undefined && NAMES.test(header[0]!)) || !body.every(({ fields }) => isNumber(fields[0]!));
  const timed = named && header?.[1] === 'time';
  const skipped = Number(named) + Number(timed);
  const width = first.fields.length - skipped;
  const data = new Float64Array(body.length * width);
  const names = body.map(({ line, fields }, row) => {
    if (fields.length !== width + skipped) {
      throw new DataError(
        `${file}:${line}: has ${fields.length} fields, the row before it ${width + skipped}`,
      );
    }
    for (let i = 0; i < width; i++) {
      const text = fields[i + skipped]!;
      if (!isNumber(text))
        throw new DataError(
          `${file}:${line}: field ${i + skipped + 1} is "${text.slice(0, 40)}"; give a number`,
        );
      data[row * width + i] = Number(text);
    }
    const time = timed ? fields[1]! : '';
    if (time !== '' && !isNumber(time))
      throw new DataError(`${file}:${line}: its time is "${time.slice(0, 40)}"; give seconds`);
    return named ? `${fields[0]}${time === '' ? '' : `#t=${Number(time)}`}` : String(row);
  });
  return { vectors: { data, shape: [body.length, width] }, names, named };
}

/** An index of fovea search, with the ids of its items. */
async function index(file: string): Promise<NamedVectors> {
  const opened = await openIndexFile(file, { readOnly: true });
  try {
    tellUnfinished(file, opened);
    const { ids, d } = opened;
    const data = new Float32Array(ids.length * d);
    for (const [row, id] of ids.entries()) data.set((await opened.get(id))!, row * d);
    return { vectors: { data, shape: [ids.length, d] }, names: ids.map(String), named: true };
  } finally {
    await opened.close();
  }
}

/** Throws DataError for vectors of no values, and for values that are not finite as f32, of which no distance is known. */
export function expectFinite(file: string, { data, shape }: NamedVectors['vectors']): void {
  const width = shape[1]!;
  if (width === 0) throw new DataError(`${file}: has vectors of no values; give vectors as [n, d]`);
  const wrong = data.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (wrong < 0) return;
  throw new DataError(
    `${file}: is ${data[wrong]} at row ${Math.floor(wrong / width)}, column ${wrong % width}; leave such rows out`,
  );
}

type Read = (file: string, options: ReadVectorsOptions) => Promise<NamedVectors>;

const READERS: Readonly<Record<string, Read>> = {
  '.npy': npy,
  '.safetensors': safetensors,
  '.csv': csv,
  '.index': index,
};

/** Endings of files of vectors. */
const VECTOR_FILES = Object.keys(READERS);

/** Whether the name of a file is one of a file of vectors. */
export const isVectorFile = (file: string): boolean => path.extname(file).toLowerCase() in READERS;

/** Reads vectors. Throws DataError for files of another kind, and those that cannot be used. */
export async function readVectors(file: string, options: ReadVectorsOptions = {}): Promise<NamedVectors> {
  const read = READERS[path.extname(file).toLowerCase()];
  if (!read)
    throw new DataError(
      `${file}: ends in none of ${VECTOR_FILES.join(', ')}; give vectors, or a folder of images`,
    );
  return read(file, options);
}
