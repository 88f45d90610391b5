import { basename } from 'node:path';
import { DataError, ShapeError, UsageError } from 'fovea';
import { type AnnotatedImage, type Annotation, BadData, FORMATS } from 'fovea/data';
import { linePlot } from 'fovea/draw';
import {
  ANCHOR_LAYOUTS,
  type AnchorFit,
  type AnchorLayout,
  type AnchorModel,
  anchorFit,
  anchorsOf,
  type BoxSize,
  clusterBoxSizes,
  fitAnchors,
} from 'fovea/vision';
import { histogramPlot, scatterPlot } from '../boxPlots.ts';
import { BoxStatistics, shortNumber } from '../boxStatistics.ts';
import { colorsOf } from '../colors.ts';
import { counted } from '../counted.ts';
import { createCounter } from '../counter.ts';
import type { DataOptions } from '../dataOptions.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { type ReportTable, writeReport } from '../report.ts';
import { openData } from '../samples.ts';
import { textLogHistogram, textScatter } from '../textPlots.ts';
import { textTable } from '../textTable.ts';
import { type Verified, verifiedAhead } from '../verifiedImages.ts';

export interface AnchorsOptions extends DataOptions {
  readonly model?: AnchorModel;
  readonly clusters?: number;
  readonly size?: number;
  readonly seed?: number;
  /** Measure the labels without looking at the images. */
  readonly labelsOnly?: boolean;
  readonly json?: string;
  readonly report?: string;
}

/** Default longer side of the images: that of `fovea train`, and that of Darknet's cfg files. */
const SIZES: Readonly<Record<AnchorModel, number>> = {
  retinanet: 512,
  fasterrcnn: 512,
  yolov3: 416,
  'yolov3-tiny': 416,
  'yolo-fastest': 320,
};
const MOST_CLUSTERS = 12;
const BINS = 12;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** What each number of clusters would reach: 1 to 12, or as many as there are different boxes. */
function choices(
  sides: readonly BoxSize[],
  seed: number,
): { k: number; anchors: BoxSize[]; fit: AnchorFit }[] {
  const found: { k: number; anchors: BoxSize[]; fit: AnchorFit }[] = [];
  for (let k = 1; k <= MOST_CLUSTERS; k++) {
    try {
      const anchors = clusterBoxSizes(sides, k, { seed });
      found.push({ k, anchors, fit: anchorFit(sides, anchors) });
    } catch (error) {
      // Fewer different boxes than k.
      if (!(error instanceof ShapeError) || k === 1) throw error;
      break;
    }
  }
  return found;
}

/** A layout as configurations write it: of Fovea's detectors, or a line of a Darknet cfg. */
function configOf(layout: AnchorLayout): string {
  if (layout.kind === 'list') {
    return `anchors = ${layout.anchors.map(([w, h]) => `${Math.round(w)},${Math.round(h)}`).join(',  ')}`;
  }
  const round = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(3)));
  const sizes = JSON.stringify(layout.sizes.map(round)).replaceAll(',', ', ');
  return `anchorSizes: ${sizes}\naspectRatios: ${JSON.stringify(round(layout.aspectRatios)).replaceAll(',', ', ')}`;
}

/** Images as they are, without looking at their files. */
async function* unverified(images: AsyncIterable<AnnotatedImage>): AsyncGenerator<Verified> {
  for await (const image of images) yield { image, verified: Promise.resolve({ extension: '' }) };
}

/**
 * Reads the boxes of a data set. Images are decoded, so that the boxes are those of the images that a training uses; with `labelsOnly`
 * they need not be there. Throws DataError where there is none.
 */
async function measured(
  data: string,
  options: AnchorsOptions,
  scaleOf: (annotation: Annotation) => number,
  faults: FaultLog,
): Promise<{ readonly statistics: BoxStatistics; readonly format: string }> {
  const { labelsOnly = false } = options;
  const dataset = await openData(data, { clip: true, ...options }, faults, { imagesOptional: labelsOnly });
  const statistics = new BoxStatistics();
  const counter = createCounter('images');
  const found = labelsOnly ? unverified(dataset.images()) : verifiedAhead(dataset.images());
  try {
    for await (const { image, verified } of found) {
      if ((await faults.attempt(options, () => verified)) === undefined) continue;
      const { annotation } = image;
      statistics.add(annotation, scaleOf(annotation));
      counter.show(statistics.images);
    }
  } catch (error) {
    if (labelsOnly || !(error instanceof BadData) || error.kind !== 'missing image') throw error;
    const way = 'or measure the labels without the images (--labels-only)';
    throw new BadData(error.kind, `${error.message}, ${way}`, { cause: error });
  } finally {
    counter.clear();
  }
  const { images, sides } = statistics;
  if (images === 0) await faults.finishEmpty(options, data);
  await faults.finish(options);
  if (sides.length > 0) return { statistics, format: FORMATS[dataset.format].title };
  const which = images === 1 ? 'its image has no object' : `none of the ${images} images has an object`;
  throw new DataError(`${data}: ${which}; label some first`);
}

