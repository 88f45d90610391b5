/** eval: workers predict labelled images, and the metrics are computed where the predictions come together. */
import path from 'node:path';
import { DataError, detectForEvaluation, type Gpu, UsageError } from 'fovea';
import { FORMAT_NAMES } from 'fovea/data';
import type { OpenedModel } from 'fovea/open';
import * as v from 'valibot';
import { augmentationOf } from '../../augmentation.ts';
import { openClassData } from '../../classSamples.ts';
import { noteStretched } from '../../dataParts.ts';
import { type EvalDataOptions, evalJson, evalText, openSamples } from '../../evaluating.ts';
import { FaultLog } from '../../faultLog.ts';
import { writeFileAtomic } from '../../files.ts';
import { decodeImage, type LoadedImage, loadImage } from '../../images.ts';
import { readModel } from '../../modelFiles.ts';
import { openData } from '../../samples.ts';
import { type EvalResult, EvalResults, type Labelled, packed } from './evalResults.ts';
import { adapterOf, defineKind, modelFields, openDevice, positiveWhole, testTimeFields } from './kind.ts';

const flag = v.optional(v.boolean());
const options = v.object({
  ...modelFields,
  ...testTimeFields,
  data: v.string(),
  boxesAsMasks: flag,
  from: v.optional(v.picklist(FORMAT_NAMES)),
  split: v.optional(v.string()),
  images: v.optional(v.string()),
  skipBad: flag,
  clip: flag,
  fixSizes: flag,
  encoding: v.optional(v.string()),
  allowOutside: flag,
  maxPixels: v.optional(positiveWhole),
});

/** The metrics, in the folder of results. */
const METRICS = 'metrics.json';

/** The image that an annotation has in itself. */
async function imageWithin(file: string, options: EvalDataOptions): Promise<LoadedImage> {
  // Faults of annotations were reported when the batch began.
  const own = { ...options, from: 'labelme', skipBad: true } as const;
  const dataset = await openData(file, own, new FaultLog());
  const { maxPixels } = options;
  for await (const { image, source } of dataset.images()) {
    if (typeof image === 'string') break;
    return decodeImage(image, `${source}: imageData`, maxPixels === undefined ? {} : { maxPixels });
  }
  throw new DataError(`${file}: has no image in itself any more; begin the batch again`);
}

/** Runs a model on images. */
function predictor(gpu: Gpu, model: string, opened: OpenedModel, chosen: v.InferOutput<typeof options>) {
  const augmentation = augmentationOf(chosen as Parameters<typeof augmentationOf>[0]);
  switch (opened.task) {
    case 'detect': {
      const detector = opened.detector(gpu, { name: model, ...(augmentation ? { augmentation } : {}) });
      const { hasMasks } = detector;
      return async (image: LoadedImage): Promise<EvalResult> => {
        const { detections, ...found } = await detectForEvaluation(detector, image);
        return { task: 'detect', hasMasks, detections: packed(detections), ...found };
      };
    }
    case 'segment': {
      const segmenter = opened.segmenter(gpu, { name: model });
      return async (image: LoadedImage): Promise<EvalResult> => {
        const { labels } = await segmenter.segment(image);
        return { task: 'segment', labels };
      };
    }
    case 'classify': {
      const classifier = opened.classifier(gpu, { name: model });
      return async (image: LoadedImage): Promise<EvalResult> => ({
        ...{ task: 'classify', probabilities: await classifier.probabilities(image) },
      });
    }
  }
}

/** The labelled images of a data set, in their order, without their pixels. */
async function* labelledIn(
  opened: OpenedModel,
  options: EvalDataOptions,
  faults: FaultLog,
): AsyncGenerator<Labelled> {
  if (opened.task === 'classify') {
    const { files } = await openClassData(options.data, options, faults, opened.classNames);
    yield* files;
    return;
  }
  const reader = await openSamples(options, opened, faults);
  yield* reader.annotations();
}

export const evalKind = defineKind<typeof options, LoadedImage, EvalResult>({
  options,
  async open(options, files, adapter) {
    const model = files.model!;
    const opened = await readModel(model, { ...options, ...files });
    const gpu = await openDevice(adapter);
    const predict = predictor(gpu, model, opened, options);
    const { maxPixels } = options;
    return {
      adapter: adapterOf(gpu),
      load: ({ file, kind }) =>
        kind === 'annotation'
          ? imageWithin(file, options as EvalDataOptions)
          : loadImage(file, maxPixels === undefined ? {} : { maxPixels }),
      async compute(image) {
        const result = await predict(image);
        return { result: image.stretched ? { ...result, stretched: true } : result };
      },
      close: () => gpu.dispose(),
    };
  },
  async sink(options, { files, out, folder, note }) {
    const opened = await readModel(files.model!, { ...options, ...files });
    const faults = new FaultLog();
    const { images } = options;
    const data = {
      ...options,
      data: path.resolve(folder, options.data),
      ...(images === undefined ? {} : { images: path.resolve(folder, images) }),
    } as EvalDataOptions;
    const labelled = labelledIn(opened, data, faults);
    const results = new EvalResults(opened);
    return {
      async add(result, { name }) {
        // Those of images that failed are passed over.
        for (;;) {
          const next = await labelled.next();
          if (next.done) {
            throw new UsageError(
              `${options.data}: has no annotation of ${name} any more; begin the batch again (--force)`,
            );
          }
          if (next.value.name !== name) continue;
          if (result.stretched) noteStretched(name, faults);
          results.add(next.value, result);
          return;
        }
      },
      async finish() {
        const summary = results.summary();
        if (!summary) return;
        process.stderr.write(faults.text);
        for (const fault of faults.faults) note(fault);
        process.stdout.write(evalText(summary));
        await writeFileAtomic(path.join(out, METRICS), evalJson(summary));
      },
      discard: async () => undefined,
    };
  },
});
