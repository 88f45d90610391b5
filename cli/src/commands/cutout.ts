import { UsageError } from 'fovea';
import { loadCutoutImage } from '../cutoutFile.ts';
import { CutoutPage } from '../cutoutPage.ts';
import {
  type CutoutChoice,
  type CutoutFiles,
  cutoutFile,
  expectCutoutOptions,
  openCutter,
  readCutoutModels,
} from '../cutter.ts';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { printable } from '../printable.ts';
import { expectOtherFolder, ResultFolder } from '../resultFolder.ts';

export interface CutoutOptions extends CutoutFiles, CutoutChoice {
  readonly out: string;
  /** A page of the images and their cut-outs. */
  readonly report?: string;
  readonly recursive?: boolean;
  readonly reportBad?: string;
  readonly adapter?: string;
}

/** fovea cutout: images without their background, as files of their own size. */
export async function cutoutCommand(images: readonly string[], options: CutoutOptions): Promise<void> {
  const { model, detector, out, reportBad, report } = options;
  expectCutoutOptions(options);
  if (report !== undefined && !/\.html?$/i.test(report)) {
    throw new UsageError(`cutout: ${report}: a report is a page; call it .html`);
  }
  const models = await readCutoutModels(options);
  const inputs = await imageInputs(images, { ...options, stored: true });
  await expectOtherFolder(inputs, out);
  await expectNoInput([reportBad, report], [model, detector, ...inputs.map(({ file }) => file)]);
  for (const file of [reportBad, report]) if (file !== undefined) await checkOutputFile(file);
  await withGpu(options.adapter, async (gpu) => {
    const cutter = await openCutter(gpu, models, options);
    process.stderr.write(`${printable(model)}: ${printable(cutter.description)}\n`);
    const results = await ResultFolder.create(out);
    const page = report === undefined ? undefined : new CutoutPage();
    await runImages(inputs, reportBad === undefined ? {} : { reportBad }, {
      load: loadCutoutImage,
      predict: (image) => cutter.cut(image),
      async write(cut, image, { file, name }) {
        await results.write(...(await cutoutFile(cut, image, name, options)));
        await page?.add(file, image.pixels, { ...image.pixels, data: cut.data }, cut.summary);
        return cut.summary;
      },
      async finish() {
        await results.finish();
        if (!page) return;
        await page.write(report!, { model, out, config: shownOptions(options) });
        process.stdout.write(`look at ${printable(report!)}\n`);
      },
      discard: () => results.discard(),
    });
    cutter.dispose();
  });
}

/** Options that say nothing of what cut-outs look like. */
const NOT_SHOWN = ['out', 'report', 'reportBad', 'recursive', 'adapter'];

/** The other options, for the page. */
const shownOptions = (options: CutoutOptions): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !NOT_SHOWN.includes(name)));
