import { rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { encodeNpy, encodeSafetensors } from 'fovea/io';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { csvLine } from '../csv.ts';
import { realPath, temporaryFor, withTemporary, writeFileAtomic } from '../files.ts';
import type { IndexModel } from '../indexVectors.ts';
import { writeNewIndex } from '../newIndex.ts';

/** A vector, of which file, and of which moment of it in seconds where it is of one. */
export interface EmbeddedRow {
  readonly file: string;
  readonly time?: number;
  readonly vector: Float32Array;
}

/** What is written. */
export interface EmbeddedRows {
  readonly rows: readonly EmbeddedRow[];
  /** The shape of one vector. */
  readonly shape: readonly number[];
  /** What made them, for formats that can say so. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The same for an index, which searches with images by it. */
  readonly model: IndexModel;
}

type Write = (out: string, rows: EmbeddedRows) => Promise<void>;

/** All vectors, one after the other. */
function joined({ rows, shape }: EmbeddedRows): Float32Array {
  const length = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(rows.length * length);
  rows.forEach(({ vector }, i) => {
    data.set(vector, i * length);
  });
  return data;
}

const idsOf = (rows: readonly EmbeddedRow[]): string[] =>
  rows.map(({ file, time }) => (time === undefined ? file : `${file}#t=${Number(time.toFixed(3))}`));

/** Formats that hold vectors of any shape. */
const MAPS = ['.npy', '.safetensors'];

/** Throws UsageError for vectors of a shape that a file of this name cannot hold. */
export function expectVectors(out: string, shape: readonly number[]): void {
  if (shape.length === 1 || MAPS.includes(path.extname(out).toLowerCase())) return;
  throw new UsageError(
    `${out}: vectors have shape [${shape}], which ${path.extname(out)} cannot hold; write .npy or .safetensors, or choose another pooling than none`,
  );
}

const writeNpy: Write = async (out, all) => {
  // Both are whole before either has its name: names of one run beside vectors of another would be taken for theirs.
  const place = await realPath(out);
  const begun = temporaryFor(place);
  await withTemporary(out, begun, async () => {
    await writeFileAtomic(begun, encodeNpy({ data: joined(all), shape: [all.rows.length, ...all.shape] }));
    await writeFileAtomic(
      `${out.slice(0, -4)}.files.json`,
      `${JSON.stringify(idsOf(all.rows), undefined, 1)}\n`,
    );
    await rename(begun, place);
  });
};

const writeSafetensors: Write = (out, all) => {
  const shape = [all.rows.length, ...all.shape];
  const metadata = { ...all.metadata, files: JSON.stringify(idsOf(all.rows)) };
  return writeFileAtomic(
    out,
    encodeSafetensors({ embeddings: { dtype: 'f32', shape, data: joined(all) } }, metadata),
  );
};

/** Letters that are written at a time, about. */
const PART_LETTERS = 2 ** 16;

const writeCsv: Write = (out, { rows, shape }) => {
  expectVectors(out, shape);
  const timed = rows.some(({ time }) => time !== undefined);
  const header = [
    'file',
    ...(timed ? ['time'] : []),
    ...Array.from({ length: shape[0]! }, (_, i) => `e${i}`),
  ];
  // Some lines at a time: all of them may be more than a text can hold.
  function* parts() {
    let lines = csvLine(header);
    for (const { file, time, vector } of rows) {
      const moment = timed ? [time === undefined ? '' : time.toFixed(3)] : [];
      lines += csvLine([file, ...moment, ...Array.from(vector, String)]);
      if (lines.length < PART_LETTERS) continue;
      yield lines;
      lines = '';
    }
    yield lines;
  }
  return writeFileAtomic(out, parts());
};

/** Numbers of a group of rows of a Parquet file, which the writer has in memory as lists. */
const GROUP_NUMBERS = 2 ** 20;

const writeParquet: Write = (out, { rows, shape, metadata }) => {
  expectVectors(out, shape);
  const timed = rows.some(({ time }) => time !== undefined);
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [
      { name: 'root', num_children: timed ? 3 : 2 },
      { name: 'file', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      ...(timed ? [{ name: 'time', type: 'DOUBLE', repetition_type: 'OPTIONAL' } as const] : []),
      { name: 'embedding', converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
    ],
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
  // What has been written leaves the memory.
  async function* parts() {
    const group = Math.max(1, Math.floor(GROUP_NUMBERS / shape[0]!));
    for (let start = 0; start < rows.length; start += group) {
      const some = rows.slice(start, start + group);
      await writer.write({
        columnData: [
          { name: 'file', data: some.map(({ file }) => file) },
          ...(timed ? [{ name: 'time', data: some.map(({ time }) => time ?? null) }] : []),
          // Features hardly repeat: neither a dictionary nor compression makes them shorter.
          {
            name: 'embedding',
            data: some.map(({ vector }) => Array.from(vector)),
            encoding: 'PLAIN',
            codec: 'UNCOMPRESSED',
            statistics: false,
          },
        ],
        rowGroupSize: group,
      });
      yield bytes.getBytes();
      bytes.index = 0;
    }
    await writer.finish();
    yield bytes.getBytes();
  }
  return writeFileAtomic(out, parts());
};

const writeIndex: Write = async (out, all) => {
  expectVectors(out, all.shape);
  const d = all.shape[0]!;
  await writeNewIndex(out, { d, metric: 'cosine', meta: { ...all.model } }, (index) =>
    index.append({ data: joined(all), shape: [all.rows.length, d] }, idsOf(all.rows)),
  );
};

const WRITERS: Readonly<Record<string, Write>> = {
  '.npy': writeNpy,
  '.safetensors': writeSafetensors,
  '.csv': writeCsv,
  '.parquet': writeParquet,
  '.index': writeIndex,
};

/** How embeddings are written to a file of this name. Throws UsageError for another ending, and for an index that is there already. */
export async function writerFor(out: string): Promise<(rows: EmbeddedRows) => Promise<void>> {
  const write = WRITERS[path.extname(out).toLowerCase()];
  if (!write) {
    throw new UsageError(
      `--out ${out}: ends in none of ${Object.keys(WRITERS).join(', ')}; choose one of them`,
    );
  }
  if (write === writeIndex && (await stat(out).catch(() => undefined))) {
    throw new DataError(`${out}: is there already; give another name, or add images to it with fovea index`);
  }
  return (rows) => write(out, rows);
}
