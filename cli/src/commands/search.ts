import { DataError, type Gpu, UsageError } from 'fovea';
import type { Id, IndexFile, Metric } from 'fovea/similarity';
import { defined } from '../defined.ts';
import { checkOutputFile, expectNoInput, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import {
  embedImages,
  expectNone,
  expectSameModel,
  idsOf,
  indexModel,
  modelOf,
  openIndexFile,
  openIndexModel,
  tellUnfinished,
} from '../indexVectors.ts';
import { printable } from '../printable.ts';
import { type Answer, writeSheet } from '../searchSheet.ts';
import { textTable } from '../textTable.ts';
import { expectFinite, isVectorFile, readVectors } from '../vectorFile.ts';

export interface SearchCommandOptions {
  /** Default 10. */
  readonly k?: number;
  readonly metric?: Metric;
  /** The model, where it is no longer where the index says. */
  readonly model?: string;
  /** The same of Darknet's weights. */
  readonly weights?: string;
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

/** fovea search: what an index holds that is nearest to images, to items of it or to the vectors of files. */
export async function searchCommand(
  file: string,
  queries: readonly string[],
  options: SearchCommandOptions,
): Promise<void> {
  const { k = 10, json, sheet, adapter } = options;
  if (sheet !== undefined && !/\.html?$/i.test(sheet))
    throw new UsageError(`search: ${sheet}: a sheet is a page; call it .html`);
  await expectNoInput([json, sheet], [file, ...queries, options.model]);
  for (const output of [json, sheet]) if (output !== undefined) await checkOutputFile(output);
  const index = await openIndexFile(file, { readOnly: true });
  try {
    tellUnfinished(file, index);
    await withGpu(adapter, async (gpu) => {
      const { queries: asked, bad, images } = await queriesOf(gpu, index, file, queries, options);
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
      expectNone(bad, images);
    });
  } finally {
    await index.close();
  }
}

/** Items by their ids first, then vectors, then images; with what is wrong with some of so many images. */
async function queriesOf(
  gpu: Gpu,
  index: IndexFile,
  file: string,
  given: readonly string[],
  { model, weights, recursive }: SearchCommandOptions,
): Promise<{ readonly queries: Query[]; readonly bad: readonly string[]; readonly images: number }> {
  const queries: Query[] = [];
  const images: string[] = [];
  for (const name of given) {
    const id = idsOf(name).find((one) => index.has(one)) ?? name;
    const vector = await index.get(id);
    if (vector) queries.push({ name, vector, self: id });
    else if (isVectorFile(name)) {
      const { vectors, names, named } = await readVectors(name, { one: true });
      const { data, shape } = vectors;
      expectFinite(name, vectors);
      if (shape[1] !== index.d)
        throw new DataError(
          `${name}: has vectors of ${shape[1]} values, ${file} of ${index.d}; give vectors of the same model and layer`,
        );
      for (const [row, own] of names.entries()) {
        const some = Float32Array.from(data.subarray(row * index.d, (row + 1) * index.d));
        queries.push({ name: named ? own : `${name} ${row}`, vector: some });
      }
    } else images.push(name);
  }
  if (images.length === 0) return { queries, bad: [], images: 0 };
  // Of vectors of a file, whoever has them knows what made them.
  const known =
    modelOf(index) ??
    (model === undefined ? undefined : indexModel(model, { normalize: await areUnits(index) }));
  if (!known) {
    throw new UsageError(
      `search: ${images[0]} is no item of ${file}, which does not say what makes vectors of images; name the model that made them (--model), or give items or a file of vectors`,
    );
  }
  await expectSameModel(file, known, model);
  const embedder = await openIndexModel(gpu, { ...known, ...defined({ model, weights }) });
  if (embedder.dimension !== index.d) {
    throw new UsageError(
      `${file}: has vectors of ${index.d} values, and ${model ?? known.model} makes vectors of ${embedder.dimension}; name the model that made them (--model)`,
    );
  }
  const inputs = await imageInputs(images, { recursive: recursive ?? false });
  const bad: string[] = [];
  for await (const { id, vector } of embedImages(embedder, inputs, (message) => bad.push(message))) {
    queries.push({ name: String(id), vector });
  }
  return { queries, bad, images: inputs.length };
}

/** Whether the vectors of an index have the length 1, as far as its first one tells. */
async function areUnits(index: IndexFile): Promise<boolean> {
  const [id] = index.ids;
  const vector = id === undefined ? undefined : await index.get(id);
  return vector !== undefined && Math.abs(Math.hypot(...vector) - 1) < 1e-3;
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
  // One more, since an item finds itself; and no more than there are.
  const most = Math.min(k + 1, Math.max(1, index.size));
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
