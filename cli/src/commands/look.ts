import { type Dataset, FORMATS, type Sample } from 'fovea/data';
import { readAugment } from '../augmentation.ts';
import { countPlot, histogramPlot, placesPlot, scatterPlot } from '../boxPlots.ts';
import { chooseSamples } from '../chooseSamples.ts';
import { counted } from '../counted.ts';
import { createCounter } from '../counter.ts';
import type { DataOptions } from '../dataOptions.ts';
import { DataStatistics } from '../dataStatistics.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile } from '../files.ts';
import type { GalleryItem } from '../gallery.ts';
import { isClassData, lookAtClasses } from '../lookClasses.ts';
import { type Looked, type LookOptions, showLooked } from '../lookPage.ts';
import { classPlot, sizePlots } from '../lookPlots.ts';
import type { Output } from '../output.ts';
import { augmented, labelledGallery, labelledItem } from '../sampleGalleries.ts';
import { SampleReader } from '../samples.ts';
import { verifiedAhead } from '../verifiedImages.ts';

const OUT = 'look.html';
const SAMPLES = 24;

/** Reads all annotations, and decodes all images once, to find what is damaged and what is there twice. */
async function readAll(dataset: Dataset, options: DataOptions, faults: FaultLog): Promise<DataStatistics> {
  const statistics = new DataStatistics();
  const counter = createCounter('images');
  try {
    for await (const { image, verified } of verifiedAhead(dataset.images())) {
      const found = await faults.attempt(options, () => verified);
      if (!found) continue;
      statistics.add(image, found.fingerprint);
      counter.show(statistics.images.length);
    }
  } finally {
    counter.clear();
  }
  return statistics;
}

function plotsOf(statistics: DataStatistics): string[] {
  const { boxes, images, places, shares } = statistics;
  const counts = boxes.counts.map(({ name, objects: count }) => ({ name, count }));
  return [
    ...(counts.length > 0 ? [classPlot('objects', counts)] : []),
    countPlot(
      images.map(({ objects }) => objects),
      { title: 'Objects per image', xLabel: 'objects', yLabel: 'images' },
    ),
    ...sizePlots(images),
    ...(boxes.sides.length > 0
      ? [
          histogramPlot(boxes.sizes, {
            title: 'Sizes of objects',
            xLabel: '\u221a(width height), pixels',
            yLabel: 'objects',
          }),
          histogramPlot(
            Float64Array.from(shares, (share) => 100 * share),
            {
              title: 'Sizes of objects in their image',
              xLabel: '% of the image, \u221a of areas',
              yLabel: 'objects',
            },
          ),
          histogramPlot(
            Float64Array.from(boxes.sides, ([w, h]) => w / h),
            {
              title: 'Shapes of objects',
              xLabel: 'width / height',
              yLabel: 'objects',
            },
          ),
          scatterPlot(boxes.sides, [], { title: 'Width and height of objects', what: 'objects' }),
          placesPlot(places, { title: 'Where objects are' }),
        ]
      : []),
  ];
}

/** fovea look: what is labelled in a data set, as a page. What is bad is shown and left out. */
export async function lookCommand(
  data: string,
  given: LookOptions,
  stdout: Output = process.stdout,
): Promise<void> {
  const { out = OUT, samples: count = SAMPLES, seed = 0, size = 512, augment = 'default' } = given;
  const options: LookOptions = { split: 'all', clip: true, ...given, skipBad: true };
  await checkOutputFile(out);
  await readAugment(augment);
  await FaultLog.check(options);
  const faults = new FaultLog();
  await faults.during(options, async () => {
    const chosen = { ...options, samples: count, seed, size };
    const looked = (await isClassData(data, given))
      ? await lookAtClasses(data, chosen, faults)
      : await lookAtObjects(data, chosen, faults);
    await showLooked(data, looked, { faults, out, seed, split: options.split }, stdout);
  });
}

/** Reads all annotations and images once, and says what a page shows of them. */
async function lookAtObjects(
  data: string,
  options: LookOptions & { readonly samples: number; readonly seed: number; readonly size: number },
  faults: FaultLog,
): Promise<Looked> {
  const { samples: count, seed, size, augment = 'default' } = options;
  const reader = await SampleReader.open(data, options, faults, { maxSide: size });
  const { dataset } = reader;
  const statistics = await readAll(dataset, options, faults);
  const { images, boxes } = statistics;
  if (images.length === 0) await faults.finishEmpty(options, data);
  const shown = chooseSamples(
    images,
    boxes.counts.map(({ name }) => name),
    { count, seed },
  );
  const classes = classesOf(dataset, statistics);
  const samples: Sample[] = [];
  const items: GalleryItem[] = [];
  for await (const sample of reader.samples(new Set(shown.map(({ name }) => name)))) {
    items.push(await labelledItem(sample, classes));
    // Without the image at its full size.
    const { name, image, annotation } = sample;
    samples.push({ name, image, annotation });
  }
  await faults.finish(options);
  const crops = await augmented(samples, options, {
    name: augment,
    classes,
    segment: dataset.format === 'masks',
    masks: dataset.format !== 'masks' && statistics.outlined === statistics.objects,
  });
  return {
    format: FORMATS[dataset.format].title,
    splits: dataset.splits,
    lead: `${counted(images.length, 'image')}, ${counted(statistics.objects, 'object')} of ${counted(boxes.counts.length, 'class', 'classes')}`,
    metrics: {
      images: `${images.length}`,
      'without objects': `${statistics.empty.length}`,
      objects: `${statistics.objects}`,
      classes: `${boxes.counts.length}`,
      faults: `${faults.faults.length}`,
    },
    tables: statistics.tables,
    printed: [
      ...(boxes.counts.length > 0 ? [boxes.classTable] : []),
      statistics.tables.find((table) => table.title === 'Images and objects')!,
    ],
    plots: plotsOf(statistics),
    galleries: [labelledGallery(items, classes, images.length), ...(crops ? [crops.gallery] : [])],
    ...(crops ? { settings: crops.settings } : {}),
    notes: statistics.notes(dataset.classes?.map(({ name }) => name)),
  };
}

/** The classes in the order of the data set; those that it does not list after them. */
function classesOf({ classes = [] }: Dataset, { boxes, images }: DataStatistics): string[] {
  const found = [
    ...new Set([...boxes.counts.map(({ name }) => name), ...images.flatMap((image) => image.classes)]),
  ];
  return [...new Set([...classes.map(({ name }) => name), ...found.sort()])];
}
