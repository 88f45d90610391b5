import { stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { encodeNpy, encodeSafetensors, fileStorage } from 'fovea/io';
import { createIndex } from 'fovea/similarity';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { csvLine } from '../csv.ts';
import { writeFileAtomic } from '../files.ts';

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

function expectVectors(out: string, shape: readonly number[]): void {
  if (shape.length === 1) return;
  throw new UsageError(
    `${out}: vectors have shape [${shape}], which ${path.extname(out)} cannot hold; write .npy or .safetensors, or choose another pooling than none`,
  );
}

const writeNpy: Write = async (out, all) => {
  await writeFileAtomic(
    `${out.slice(0, -4)}.files.json`,
    `${JSON.stringify(idsOf(all.rows), undefined, 1)}\n`,
  );
  await writeFileAtomic(out, encodeNpy({ data: joined(all), shape: [all.rows.length, ...all.shape] }));
};

const writeSafetensors: Write = (out, all) => {
  const shape = [all.rows.length, ...all.shape];
  const metadata = { ...all.metadata, files: JSON.stringify(idsOf(all.rows)) };
  return writeFileAtomic(
    out,
    encodeSafetensors({ embeddings: { dtype: 'f32', shape, data: joined(all) } }, metadata),
  );
};

const writeCsv: Write = (out, { rows, shape }) => {
  expectVectors(out, shape);
  const timed = rows.some(({ time }) => time !== undefined);
  const header = [
    'file',
    ...(timed ? ['time'] : []),
    ...Array.from({ length: shape[0]! }, (_, i) => `e${i}`),
  ];
  const lines = rows.map(({ file, time, vector }) =>
    csvLine([
      file,
      ...(timed ? [time === undefined ? '' : time.toFixed(3)] : []),
      ...Array.from(vector, String),
    ]),
  );
  return writeFileAtomic(out, [csvLine(header), ...lines].join(''));
};

const writeParquet: Write = (out, { rows, shape, metadata }) => {
  expectVectors(out, shape);
  const times = rows.map(({ time }) => time ?? null);
  const timed = times.some((time) => time !== null);
  const buffer = parquetWriteBuffer({
    schema: [
      { name: 'root', num_children: timed ? 3 : 2 },
      { name: 'file', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      ...(timed ? [{ name: 'time', type: 'DOUBLE', repetition_type: 'OPTIONAL' } as const] : []),
      { name: 'embedding', converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
    ],
    columnData: [
      { name: 'file', data: rows.map(({ file }) => file) },
      ...(timed ? [{ name: 'time', data: times }] : []),
      { name: 'embedding', data: rows.map(({ vector }) => Array.from(vector)) },
    ],
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
  return writeFileAtomic(out, new Uint8Array(buffer));
};

const writeIndex: Write = async (out, all) => {
  expectVectors(out, all.shape);
  const d = all.shape[0]!;
  const index = await createIndex(await fileStorage(out, 'create'), {
    d,
    metric: 'cosine',
    meta: { ...all.metadata },
  });
  try {
    await index.append({ data: joined(all), shape: [all.rows.length, d] }, idsOf(all.rows));
  } finally {
    await index.close();
  }
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
