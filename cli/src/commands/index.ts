import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from 'fovea';
import { fileStorage, readFileBytes } from 'fovea/io';
import type { IndexFile, Metric } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { realPath, withTemporary } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import {
  embedImages,
  expectNone,
  expectSameModel,
  type IndexModel,
  type IndexModelOptions,
  idsOf,
  indexModel,
  modelOf,
  openIndexFile,
  openIndexModel,
  tellUnfinished,
} from '../indexVectors.ts';
import { withLock } from '../lock.ts';
import { writeNewIndex } from '../newIndex.ts';
import { printable } from '../printable.ts';
import { sha256 } from '../sha256.ts';
import { expectFinite, isVectorFile, readVectors } from '../vectorFile.ts';

export interface IndexCommandOptions extends Omit<IndexModelOptions, 'normalize'> {
  readonly model?: string;
  readonly metric?: Metric;
  /** File with an id per line, for the vectors of a file. */
  readonly ids?: string;
  /** Whether the items are taken out instead. */
  readonly remove?: boolean;
  /** Whether the file is written again, without what was taken out. */
  readonly compact?: boolean;
  readonly recursive?: boolean;
  readonly adapter?: string;
}

/** Vectors that are appended at a time: what a kill may cost. */
const APPENDED = 256;

const isThere = async (file: string): Promise<boolean> =>
  (await stat(file).catch(() => undefined)) !== undefined;

/** Opens an index to append to it or take out of it: what is there is not compared with its checksums, which searching does. */
async function openToWrite(file: string): Promise<IndexFile> {
  const index = await openIndexFile(file, { check: false });
  tellUnfinished(file, index);
  return index;
}

/** Opens an index to be written, or makes it, whole from its first moment. Throws UsageError for one that does not fit. */
async function openOrCreate(
  file: string,
  d: number,
  metric: Metric | undefined,
  model?: IndexModel,
): Promise<IndexFile> {
  if (!(await isThere(file))) {
    await writeNewIndex(file, { d, metric: metric ?? 'cosine', meta: model ? { ...model } : {} });
  }
  const index = await openToWrite(file);
  const differs =
    index.d !== d
      ? `has vectors of ${index.d} values, these have ${d}`
      : metric !== undefined && index.metric !== metric
        ? `is searched by ${index.metric}, not ${metric}`
        : undefined;
  if (differs === undefined) return index;
  await index.close();
  throw new UsageError(`${file}: ${differs}; use another index`);
}

/** fovea index: puts images, as vectors of a model, or the vectors of files into an index, or takes them out. */
export async function indexCommand(
  file: string,
  inputs: readonly string[],
  options: IndexCommandOptions,
): Promise<void> {
  // Of two links to one file there is one lock.
  await withLock(await realPath(file), () => change(file, inputs, options), 'command');
}

async function change(file: string, inputs: readonly string[], options: IndexCommandOptions): Promise<void> {
  const { ids, remove = false, compact = false } = options;
  if (inputs.length === 0 && !compact) {
    throw new UsageError('index: give images, folders of images or files of vectors; or --compact');
  }
  const arrays = remove ? [] : inputs.filter(isVectorFile);
  if (arrays.length > 0 && arrays.length < inputs.length) {
    throw new UsageError('index: give either images or files of vectors, in two commands');
  }
  if (ids !== undefined && arrays.length !== 1)
    throw new UsageError('index: --ids names the vectors of one file');
  await rm(begunFor(await realPath(file)), { force: true });
  const isNew = !(await isThere(file));
  try {
    if (remove) await removeItems(file, inputs);
    else if (arrays.length > 0) await addArrays(file, arrays, options);
    else if (inputs.length > 0) await addImages(file, inputs, options);
  } catch (error) {
    // An index of nothing would refuse vectors of another width.
    if (isNew) await removeEmpty(file);
    throw error;
  }
  if (compact) await compactFile(file);
}

/** The options that make other vectors, and what they are where nothing says so. */
const MADE_BY = [
  ['layer', '--layer', undefined],
  ['pooling', '--pooling', 'mean'],
  ['arch', '--arch', undefined],
  ['fit', '--fit', 'letterbox'],
  ['onnxNormalize', '--onnx-normalize', undefined],
] as const;

/** Throws UsageError for options that would make vectors of another kind than those of an index. */
function expectSame(file: string, known: IndexModel, options: IndexCommandOptions): void {
  for (const [name, flag, usual] of MADE_BY) {
    const [own, given] = [known[name] ?? usual, options[name]];
    if (given === undefined || given === own) continue;
    throw new UsageError(
      `${file}: was begun ${own === undefined ? `without ${flag}` : `with ${flag} ${own}`}, not with ${flag} ${given}; leave the option out, or begin another index`,
    );
  }
}

/** Removes an index that has nothing in it. */
async function removeEmpty(file: string): Promise<void> {
  if (!(await isThere(file))) return;
  const index = await openIndexFile(file, { readOnly: true });
  await index.close();
  if (index.size === 0) await rm(await realPath(file), { force: true });
}

/** Where a file without what was taken out is made: under the lock by one process at a time, so that the next removes what a kill has left. */
const begunFor = (place: string): string =>
  path.join(path.dirname(place), `.fovea-index-${sha256(place).slice(0, 24)}.tmp`);

