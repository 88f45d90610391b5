/** detect and segment: places in images, in the formats that those commands write. */
import type { ImageSize } from 'fovea/data';
import * as v from 'valibot';
import { type LoadedImage, loadImage } from '../../images.ts';
import { readModel } from '../../modelFiles.ts';
import {
  detectPredictor,
  foundOf,
  type Prediction,
  segmentPredictor,
  stuffClasses,
} from '../../predictor.ts';
import { RESULT_FORMATS } from '../../resultOptions.ts';
import { drawFound, drawnName, Results } from '../../results.ts';
import { adapterOf, defineKind, modelFields, openDevice, score, testTimeFields } from './kind.ts';

const fields = {
  ...modelFields,
  ...testTimeFields,
  format: v.optional(v.picklist(RESULT_FORMATS)),
  saveConf: v.optional(v.boolean()),
  draw: v.optional(v.boolean()),
  threshold: v.optional(score),
} as const;

/** The result of an image. */
interface Placed {
  readonly size: ImageSize;
  readonly prediction: Prediction;
}

const placesKind = (task: 'detect' | 'segment') =>
  defineKind<v.ObjectSchema<typeof fields, undefined>, LoadedImage, Placed>({
    options: v.object(fields),
    async open(options, files, adapter) {
      const model = files.model!;
      const opened = await readModel(model, { ...options, ...files });
      const gpu = await openDevice(adapter);
      const predict =
        task === 'detect'
          ? detectPredictor(gpu, model, opened, options)
          : segmentPredictor(gpu, model, opened);
      const { classNames } = opened;
      return {
        adapter: adapterOf(gpu),
        load: ({ file }) => loadImage(file),
        async compute(image, { name }) {
          const { width, height } = image;
          const prediction = await predict(image);
          const result: Placed = { size: { width, height }, prediction };
          if (!options.draw) return { result };
          const found = foundOf(prediction, image, { classNames, format: options.format });
          return { result, files: [[drawnName(name), await drawFound(image, found)]] };
        },
        close: () => gpu.dispose(),
      };
    },
    async sink(options, { files, inputs, out, home }) {
      const opened = await readModel(files.model!, { ...options, ...files });
      const { classNames } = opened;
      const stuff = task === 'detect' ? stuffClasses(opened) : [];
      const results = await Results.create(inputs, classNames, task === 'detect', {
        ...options,
        // Workers have drawn them.
        draw: false,
        ...{ out, home, stuff },
      });
      return {
        async add({ size, prediction }, input) {
          const found = foundOf(prediction, size, { classNames, format: options.format });
          results.check(input, found);
          await results.add(input, size, found);
        },
        finish: () => results.finish(),
        discard: () => results.discard(),
      };
    },
  });

export const detectKind = placesKind('detect');
export const segmentKind = placesKind('segment');
