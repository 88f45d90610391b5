import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../../src/errors.ts';
import { readFileBytes } from '../../../src/io/files.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { loadDetector, loadSegmenter } from '../../../src/tasks/infer.ts';
import { drawOverlay } from '../draw.ts';
import { writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { type LoadedImage, loadImage } from '../images.ts';
import { colorAt } from '../palette.ts';
import { detectionShapes, segmentationShapes, writeLabelme } from '../predictions.ts';

export interface PredictOptions {
  readonly out: string;
  readonly threshold?: number;
  readonly adapter?: string;
}

/** Two pictures of one name would overwrite each other's results. */
function checkNames(images: readonly string[]): void {
  const names = new Map<string, string>();
  for (const image of images) {
    const { name } = path.parse(image);
    const other = names.get(name);
    if (other !== undefined)
      throw new UsageError(
        `${other} and ${image} would both be written as ${name}.json; rename one, or use two folders`,
      );
    names.set(name, image);
  }
}

/** For every picture: reads it before anything is computed, then predicts and writes NAME.png and NAME.json. */
async function predictAll(
  images: readonly string[],
  { out, adapter }: PredictOptions,
  start: (gpu: Gpu) => Promise<
    (picture: LoadedImage) => Promise<{
      shapes: import('../../../src/data/annotation.ts').AnnotatedShape[];
      png: Uint8Array;
      summary: string;
    }>
  >,
): Promise<void> {
  checkNames(images);
  await withGpu(adapter, async (gpu) => {
    const predict = await start(gpu);
    await mkdir(out, { recursive: true });
    for (const file of images) {
      const picture = await loadImage(file);
      const { shapes, png, summary } = await predict(picture);
      const { name } = path.parse(file);
      await writeFileAtomic(path.join(out, `${name}.png`), png);
      await writeLabelme(path.join(out, `${name}.json`), file, picture, shapes);
      process.stdout.write(`${file}: ${summary}\n`);
    }
  });
}

const tally = (labels: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => `${count} ${label}`).join(', ') || 'nothing found';
};

/** fovea detect: boxes drawn on each picture, and as a Labelme file. */
export async function detectCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions,
): Promise<void> {
  const bytes = await readFileBytes(model);
  const scoreThreshold = options.threshold ?? 0.3;
  await predictAll(images, options, async (gpu) => {
    const detector = loadDetector(gpu, bytes, model);
    const { classNames } = detector.trained;
    return async (picture) => {
      const found = await detector.detect(picture, { scoreThreshold });
      const boxes = found.map(({ box, label, score }) => ({
        box,
        label,
        score,
        color: colorAt(classNames.indexOf(label)),
      }));
      return {
        shapes: detectionShapes(found),
        png: await drawOverlay(picture, { boxes }),
        summary: tally(found.map(({ label }) => label)),
      };
    };
  });
}

/** fovea segment: masks drawn on each picture, and polygons as a Labelme file. */
export async function segmentCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions,
): Promise<void> {
  const bytes = await readFileBytes(model);
  await predictAll(images, options, async (gpu) => {
    const segmenter = loadSegmenter(gpu, bytes, model);
    const { classNames } = segmenter.trained;
    return async (picture) => {
      const segmentation = await segmenter.segment(picture);
      const masks = classNames.map((_, c) => ({
        mask: segmentation.labels.map((value) => (value === c + 1 ? 1 : 0)),
        color: colorAt(c),
      }));
      const shapes = segmentationShapes(segmentation, classNames);
      return {
        shapes,
        png: await drawOverlay(picture, { masks }),
        summary: tally(shapes.map(({ label }) => `region of ${label}`)),
      };
    };
  });
}
