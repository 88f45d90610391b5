import { type Gpu, type PanopticImage, UsageError } from 'fovea';
import { colorAt, detectionOverlay } from 'fovea/draw';
import type { OpenedModel } from 'fovea/open';
import { type AugmentationOptions, augmentationOf } from '../augmentation.ts';
import { FaultLog } from '../faultLog.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { type LoadedImage, loadImage } from '../images.ts';
import { type ModelFileOptions, readModel, sayBuilders } from '../modelFiles.ts';
import {
  classesIn,
  classMask,
  classShapes,
  detectionOutlines,
  detectionShapes,
  panopticDetections,
  regionOutlines,
  regionShapes,
} from '../predictions.ts';
import { printable } from '../printable.ts';
import { expectOtherFolder } from '../resultFolder.ts';
import { type Found, type ResultOptions, Results } from '../results.ts';
import { stuffOf } from '../stuff.ts';

export interface PredictOptions extends ModelFileOptions, ResultOptions {
  /** Whether to look into the folders below a folder too. */
  readonly recursive?: boolean;
  /** The file for all images that could not be used, as JSON. */
  readonly reportBad?: string;
  readonly threshold?: number;
  readonly adapter?: string;
}

/** Predicts every image, and writes what was found. Goes on after an image that cannot be used. */
async function predictAll(
  paths: readonly string[],
  options: PredictOptions,
  { task, classNames }: OpenedModel,
  start: (gpu: Gpu) => (image: LoadedImage) => Promise<Found>,
): Promise<void> {
  if (options.saveConf && options.format !== 'yolo') {
    throw new UsageError('--save-conf is for --format yolo; leave it out');
  }
  if (options.copyImages && (options.format === 'panoptic' || options.format === 'csv')) {
    throw new UsageError(`--copy-images is not for --format ${options.format}; leave it out`);
  }
  const inputs = await imageInputs(paths, options);
  await FaultLog.check(options);
  await expectOtherFolder(inputs, options.out);
  await withGpu(options.adapter, async (gpu) => {
    const predict = start(gpu);
    const results = await Results.create(inputs, classNames, task === 'detect', options);
    await runImages<Found, LoadedImage>(inputs, options, {
      load: loadImage,
      async predict(image, input) {
        const found = await predict(image);
        results.check(input, found);
        return found;
      },
      async write(found, image, input) {
        await results.add(input, image, found);
        return found.summary;
      },
      finish: () => results.finish(),
      discard: () => results.discard(),
    });
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

/** What is written and drawn of an image that is divided into segments. */
function panopticFound(panoptic: PanopticImage, image: LoadedImage, classNames: readonly string[]): Found {
  const detections = panopticDetections(panoptic);
  return {
    shapes: detectionShapes(detections),
    outlines: () => detectionOutlines(detections),
    overlay: () => detectionOverlay(detections, image, { classNames }),
    summary: tally(detections.map(({ label }) => label)),
    panoptic,
  };
}

/** fovea detect: boxes, and masks, drawn on each image, and in the format that was asked for. */
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
  const { trained } = opened;
  const stuff = trained ? stuffOf(trained.name, trained.model.config, trained.classNames) : [];
  if (options.format === 'panoptic') {
    if (stuff.length === 0) {
      throw new UsageError(
        `--format panoptic: ${model} finds objects alone, not regions; train a panopticfpn, or choose another format`,
      );
    }
    if (augmentation) {
      throw new UsageError(
        '--scales, --flip and --merge are for boxes, not for --format panoptic; leave them out',
      );
    }
  }
  await predictAll(images, { ...options, stuff }, opened, (gpu) => {
    const detector = opened.detector(gpu, { name: model, ...(augmentation ? { augmentation } : {}) });
    const { classNames } = opened;
    if (options.format === 'masks' && !detector.hasMasks) {
      throw new UsageError(`--format masks: ${model} finds boxes, not masks; choose another format`);
    }
    return async (image) => {
      // A threshold that was given is for the segments too.
      const segments =
        options.format === 'panoptic'
          ? await detector.panoptic?.(image, {
              scoreThreshold,
              ...(options.threshold === undefined ? {} : { instanceThreshold: options.threshold }),
            })
          : undefined;
      if (segments) return panopticFound(segments.panoptic, image, classNames);
      const found = await detector.detect(image, { scoreThreshold });
      return {
        shapes: detectionShapes(found),
        outlines: () => detectionOutlines(found),
        overlay: () => detectionOverlay(found, image, { classNames }),
        summary: tally(found.map(({ label }) => label)),
      };
    };
  });
}

/** fovea segment: masks drawn on each image, and regions in the format that was asked for. */
export async function segmentCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions,
): Promise<void> {
  if (options.format === 'panoptic') {
    throw new UsageError('--format panoptic is for fovea detect with a panopticfpn; choose another format');
  }
  const opened = await readModel(model, options);
  sayModel(model, opened);
  await predictAll(images, options, opened, (gpu) => {
    const segmenter = opened.segmenter(gpu, { name: model });
    const { classNames } = opened;
    return async (image) => {
      const found = await segmenter.segment(image);
      const regions = regionShapes(found, classNames);
      return {
        // A mask of classes has every pixel; other formats have regions, without specks.
        shapes: options.format === 'masks' ? classShapes(found, classNames) : regions,
        outlines: () => regionOutlines(found, classNames),
        overlay: () => ({
          masks: classesIn(found).map((c) => ({ mask: classMask(found.labels, c), color: colorAt(c) })),
        }),
        summary: tally(
          regions.map(({ label }) => label),
          'region',
        ),
      };
    };
  });
}
