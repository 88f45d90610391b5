import { access } from 'node:fs/promises';
import path from 'node:path';
import { DataError, type Gpu, UsageError } from 'fovea';
import type { AnnotatedShape } from 'fovea/data';
import { colorAt, detectionOverlay } from 'fovea/draw';
import type { OpenedModel } from 'fovea/open';
import { type AugmentationOptions, augmentationOf } from '../augmentation.ts';
import { drawOverlay } from '../draw.ts';
import { fileProblem, makeFolder, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { type LoadedImage, loadImage } from '../images.ts';
import { type ModelFileOptions, readModel, sayBuilders } from '../modelFiles.ts';

import { detectionShapes, segmentationShapes, writeLabelme } from '../predictions.ts';
import { printable } from '../printable.ts';

export interface PredictOptions extends ModelFileOptions {
  readonly out: string;
  readonly threshold?: number;
  readonly adapter?: string;
}

/**
 * Checks the images before anything is computed. Throws for images that do not exist, for two of the same name, whose
 * results would overwrite each other, and for results that would overwrite the images or their annotations.
 */
async function checkImages(images: readonly string[], out: string): Promise<void> {
  const names = new Map<string, string>();
  for (const image of images) {
    await access(image).catch((error) => {
      throw new DataError(`${image}: cannot read the image (${fileProblem(error)}); check the path`);
    });
    const { name, dir } = path.parse(image);
    if (path.resolve(dir) === path.resolve(out))
      throw new UsageError(
        `${image} is in the folder of --out, and its results (${name}.png, ${name}.json) could overwrite it; choose another folder`,
      );
    const other = names.get(name);
    if (other !== undefined)
      throw new UsageError(
        `${other} and ${image} would both be written as ${name}.json; rename one, or use two folders`,
      );
    names.set(name, image);
  }
}

/** For every image: predicts, and writes NAME.png and NAME.json. What cannot be read ends it. */
async function predictAll(
  images: readonly string[],
  { out, adapter }: PredictOptions,
  start: (gpu: Gpu) => Promise<
    (image: LoadedImage) => Promise<{
      shapes: AnnotatedShape[];
      png: Uint8Array;
      summary: string;
    }>
  >,
): Promise<void> {
  await checkImages(images, out);
  await withGpu(adapter, async (gpu) => {
    const predict = await start(gpu);
    await makeFolder(out);
    for (const file of images) {
      const image = await loadImage(file);
      const { shapes, png, summary } = await predict(image);
      const { name } = path.parse(file);
      await writeFileAtomic(path.join(out, `${name}.png`), png);
      await writeLabelme(path.join(out, `${name}.json`), file, image, shapes);
      process.stdout.write(`${printable(file)}: ${printable(summary)}\n`);
    }
  });
}

/** `3 coin, 1 token`, or `2 regions of coin`. */
const tally = (labels: readonly string[], of = ''): string => {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const text = (label: string, count: number) =>
    of === '' ? `${count} ${label}` : `${count} ${of}${count === 1 ? '' : 's'} of ${label}`;
  return [...counts].map(([label, count]) => text(label, count)).join(', ') || 'nothing found';
};

/** Says what a model of others is taken for, since the file may not say how its images must be prepared. */
function sayModel(file: string, opened: OpenedModel): void {
  const { description, trained } = opened;
  if (trained && 'maxSide' in trained.preprocessing) return;
  process.stderr.write(`${printable(file)}: ${printable(description)}\n`);
  sayBuilders(file, opened);
}

/** fovea detect: boxes, and masks, drawn on each image, and as a Labelme file. */
export async function detectCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions & AugmentationOptions,
): Promise<void> {
  const augmentation = augmentationOf(options);
  const opened = await readModel(model, options);
  sayModel(model, opened);
  const least = opened.leastScore ?? 0;
  if (options.threshold !== undefined && options.threshold < least) {
    throw new UsageError(
      `--threshold: ${model} was exported with ${least}, and has no detection of a lower score; give at least ${least}, or export it again with --threshold ${options.threshold}`,
    );
  }
  const scoreThreshold = options.threshold ?? Math.max(0.3, least);
  await predictAll(images, options, async (gpu) => {
    const detector = opened.detector(gpu, { name: model, ...(augmentation ? { augmentation } : {}) });
    const { classNames } = opened;
    return async (image) => {
      const found = await detector.detect(image, { scoreThreshold });
      return {
        shapes: detectionShapes(found),
        png: await drawOverlay(image, detectionOverlay(found, image, { classNames })),
        summary: tally(found.map(({ label }) => label)),
      };
    };
  });
}

/** fovea segment: masks drawn on each image, and polygons as a Labelme file. */
export async function segmentCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions,
): Promise<void> {
  const opened = await readModel(model, options);
  sayModel(model, opened);
  await predictAll(images, options, async (gpu) => {
    const segmenter = opened.segmenter(gpu, { name: model });
    const { classNames } = opened;
    return async (image) => {
      const segmentation = await segmenter.segment(image);
      const masks = classNames.map((_, c) => ({
        mask: segmentation.labels.map((value) => (value === c + 1 ? 1 : 0)),
        color: colorAt(c),
      }));
      const shapes = segmentationShapes(segmentation, classNames);
      return {
        shapes,
        png: await drawOverlay(image, { masks }),
        summary: tally(
          shapes.map(({ label }) => label),
          'region',
        ),
      };
    };
  });
}
