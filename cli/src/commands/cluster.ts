import { stat } from 'node:fs/promises';
import { DataError, type Gpu, UsageError } from 'fovea';
import { checkClusterFolder, expectNoClusters, writeClusterFolders } from '../cluster/clusterFolders.ts';
import { writeClusterPage } from '../cluster/clusterReport.ts';
import {
  type ClusteringOptions,
  expectMethod,
  type FoundClusters,
  findClusters,
} from '../cluster/findClusters.ts';
import { counted } from '../counted.ts';
import { csvLine } from '../csv.ts';
import { defined } from '../defined.ts';
import { type FileEmbedderOptions, openFileEmbedder } from '../fileEmbedder.ts';
import { checkOutputFile, expectNoInput, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { embedImages, expectNone } from '../indexVectors.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { createProgress } from '../progress.ts';
import type { ReportTable } from '../report.ts';
import { textTable } from '../textTable.ts';
import { type NamedVectors, readVectors } from '../vectorFile.ts';

export interface ClusterCommandOptions
  extends ClusteringOptions,
    Omit<FileEmbedderOptions, 'normalize' | 'batch'> {
  /** What makes vectors of the images of a folder. */
  readonly model?: string;
  readonly recursive?: boolean;
  readonly report?: string;
  /** The most images of a cluster on the page. */
  readonly samples?: number;
  readonly json?: string;
  readonly csv?: string;
  /** Folder for a folder of each cluster. */
  readonly out?: string;
  readonly copy?: boolean;
  readonly adapter?: string;
}

const SAMPLES = 12;

/** fovea cluster: which images, or vectors, belong together. */
export async function clusterCommand(
  input: string,
  options: ClusterCommandOptions,
  stdout: Output = process.stdout,
): Promise<void> {
  const { report, json, csv, out, copy = false, seed = 0, samples = SAMPLES } = options;
  if (options.k !== undefined && options.kRange !== undefined) {
    throw new UsageError('cluster: --k and --k-range are two ways to say how many clusters; give one');
  }
  if (options.k !== undefined && options.by !== undefined) {
    throw new UsageError('cluster: --by chooses how many clusters, and --k says it; give one');
  }
  if (copy && out === undefined)
    throw new UsageError('cluster: --copy is for the files in --out; give a folder');
  if (report !== undefined && !/\.html?$/i.test(report)) {
    throw new UsageError(`cluster: ${report}: a report is a page; call it .html`);
  }
  expectMethod(options);
  await expectNoInput([report, json, csv], [input, options.model, options.weights]);
  for (const file of [report, json, csv]) if (file !== undefined) await checkOutputFile(file);
  const read = await givenVectors(input, options);
  if (out !== undefined) await expectNoClusters(out);
  const given = read && { ...read, bad: [], images: 0 };
  await withGpu(options.adapter, async (gpu) => {
    const { vectors, names, bad, images } = given ?? (await vectorsOfImages(gpu, input, options));
    expectVectors(input, { vectors, names }, options);
    if (out !== undefined) await checkClusterFolder(out, names);
    const found = await withProgress(options, (tell) => findClusters(gpu, vectors, options, tell));
    const tables = tablesOf(found, names);
    const notes = notesOf(found, options, bad.length);
    const { labels, clusters } = found;
    if (out !== undefined) await writeClusterFolders(out, names, { labels, clusters: clusters.length, copy });
    if (csv !== undefined) await writeFileAtomic(csv, csvOf(found, names));
    if (json !== undefined)
      await writeFileAtomic(json, `${JSON.stringify(jsonOf(found, names), undefined, 1)}\n`);
    if (report !== undefined) {
      await writeClusterPage(report, gpu, {
        source: input,
        names,
        vectors,
        found,
        tables,
        samples,
        seed,
        notes,
      });
    }
    stdout.write(
      [
        ...tables.map((table) => `${textTable(table)}\n\n`),
        ...notes.map((note) => `${printable(note)}\n`),
        `${counted(labels.length, 'item')} in ${counted(clusters.length, 'cluster')}\n`,
        ...(report === undefined ? [] : [`look at ${printable(report)}\n`]),
      ].join(''),
    );
    expectNone(bad, images);
  });
}

/** The vectors of a file; undefined for a folder of images, of which a model makes them. */
async function givenVectors(
  input: string,
  { model }: ClusterCommandOptions,
): Promise<NamedVectors | undefined> {
  const isFolder = (await stat(input).catch(() => undefined))?.isDirectory() ?? false;
  if (isFolder && model === undefined) {
    throw new UsageError(
      `cluster: ${input} is a folder of images; name with --model what makes vectors of them`,
    );
  }
  if (isFolder) return undefined;
  if (model === undefined) return readVectors(input);
  throw new UsageError(
    `cluster: --model makes vectors of a folder of images, and ${input} is none; leave it out`,
  );
}

/** Throws for vectors that no clusters can be found of, and for more clusters than there are items. */
function expectVectors(
  input: string,
  { vectors: { data, shape }, names }: Pick<NamedVectors, 'vectors' | 'names'>,
  { k, kRange }: ClusterCommandOptions,
): void {
  const [items, width] = shape as [number, number];
  if (items === 0 || width === 0) {
    throw new DataError(
      `${input}: has ${items} vectors of ${width} values; there is nothing to put into clusters`,
    );
  }
  // Distances are computed in f32.
  const wrong = data.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (wrong >= 0) {
    const item = Math.floor(wrong / width);
    throw new DataError(
      `${input}: the vector of ${names[item]} (row ${item}) has ${data[wrong]} at column ${wrong % width}; leave it out, or mend it`,
    );
  }
  const [option, most] = kRange ? ['--k-range', kRange[1]] : ['--k', k ?? 2];
  if (most <= items) return;
  if (k === undefined && !kRange) {
    throw new UsageError(
      `cluster: ${input} has a single item, of which no number of clusters can be chosen; give --k 1`,
    );
  }
  throw new UsageError(
    `cluster: ${option} asks for ${counted(most, 'cluster')}, and ${input} has ${counted(items, 'item')}; give at most as many`,
  );
}

async function vectorsOfImages(
  gpu: Gpu,
  input: string,
  { model, layer, pooling, arch, weights, fit, onnxNormalize, recursive = false }: ClusterCommandOptions,
): Promise<Omit<NamedVectors, 'named'> & { readonly bad: readonly string[]; readonly images: number }> {
  const inputs = await imageInputs([input], { recursive });
  const embedder = await openFileEmbedder(
    gpu,
    model!,
    defined({ layer, pooling, arch, weights, fit, onnxNormalize }),
  );
  const names: string[] = [];
  const parts: Float32Array[] = [];
  const bad: string[] = [];
  for await (const { id, vector } of embedImages(embedder, inputs, (message) => bad.push(message))) {
    names.push(String(id));
    parts.push(vector);
  }
  const width = parts[0]?.length;
  if (width === undefined) {
    throw new DataError(`${input}: none of its images can be used; the first: ${bad[0]}`);
  }
  const data = new Float32Array(parts.length * width);
  for (const [row, part] of parts.entries()) data.set(part, row * width);
  return { vectors: { data, shape: [parts.length, width] }, names, bad, images: inputs.length };
}

/** Tells on stderr what is computed. */
async function withProgress<T>(
  { k, kRange = [2, 10] }: ClusterCommandOptions,
  work: (tell: (doing: string) => void) => Promise<T>,
): Promise<T> {
  const progress = createProgress({
    total: k === undefined ? kRange[1] - kRange[0] + 1 : 1,
    label: 'clusters',
  });
  try {
    return await work((doing) => progress.phase(doing));
  } finally {
    progress.done();
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function tablesOf({ choice, clusters, silhouettes }: FoundClusters, names: readonly string[]): ReportTable[] {
  const ofClusters: ReportTable = {
    title: 'Clusters',
    header: ['cluster', 'items', ...(silhouettes ? ['mean silhouette'] : []), 'nearest to its center'],
    rows: clusters.map((items, i) => [
      `${i}`,
      `${items.length}`,
      ...(silhouettes ? [mean(items.map((item) => silhouettes[item]!))] : []),
      names[items[0]!]!,
    ]),
  };
  if (!choice) return [ofClusters];
  const { gap, tried, by, k } = choice;
  const bySilhouette = by === 'silhouette';
  const ofNumbers: ReportTable = {
    title: 'Numbers of clusters',
    header: [
      'clusters',
      'inertia',
      ...(bySilhouette ? ['mean silhouette'] : []),
      ...(gap ? ['gap', 's'] : []),
    ],
    rows: tried.map((one, i) => [
      one.k === k ? `${one.k} *` : `${one.k}`,
      Number(one.inertia.toPrecision(8)).toString(),
      ...(bySilhouette ? [one.silhouette ?? Number.NaN] : []),
      ...(gap ? [gap.gap[i]!, gap.s[i]!] : []),
    ]),
    note: `* chosen by ${{ silhouette: 'the highest mean silhouette', elbow: 'the elbow of the inertia', gap: 'the gap statistic' }[by]}.`,
  };
  return [ofNumbers, ofClusters];
}

function notesOf(
  { clusters, choice, simplified, silhouettes }: FoundClusters,
  { k }: ClusterCommandOptions,
  bad: number,
): string[] {
  const wanted = choice?.k ?? k!;
  const isOne = clusters.length === 1;
  return [
    ...(choice?.by === 'gap' && choice.tried.length > 1 && choice.k === choice.tried.at(-1)!.k
      ? [
          `No number of clusters below ${choice.k} meets the condition of the gap statistic, so that ${choice.k}, the most that were tried, stands for any: try more (--k-range), or choose by silhouettes.`,
        ]
      : []),
    ...(clusters.length < wanted
      ? [
          isOne
            ? 'There is 1 cluster: all vectors are the same.'
            : `There are ${clusters.length} clusters instead of ${wanted}: no more of the vectors are different.`,
        ]
      : []),
    ...(bad > 0
      ? [`${counted(bad, 'image')} could not be used, and ${bad === 1 ? 'is' : 'are'} left out.`]
      : []),
    ...(simplified && silhouettes
      ? [
          'Silhouettes are the simplified ones, to the centers: of so many items those of all pairs take long.',
        ]
      : []),
  ];
}

function csvOf({ labels, distances, silhouettes }: FoundClusters, names: readonly string[]): string {
  const header = csvLine(['file', 'cluster', 'distance', ...(silhouettes ? ['silhouette'] : [])]);
  const lines = names.map((name, i) =>
    csvLine([name, `${labels[i]}`, `${distances[i]}`, ...(silhouettes ? [`${silhouettes[i]}`] : [])]),
  );
  return [header, ...lines].join('');
}

function jsonOf(found: FoundClusters, names: readonly string[]) {
  const { method, metric, inertia, clusters, labels, distances, silhouettes, choice } = found;
  return {
    method,
    metric,
    inertia,
    ...(silhouettes ? { silhouette: mean([...silhouettes]) } : {}),
    clusters: clusters.map((items, cluster) => ({
      cluster,
      size: items.length,
      center: names[items[0]!]!,
      ...(silhouettes ? { silhouette: mean(items.map((item) => silhouettes[item]!)) } : {}),
    })),
    ...(choice
      ? {
          by: choice.by,
          tried: choice.tried.map((one, i) => ({
            k: one.k,
            inertia: one.inertia,
            ...(one.silhouette === undefined ? {} : { silhouette: one.silhouette }),
            ...(choice.gap ? { gap: choice.gap.gap[i]!, s: choice.gap.s[i]! } : {}),
          })),
        }
      : {}),
    items: names.map((file, i) => ({
      file,
      cluster: labels[i]!,
      distance: distances[i]!,
      ...(silhouettes ? { silhouette: silhouettes[i]! } : {}),
    })),
  };
}