/** How many different boxes there are for a layout: for a pyramid, different sizes √(w h). */
const differentIn = (sides: readonly BoxSize[], { kind }: AnchorLayout): number =>
  new Set(sides.map(([w, h]) => (kind === 'list' ? `${w} ${h}` : Math.sqrt(w * h)))).size;

/** `1 different box`, `3 different sizes of boxes`. */
const countedBoxes = (count: number, { kind }: AnchorLayout): string =>
  kind === 'list'
    ? counted(count, 'different box', 'different boxes')
    : counted(count, 'different size of boxes', 'different sizes of boxes');

/** The anchors of a model that fit boxes. Throws DataError where there are fewer different boxes than `clusters`. */
function fittedAnchors(
  data: string,
  sides: readonly BoxSize[],
  layout: AnchorLayout,
  { clusters, seed = 0, model = 'retinanet' }: AnchorsOptions,
): AnchorLayout {
  try {
    return fitAnchors(sides, layout, { seed, ...(clusters === undefined ? {} : { count: clusters }) });
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const different = differentIn(sides, layout);
    const parts = partsOf(layout);
    const way =
      different < parts
        ? 'label more objects, or leave --clusters out'
        : `label more objects, or give at most --clusters ${Math.floor(different / parts) * parts}`;
    throw new DataError(
      `${data}: has only ${countedBoxes(different, layout)}, and ${model} needs ${clusters} for --clusters ${clusters}; ${way}`,
      { cause: error },
    );
  }
}

/** Each scale of YOLO, or level of a pyramid, has as many anchors as the others. */
const partsOf = (layout: AnchorLayout): number =>
  layout.kind === 'list' ? layout.count / 3 : layout.sizes.length;

/**
 * fovea anchors: what the labelled boxes are like, and anchors for a model that fit them. Boxes are measured in pixels of the
 * images as the model sees them: YOLO's fitted into a square of `size`, others shrunk to that longer side.
 */
