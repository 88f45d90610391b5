/** classify: the classes of whole images, as a table. */
import type { Classification } from 'fovea';
import * as v from 'valibot';
import { CLASS_TABLE, classHeader, classRow, TOP_CLASSES } from '../../classTable.ts';
import { type LoadedImage, loadImage } from '../../images.ts';
import { readModel } from '../../modelFiles.ts';
import { ResultFolder } from '../../resultFolder.ts';
import { adapterOf, defineKind, modelFields, openDevice, positiveWhole } from './kind.ts';

const options = v.object({ ...modelFields, top: v.optional(positiveWhole) });

export const classifyKind = defineKind<typeof options, LoadedImage, readonly Classification[]>({
  options,
  async open(options, files, adapter) {
    const model = files.model!;
    const opened = await readModel(model, { ...options, ...files });
    const gpu = await openDevice(adapter);
    const classifier = opened.classifier(gpu, { name: model });
    const topK = Math.min(options.top ?? TOP_CLASSES, opened.classNames.length);
    return {
      adapter: adapterOf(gpu),
      load: ({ file }) => loadImage(file),
      compute: async (image) => ({ result: await classifier.classify(image, { topK }) }),
      close() {
        classifier.dispose();
        gpu.dispose();
      },
    };
  },
  async sink(options, { files, out }) {
    const { classNames } = await readModel(files.model!, { ...options, ...files });
    const results = await ResultFolder.create(out);
    const topK = Math.min(options.top ?? TOP_CLASSES, classNames.length);
    await results.append(CLASS_TABLE, classHeader(topK));
    return {
      add: (found, { file }) => results.append(CLASS_TABLE, classRow(file, found)),
      finish: () => results.finish(),
      discard: () => results.discard(),
    };
  },
});
