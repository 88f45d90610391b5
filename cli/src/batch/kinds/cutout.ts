/** cutout: images without their background, each a file that its worker writes. */
import * as v from 'valibot';
import { type CutoutImage, loadCutoutImage } from '../../cutoutFile.ts';
import {
  type CutoutChoice,
  type CutoutFiles,
  cutoutFile,
  openCutter,
  readCutoutModels,
} from '../../cutter.ts';
import { adapterOf, defineKind, openDevice, positiveWhole, score } from './kind.ts';

const byte = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255));
const flag = v.optional(v.boolean());
const names = v.optional(v.array(v.string()));

const options = v.object({
  detectorClasses: names,
  threshold: v.optional(score),
  padding: v.optional(score),
  classes: names,
  maxSide: v.optional(positiveWhole),
  tile: v.optional(positiveWhole),
  normalize: v.optional(v.picklist(['imagenet', 'isnet', 'none'])),
  alphaMatting: flag,
  alphaMattingForegroundThreshold: v.optional(byte),
  alphaMattingBackgroundThreshold: v.optional(byte),
  alphaMattingErodeSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  onlyMask: flag,
  postProcessMask: flag,
  bgcolor: v.optional(v.tuple([byte, byte, byte, byte])),
  keepColors: flag,
  format: v.optional(v.picklist(['png', 'webp'])),
});

export const cutoutKind = defineKind<typeof options, CutoutImage, null>({
  options,
  async open(options, files, adapter) {
    const models = await readCutoutModels(files as unknown as CutoutFiles);
    const gpu = await openDevice(adapter);
    const cutter = await openCutter(gpu, models, options as CutoutChoice);
    return {
      adapter: adapterOf(gpu),
      load: ({ file }) => loadCutoutImage(file),
      async compute(image, { name }) {
        const cut = await cutter.cut(image);
        return { result: null, files: [await cutoutFile(cut, image, name, options as CutoutChoice)] };
      },
      close() {
        cutter.dispose();
        gpu.dispose();
      },
    };
  },
  async sink() {
    // Workers have written all there is.
    return { add: async () => undefined, finish: async () => undefined, discard: async () => undefined };
  },
});