/** Puts a file without what was taken out in place of an index. */
async function compactFile(file: string): Promise<void> {
  const place = await realPath(file);
  const begun = begunFor(place);
  const index = await openIndexFile(place, { readOnly: true });
  tellUnfinished(file, index);
  await withTemporary(file, begun, async () => {
    const storage = await fileStorage(begun, 'create');
    const compacted = await index.compactInto(storage).catch(async (error) => {
      await storage.close();
      throw error;
    });
    const after = await storage.size();
    await compacted.close();
    const before = (await stat(place)).size;
    await rename(begun, place);
    process.stdout.write(
      `${printable(file)}: ${counted(index.size, 'vector')} in ${after.toLocaleString('en')} bytes, ${before.toLocaleString('en')} before\n`,
    );
  }).finally(() => index.close());
}

async function removeItems(file: string, ids: readonly string[]): Promise<void> {
  const index = await openToWrite(file);
  try {
    const missing = ids.filter((id) => !idsOf(id).some((one) => index.has(one)));
    const gone = await index.remove(ids.flatMap(idsOf));
    process.stdout.write(`${counted(gone, 'vector')} removed; ${printable(file)} has ${index.size}\n`);
    const [first] = missing;
    if (first === undefined) return;
    const others = missing.length === 1 ? '' : `, nor ${missing.length - 1} more of them`;
    throw new UsageError(`${file}: has no item ${first}${others}; give ids as fovea search prints them`);
  } finally {
    await index.close();
  }
}

const thereAlready = (count: number): string => (count === 0 ? '' : `, ${count} there already`);

/** Some of the rows of d values each. */
function rowsOf(
  data: ArrayLike<number> & { subarray(start: number, end: number): ArrayLike<number> },
  d: number,
  rows: readonly number[],
) {
  const some = new Float32Array(rows.length * d);
  for (const [to, from] of rows.entries()) some.set(data.subarray(from * d, (from + 1) * d), to * d);
  return some;
}

async function addArrays(
  file: string,
  arrays: readonly string[],
  { ids, metric }: IndexCommandOptions,
): Promise<void> {
  const names = ids === undefined ? undefined : await linesOf(ids);
  for (const array of arrays) {
    const read = await readVectors(array, { one: true });
    const [rows, d] = read.vectors.shape as [number, number];
    expectFinite(array, read.vectors);
    const index = await openOrCreate(file, d, metric);
    try {
      const before = index.size;
      // As of images, what is there already is left out; ids that are given may not be there.
      const known = read.named ? read.names : undefined;
      const fresh = names || !known ? undefined : known.flatMap((id, row) => (index.has(id) ? [] : [row]));
      const { data, ids: named } = fresh
        ? { data: rowsOf(read.vectors.data, d, fresh), ids: fresh.map((row) => known![row]!) }
        : { data: Float32Array.from(read.vectors.data), ids: names };
      await index.append({ data, shape: [data.length / d, d] }, named);
      const added = index.size - before;
      process.stdout.write(
        `${printable(array)}: ${counted(added, 'vector')} added${thereAlready(rows - added)}; ${printable(file)} has ${index.size}\n`,
      );
    } finally {
      await index.close();
    }
  }
}

async function addImages(
  file: string,
  inputs: readonly string[],
  options: IndexCommandOptions,
): Promise<void> {
  const { adapter, metric } = options;
  const images = await imageInputs(inputs, options);
  const known = await knownModel(file);
  const model = options.model ?? known?.model;
  if (model === undefined) throw new UsageError('index: say with --model what makes vectors of images');
  if (known) {
    expectSame(file, known, options);
    await expectSameModel(file, known, options.model);
  }
  const chosen = known ?? indexModel(model, { ...options, normalize: true });
  const { weights } = options;
  const bad: string[] = [];
  await withGpu(adapter, async (gpu) => {
    const embedder = await openIndexModel(gpu, {
      ...chosen,
      model,
      ...(weights === undefined ? {} : { weights }),
    });
    const index = await openOrCreate(file, embedder.dimension, metric, chosen);
    try {
      const before = index.size;
      const fresh = images.filter(({ file: id }) => !index.has(id));
      const waiting: { id: string; vector: Float32Array }[] = [];
      const flush = async (): Promise<void> => {
        const some = waiting.splice(0);
        const data = new Float32Array(some.length * index.d);
        for (const [row, { vector }] of some.entries()) data.set(vector, row * index.d);
        const ids = some.map(({ id }) => id);
        if (some.length > 0) await index.append({ data, shape: [some.length, index.d] }, ids);
      };
      for await (const { id, vector } of embedImages(embedder, fresh, (message) => bad.push(message))) {
        waiting.push({ id: String(id), vector });
        if (waiting.length >= APPENDED) await flush();
      }
      await flush();
      process.stdout.write(
        `${counted(index.size - before, 'image')} added${thereAlready(images.length - fresh.length)}; ${printable(file)} has ${index.size}\n`,
      );
    } finally {
      await index.close();
    }
  });
  expectNone(bad, images.length);
}

async function knownModel(file: string): Promise<IndexModel | undefined> {
  if (!(await isThere(file))) return undefined;
  const index = await openIndexFile(file, { readOnly: true, check: false });
  await index.close();
  return modelOf(index);
}

const linesOf = async (file: string): Promise<string[]> =>
  new TextDecoder()
    .decode(await readFileBytes(file))
    .split(/\r\n|\n|\r/)
    .filter((line) => line !== '');