export async function anchorsCommand(
  data: string,
  options: AnchorsOptions,
  stdout: Output = process.stdout,
): Promise<void> {
  const { model = 'retinanet', clusters, seed = 0, json, report } = options;
  const layout: AnchorLayout = ANCHOR_LAYOUTS[model];
  const size = options.size ?? SIZES[model];
  const parts = partsOf(layout);
  if (clusters !== undefined && clusters % parts !== 0) {
    throw new UsageError(
      `anchors: --clusters ${clusters} cannot be divided evenly among the ${parts} scales of ${model}; give a multiple of ${parts}`,
    );
  }
  for (const file of [json, report]) if (file !== undefined) await checkOutputFile(file);
  await FaultLog.check(options);
  const faults = new FaultLog();
  const scaleOf = ({ width, height }: Annotation): number => {
    const scale = size / Math.max(width, height);
    return layout.kind === 'list' ? scale : Math.min(1, scale);
  };
  const { statistics, format } = await faults.during(options, () => measured(data, options, scaleOf, faults));
  const { sides } = statistics;
  const color = colorsOf(stdout);
  const lead = `${counted(sides.length, 'box', 'boxes')} of ${counted(statistics.classes, 'class', 'classes')} in ${counted(statistics.images, 'image')}`;
  const scaled =
    layout.kind === 'list' ? `fitted into ${size}x${size}` : `shrunk to a longer side of ${size}`;
  const heading = (text: string) => `\n${color.bold(text)}\n`;
  const { leftOut } = statistics;
  const description = [
    `${printable(data)} (${format}): ${lead}, in pixels of images ${scaled}\n`,
    ...(leftOut > 0
      ? [
          `${counted(leftOut, 'crowd or difficult object is', 'crowds and difficult objects are')} ignored: detectors are not trained to find them\n`,
        ]
      : []),
    heading('Classes'),
    `${textTable(statistics.classTable)}\n`,
    heading('Boxes'),
    `${textTable(statistics.quantileTable)}\n`,
    heading('Sizes √(w h), steps of equal ratio'),
    `${textLogHistogram(statistics.sizes, BINS).join('\n')}\n`,
    heading('Height / width'),
    `${textLogHistogram(statistics.ratios, BINS).join('\n')}\n`,
  ];
  stdout.write(description.join(''));

  const table = choices(sides, seed);
  const fitted = fittedAnchors(data, sides, layout, options);
  const different = differentIn(sides, layout);
  const [own, theirs] = [anchorsOf(fitted), anchorsOf(layout)];
  const rowOf = (name: string, { meanIou, recall }: AnchorFit) => [name, meanIou.toFixed(3), percent(recall)];
  const clusterTable: ReportTable = {
    title: 'Clusters',
    header: ['clusters', 'mean best IoU', 'recall at IoU 0.5'],
    rows: table.map(({ k, fit }) => rowOf(`${k}`, fit)),
  };
  const modelTable: ReportTable = {
    title: `Anchors of ${model}`,
    header: ['anchors', 'mean best IoU', 'recall at IoU 0.5'],
    rows: [
      rowOf(counted(theirs.length, 'default anchor'), anchorFit(sides, theirs)),
      rowOf(counted(own.length, 'fitted anchor'), anchorFit(sides, own)),
    ],
    note: 'By width and height alone, as if box and anchor had a common corner; a real grid of anchors reaches less.',
  };

  // As many letters as there are in the table of clusters; a pyramid has too many anchors to tell apart.
  const drawn = layout.kind === 'list' ? own : (table[Math.min(8, table.length - 1)]?.anchors ?? []);
  const lines = [
    heading(`Width and height, log scales; ${counted(drawn.length, 'cluster')} as letters`),
    `${textScatter(sides, drawn).join('\n')}\n`,
    `${drawn.map(([w, h], i) => `${String.fromCharCode(65 + i)} ${shortNumber(w)}x${shortNumber(h)}`).join('  ')}\n`,
    heading('k-medoids of widths and heights, distance 1 - IoU'),
    `${textTable(clusterTable)}\n`,
    heading(modelTable.title),
    `${textTable(modelTable)}\n`,
    `\n${color.green(configOf(fitted))}\n`,
    ...(different < parts
      ? [
          `\nthere ${different === 1 ? 'is' : 'are'} only ${countedBoxes(different, layout)}, so that neighbouring ${layout.kind === 'list' ? 'scales' : 'levels'} have the same; label more objects before you train with these anchors\n`,
        ]
      : []),
  ];
  stdout.write(lines.join(''));

  if (json !== undefined) {
    const result = {
      boxes: sides.length,
      images: statistics.images,
      classes: statistics.classes,
      size,
      clusters: table.map(({ k, anchors, fit }) => ({ k, ...fit, anchors })),
      model,
      default: anchorFit(sides, theirs),
      fitted: { ...anchorFit(sides, own), ...fitted },
    };
    await writeFileAtomic(json, `${JSON.stringify(result, undefined, 2)}\n`);
  }
  if (report !== undefined) {
    await writeReport(report, {
      title: `Boxes of ${basename(data)}`,
      lead: `${lead}, in pixels of images ${scaled}.`,
      runs: [
        {
          name: 'Anchors',
          task: model,
          metrics: {
            boxes: sides.length,
            'default anchors, recall': percent(anchorFit(sides, theirs).recall),
            'fitted anchors, recall': percent(anchorFit(sides, own).recall),
          },
          description: configOf(fitted).replace('\n', '; '),
          tables: [statistics.classTable, statistics.quantileTable, clusterTable, modelTable],
          plots: [
            scatterPlot(
              sides,
              [
                ['fitted anchors', own],
                ['default anchors', theirs],
              ],
              { title: 'Width and height' },
            ),
            linePlot({
              title: 'Fit by number of clusters',
              xLabel: 'clusters',
              yLabel: 'share',
              yDomain: [0, 1],
              height: 460,
              series: [
                { name: 'mean best IoU', points: table.map(({ k, fit }) => [k, fit.meanIou] as const) },
                { name: 'recall at IoU 0.5', points: table.map(({ k, fit }) => [k, fit.recall] as const) },
              ],
            }),
            histogramPlot(statistics.sizes, { title: 'Sizes', xLabel: '√(width height), pixels' }),
            histogramPlot(statistics.ratios, { title: 'Aspect ratios', xLabel: 'height / width' }),
          ],
          seed,
        },
      ],
      timings: [],
      versions: { node: process.versions.node },
    });
    stdout.write(`\nreport written to ${printable(report)}\n`);
  }
}
