/** eval: workers predict labelled images, and the metrics are computed where the predictions come together. */
import path from 'node:path';
import { detectForEvaluation, type Gpu } from 'fovea';
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
import { type EvalResult, EvalResults, type Labelled, packed } from './evalResults.ts';
import { adapterOf, defineKind, modelFields, openDevice, testTimeFields } from './kind.ts';
import { dataFields, dataIn, imageWithin, LabelledInOrder } from './labelled.ts';

const options = v.object({ ...modelFields, ...testTimeFields, ...dataFields });

/** The metrics, in the folder of results. */
const METRICS = 'metrics.json';

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
    const limits = maxPixels === undefined ? {} : { maxPixels };
    return {
      adapter: adapterOf(gpu),
      async load({ file, kind }) {
        if (kind !== 'annotation') return loadImage(file, limits);
        const { image, name } = await imageWithin(file, options as EvalDataOptions);
        return decodeImage(image, name, limits);
      },
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
    const data = dataIn(folder, options as EvalDataOptions);
    const labelled = new LabelledInOrder(labelledIn(opened, data, faults), options.data);
    const results = new EvalResults(opened);
    return {
      async add(result, { name }) {
        const found = await labelled.find(name);
        if (result.stretched) noteStretched(name, faults);
        results.add(found, result);
      },
      async finish() {
        const summary = results.summary();
        if (!summary) return;
        await labelled.end();
        process.stderr.write(faults.text);
        for (const fault of faults.faults) note(fault);
        process.stdout.write(evalText(summary));
        await writeFileAtomic(path.join(out, METRICS), evalJson(summary));
      },
      discard: async () => undefined,
    };
  },
});
