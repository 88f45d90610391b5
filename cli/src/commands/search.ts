import { DataError, type Gpu, UsageError } from 'fovea';
import { fileStorage } from 'fovea/io';
import { type Id, type IndexFile, type Metric, openIndex } from 'fovea/similarity';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { embedImages, isNpy, modelOf, npyRows, openIndexModel } from '../indexVectors.ts';
import { printable } from '../printable.ts';
import { type Answer, writeSheet } from '../searchSheet.ts';
import { textTable } from '../textTable.ts';

export interface SearchCommandOptions {
  /** Default 10. */
  readonly k?: number;
  readonly metric?: Metric;
  /** The model, where it is no longer where the index says. */
  readonly model?: string;
  readonly json?: string;
  readonly sheet?: string;
  readonly recursive?: boolean;
  readonly adapter?: string;
}

interface Query {
  readonly name: string;
  readonly vector: Float32Array;
  /** The item itself, which is not found. */
  readonly self?: Id;
}

/** fovea search: what an index holds that is nearest to images, to items of it or to the rows of .npy files. */
export async function searchCommand(
  file: string,
  queries: readonly string[],
  options: SearchCommandOptions,
): Promise<void> {
  const { k = 10, json, sheet, adapter } = options;
  if (sheet !== undefined && !/\.html?$/i.test(sheet))
    throw new UsageError(`search: ${sheet}: a sheet is a page; call it .html`);
  for (const output of [json, sheet]) if (output !== undefined) await checkOutputFile(output);
  const index = await openIndex(await fileStorage(file, 'read'), { readOnly: true });
  try {
    await withGpu(adapter, async (gpu) => {
      const asked = await queriesOf(gpu, index, file, queries, options);
      const metric = options.metric ?? index.metric;
      const answers = await answersOf(gpu, index, asked, k, metric);
      for (const { query, found } of answers) {
        const rows = found.map(({ id, distance }) => [
          printable(String(id)),
          Number(distance.toPrecision(6)),
        ]);
        const header = [printable(query), metric];
        process.stdout.write(`${textTable({ header, rows })}\n`);
      }
      if (json !== undefined)
        await writeFileAtomic(json, `${JSON.stringify({ metric, queries: answers }, undefined, 2)}\n`);
      if (sheet !== undefined) await writeSheet(sheet, file, metric, answers);
    });
  } finally {
    await index.close();
  }
}

/** Items by their ids first, then arrays, then images. */
async function queriesOf(
  gpu: Gpu,
  index: IndexFile,
  file: string,
  given: readonly string[],
  { model, recursive }: SearchCommandOptions,
): Promise<Query[]> {
  const queries: Query[] = [];
  const images: string[] = [];
  for (const name of given) {
    const id = index.has(name) || !/^\d+$/.test(name) ? name : Number(name);
    const vector = await index.get(id);
    if (vector) queries.push({ name, vector, self: id });
    else if (isNpy(name)) {
      const { data, shape } = await npyRows(name);
      if (shape[1] !== index.d)
        throw new DataError(`${name}: has vectors of ${shape[1]} values, ${file} of ${index.d}`);
      for (let row = 0; row < shape[0]; row++) {
        queries.push({ name: `${name} ${row}`, vector: data.slice(row * index.d, (row + 1) * index.d) });
      }
    } else images.push(name);
  }
  if (images.length === 0) return queries;
  const known = modelOf(index);
  if (!known) {
    throw new UsageError(
      `search: ${images[0]} is no item of ${file}, which does not say what makes vectors of images; give items or a .npy file`,
    );
  }
  const embedder = await openIndexModel(gpu, { ...known, ...(model === undefined ? {} : { model }) });
  const inputs = await imageInputs(images, { recursive: recursive ?? false });
  let bad: Error | undefined;
  for await (const { id, vector } of embedImages(embedder, inputs, (_, error) => {
    bad = error;
  })) {
    queries.push({ name: String(id), vector });
  }
  if (queries.length === 0 && bad) throw bad;
  return queries;
}

async function answersOf(
  gpu: Gpu,
  index: IndexFile,
  queries: readonly Query[],
  k: number,
  metric: Metric,
): Promise<Answer[]> {
  if (queries.length === 0) return [];
  const data = new Float32Array(queries.length * index.d);
  for (const [row, { vector }] of queries.entries()) data.set(vector, row * index.d);
  // One more, since an item finds itself.
  const most = k + 1;
  const { ids, distances } = await index.search(gpu, { data, shape: [queries.length, index.d] }, most, {
    metric,
  });
  return queries.map(({ name, self }, row) => {
    const found: { id: Id; distance: number }[] = [];
    for (let i = row * most; i < (row + 1) * most && found.length < k; i++) {
      const id = ids[i];
      if (id !== undefined && id !== self) found.push({ id, distance: distances[i]! });
    }
    return { query: name, found };
  });
}
