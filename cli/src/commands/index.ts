import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { fileStorage, readFileBytes } from 'fovea/io';
import { createIndex, type IndexFile, type Metric, openIndex } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { makeFolder, realPath, temporaryFor } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { embedImages, type IndexModel, isNpy, modelOf, npyRows, openIndexModel } from '../indexVectors.ts';
import { withLock } from '../lock.ts';
import { printable } from '../printable.ts';

export interface IndexCommandOptions {
  readonly model?: string;
  readonly layer?: string;
  readonly pooling?: 'mean' | 'max' | 'cls';
  readonly arch?: string;
  readonly metric?: Metric;
  /** File with an id per line, for the rows of a .npy file. */
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

/** Opens an index to be written, or makes it. Throws UsageError for one that does not fit. */
async function openOrCreate(
  file: string,
  d: number,
  metric: Metric | undefined,
  model?: IndexModel,
): Promise<IndexFile> {
  if (!(await isThere(file))) {
    await makeFolder(path.dirname(path.resolve(file)));
    const meta = model ? { ...model } : {};
    return createIndex(await fileStorage(file, 'create'), { d, metric: metric ?? 'cosine', meta });
  }
  const index = await openIndex(await fileStorage(file, 'write'));
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

/** fovea index: puts images, as vectors of a model, or the rows of .npy files into an index, or takes them out. */
export async function indexCommand(
  file: string,
  inputs: readonly string[],
  options: IndexCommandOptions,
): Promise<void> {
  await withLock(file, () => change(file, inputs, options), 'command');
}

async function change(file: string, inputs: readonly string[], options: IndexCommandOptions): Promise<void> {
  const { ids, remove = false, compact = false } = options;
  if (inputs.length === 0 && !compact) {
    throw new UsageError('index: give images, folders of images or .npy files; or --compact');
  }
  const arrays = inputs.filter(isNpy);
  if (arrays.length > 0 && arrays.length < inputs.length) {
    throw new UsageError('index: give either images or .npy files');
  }
  if (ids !== undefined && arrays.length !== 1)
    throw new UsageError('index: --ids names the rows of one .npy file');
  if (remove) await removeItems(file, inputs);
  else if (arrays.length > 0) await addArrays(file, arrays, options);
  else if (inputs.length > 0) await addImages(file, inputs, options);
  if (compact) await compactFile(file);
}

/** Puts a file without what was taken out in place of an index. */
async function compactFile(file: string): Promise<void> {
  const place = await realPath(file);
  const begun = temporaryFor(place);
  const index = await openIndex(await fileStorage(place, 'read'), { readOnly: true });
  try {
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
  } finally {
    await index.close();
    await rm(begun, { force: true });
  }
}

async function removeItems(file: string, ids: readonly string[]): Promise<void> {
  const index = await openIndex(await fileStorage(file, 'write'));
  try {
    // Numbers are ids, too.
    const gone = await index.remove(ids.flatMap((id) => (/^\d+$/.test(id) ? [id, Number(id)] : [id])));
    process.stdout.write(`${counted(gone, 'vector')} removed; ${printable(file)} has ${index.size}\n`);
  } finally {
    await index.close();
  }
}

async function addArrays(
  file: string,
  arrays: readonly string[],
  { ids, metric }: IndexCommandOptions,
): Promise<void> {
  const names = ids === undefined ? undefined : await linesOf(ids);
  for (const array of arrays) {
    const vectors = await npyRows(array);
    const index = await openOrCreate(file, vectors.shape[1], metric);
    try {
      await index.append(vectors, names);
      process.stdout.write(
        `${printable(array)}: ${counted(vectors.shape[0], 'vector')} added; ${printable(file)} has ${index.size}\n`,
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
  const { adapter, metric, layer, pooling, arch } = options;
  const images = await imageInputs(inputs, options);
  const known = await knownModel(file);
  const model = options.model ?? known?.model;
  if (model === undefined) throw new UsageError('index: say with --model what makes vectors of images');
  const chosen: IndexModel = known ?? {
    model: path.resolve(model),
    normalize: true,
    ...(layer === undefined ? {} : { layer }),
    ...(pooling === undefined ? {} : { pooling }),
    ...(arch === undefined ? {} : { arch }),
  };
  let bad = 0;
  await withGpu(adapter, async (gpu) => {
    const embedder = await openIndexModel(gpu, { ...chosen, model });
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
      for await (const { id, vector } of embedImages(embedder, fresh, () => bad++)) {
        waiting.push({ id: String(id), vector });
        if (waiting.length >= APPENDED) await flush();
      }
      await flush();
      const there = images.length - fresh.length;
      process.stdout.write(
        `${counted(index.size - before, 'image')} added${there === 0 ? '' : `, ${there} there already`}; ${printable(file)} has ${index.size}\n`,
      );
    } finally {
      await index.close();
    }
  });
  if (bad > 0) throw new DataError(`${counted(bad, 'image')} of ${images.length} could not be used`);
}

async function knownModel(file: string): Promise<IndexModel | undefined> {
  if (!(await isThere(file))) return undefined;
  const index = await openIndex(await fileStorage(file, 'read'), { readOnly: true });
  await index.close();
  return modelOf(index);
}

const linesOf = async (file: string): Promise<string[]> =>
  new TextDecoder()
    .decode(await readFileBytes(file))
    .split(/\r\n|\n|\r/)
    .filter((line) => line !== '');
