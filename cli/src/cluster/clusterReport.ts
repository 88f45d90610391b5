import path from 'node:path';
import type { Gpu } from 'fovea';
import { seriesColor } from 'fovea/draw';
import type { HostTensor } from 'fovea/learn';
import { chooseKPlot } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { fileThumbnail } from '../fileThumbnail.ts';
import type { Gallery, GalleryImage, GalleryItem } from '../gallery.ts';
import { barPlot } from '../plots.ts';
import { printable } from '../printable.ts';
import { type ReportTable, writeReport } from '../report.ts';
import { mapPlot, silhouettePlot } from './clusterPlots.ts';
import type { FoundClusters } from './findClusters.ts';
import { mapOf } from './map.ts';

/** The longer side of an image on the page. */
const SIDE = 200;

export interface ClusterPage {
  /** What was clustered: a file or a folder. */
  readonly source: string;
  readonly names: readonly string[];
  readonly vectors: HostTensor;
  readonly found: FoundClusters;
  readonly tables: readonly ReportTable[];
  /** The most images of a cluster that are shown. */
  readonly samples: number;
  readonly seed: number;
  readonly notes: readonly string[];
}

/** The images of each cluster, or the names of other items: the nearest to its center first, then others at even steps, from near to far. */
async function galleryOf({
  found,
  names,
  samples,
}: ClusterPage): Promise<{ gallery?: Gallery; missing: number }> {
  const items: GalleryItem[] = [];
  let missing = 0;
  for (const [cluster, members] of found.clusters.entries()) {
    const count = Math.min(samples, members.length);
    const chosen = Array.from(
      { length: count },
      (_, i) => members[Math.floor((i * members.length) / count)]!,
    );
    const images: GalleryImage[] = [];
    const unseen: string[] = [];
    for (const [place, item] of chosen.entries()) {
      const name = names[item]!;
      const caption = printable(`${path.basename(name)}${place === 0 ? ' (center)' : ''}`);
      const image = await fileThumbnail(name, { side: SIDE, caption });
      if (image) images.push(image);
      else unseen.push(printable(name));
    }
    missing += unseen.length;
    // Numbers of rows tell nothing.
    if (unseen.every((name) => /^\d+$/.test(name)) && images.length === 0) continue;
    const title = `Cluster ${cluster}`;
    const notes = [counted(members.length, 'item'), ...unseen];
    items.push({ title, notes, images, tags: [{ values: [title] }] });
  }
  if (items.length === 0) return { missing: 0 };
  const note = `Of each cluster the image nearest to its center, and others from near to far, ${samples} at most.`;
  return {
    gallery: { title: 'Images', note, filters: [{ name: 'cluster' }], items, noun: ['cluster', 'clusters'] },
    missing,
  };
}

/** Writes the page of clusters: curves, silhouettes, a map, and the images. */
export async function writeClusterPage(file: string, gpu: Gpu, page: ClusterPage): Promise<void> {
  const { source, vectors, found, tables, seed } = page;
  const { choice, clusters, labels, metric, method, silhouettes } = found;
  const map = await mapOf(gpu, vectors, { metric, seed, always: clusters.map(([first]) => first!) });
  const { gallery, missing } = await galleryOf(page);
  const mean = silhouettes && silhouettes.reduce((sum, value) => sum + value, 0) / silhouettes.length;
  const plots = [
    ...(map ? [mapPlot(map, found)] : []),
    ...(silhouettes ? [silhouettePlot(found, silhouettes)] : []),
    ...(choice ? [chooseKPlot(choice)] : []),
    ...(choice && choice.by !== 'elbow' && choice.tried.length > 1
      ? [chooseKPlot({ ...choice, by: 'elbow' })]
      : []),
    barPlot({
      title: 'Items of each cluster',
      xLabel: 'items',
      bars: clusters.map((items, i) => ({
        label: `${i}`,
        value: items.length,
        text: `${items.length}`,
        color: seriesColor(i),
      })),
    }),
  ];
  await writeReport(file, {
    title: `Clusters of ${printable(path.basename(path.resolve(source)))}`,
    lead: `${counted(labels.length, 'item')} in ${counted(clusters.length, 'cluster')}, by ${method === 'kmeans' ? 'k-means' : 'k-medoids'} of ${vectors.shape[1]} values (${metric}).`,
    runs: [
      {
        name: 'Clusters',
        task: method,
        metrics: {
          items: labels.length.toLocaleString('en'),
          clusters: clusters.length.toLocaleString('en'),
          ...(mean === undefined ? {} : { 'mean silhouette': mean }),
          inertia: found.inertia,
        },
        tables,
        plots,
        ...(gallery ? { galleries: [gallery] } : {}),
        config: { method, metric, ...(choice ? { 'number of clusters by': choice.by } : {}) },
        seed,
      },
    ],
    timings: [],
    notes: [
      ...page.notes,
      ...(missing > 0
        ? [
            `${counted(missing, 'item')} ${missing === 1 ? 'is' : 'are'} no image that can be read here, and shown by name. Names of images are paths from the folder in which their vectors were made: run fovea cluster there.`,
          ]
        : []),
    ],
    versions: { node: process.versions.node },
  });
}
