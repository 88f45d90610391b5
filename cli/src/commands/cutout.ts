import { DataError, type ObjectDetector, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import type { OpenedModel } from 'fovea/open';
import { composite, cutOut, estimateMatte, openMatting, type Rgba, type RgbPixels } from 'fovea/similarity';
import type { Box } from 'fovea/vision';
import { counted } from '../counted.ts';
import { type CutoutFormat, encodeCutout, loadCutoutImage } from '../cutoutFile.ts';
import { CutoutPage } from '../cutoutPage.ts';
import { defined } from '../defined.ts';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { besides, expectFormat, readModel } from '../modelFiles.ts';
import { printable } from '../printable.ts';
import { expectOtherFolder, ResultFolder } from '../resultFolder.ts';
import { WEBP_MOST } from '../webpFile.ts';

export interface CutoutOptions {
  readonly model: string;
  readonly out: string;
  readonly detector?: string;
  readonly detectorWeights?: string;
  readonly detectorNames?: string;
  readonly detectorClasses?: readonly string[];
  readonly threshold?: number;
  readonly padding?: number;
  readonly classes?: readonly string[];
  readonly maxSide?: number;
  readonly tile?: number;
  readonly normalize?: 'imagenet' | 'isnet' | 'none';
  readonly alphaMatting?: boolean;
  readonly alphaMattingForegroundThreshold?: number;
  readonly alphaMattingBackgroundThreshold?: number;
  readonly alphaMattingErodeSize?: number;
  readonly onlyMask?: boolean;
  readonly postProcessMask?: boolean;
  readonly bgcolor?: Rgba;
  readonly keepColors?: boolean;
  /** Default png. */
  readonly format?: CutoutFormat;
  /** A page of the images and their cut-outs. */
  readonly report?: string;
  readonly recursive?: boolean;
  readonly reportBad?: string;
  readonly adapter?: string;
}

/** The thresholds of alpha matting, where it is asked for. Throws UsageError for thresholds without it. */
function alphaMattingOf(options: CutoutOptions) {
  const thresholds = {
    foregroundThreshold: options.alphaMattingForegroundThreshold,
    backgroundThreshold: options.alphaMattingBackgroundThreshold,
    erodeSize: options.alphaMattingErodeSize,
  };
  const given = Object.entries(thresholds).filter(([, value]) => value !== undefined);
  if (options.alphaMatting) return Object.fromEntries(given);
  if (given.length === 0) return false;
  throw new UsageError('--alpha-matting-… options are for --alpha-matting; give it too, or leave them out');
}

/** Options that need --detector. */
const FOR_DETECTORS = [
  ['detectorWeights', '--detector-weights'],
  ['detectorNames', '--detector-names'],
  ['detectorClasses', '--detector-classes'],
  ['threshold', '--threshold'],
  ['padding', '--padding'],
] as const;

/** Reads the model of --detector. */
const readProposer = (file: string, options: CutoutOptions): Promise<OpenedModel> =>
  readModel(file, defined({ weights: options.detectorWeights, names: options.detectorNames })).catch(
    (error) => {
      // Of other commands, these options are the model's.
      if (error instanceof Error)
        error.message = error.message.replace(/--(?=weights|names)/g, '--detector-');
      throw error;
    },
  );

/** Finds the boxes of objects of some classes, in an image of bytes. Throws UsageError for classes that a detector does not have. */
export function boxesBy(
  detector: ObjectDetector,
  file: string,
  {
    classes,
    scoreThreshold,
  }: { readonly classes: readonly string[] | undefined; readonly scoreThreshold: number },
): (pixels: RgbPixels) => Promise<Box[]> {
  const unknown = classes?.find((wanted) => !detector.classNames.includes(wanted));
  if (unknown !== undefined) {
    const { classNames } = detector;
    const numbers = classNames.every((name, i) => name === String(i));
    throw new UsageError(
      numbers
        ? `${file}: has no class ${unknown}, as its classes are called 0 to ${classNames.length - 1}; give numbers, or their names in a file (--detector-names)`
        : `${file}: has no class ${unknown}; there are ${classNames.join(', ')}`,
    );
  }
  return async ({ width, height, data }) => {
    const values = Float32Array.from(data, (value) => value / 255);
    const found = await detector.detect({ width, height, channels: 3, data: values }, { scoreThreshold });
    return found.filter(({ label }) => classes?.includes(label) ?? true).map(({ box }) => box);
  };
}

/** fovea cutout: images without their background, as files of their own size. */
export async function cutoutCommand(images: readonly string[], options: CutoutOptions): Promise<void> {
  const { model, detector: proposer, out, reportBad, bgcolor, onlyMask, padding = 0.1 } = options;
  const { format = 'png', report } = options;
  const alphaMatting = alphaMattingOf(options);
  if (bgcolor && onlyMask) {
    throw new UsageError('--bgcolor is not for --only-mask, which has no colours; leave out one of the two');
  }
  if (report !== undefined && !/\.html?$/i.test(report)) {
    throw new UsageError(`cutout: ${report}: a report is a page; call it .html`);
  }
  for (const [name, flag] of FOR_DETECTORS) {
    if (options[name] !== undefined && proposer === undefined) {
      throw new UsageError(`${flag} is for --detector; give one, or leave it out`);
    }
  }
  const proposes = proposer === undefined ? undefined : await readProposer(proposer, options);
  const bytes = await readFileBytes(model);
  expectFormat(bytes, model, {
    'darknet-cfg': () =>
      'is a Darknet network, which finds objects and has no matte of their pixels; give it as --detector, and a segmentation model as --model',
  });
  const inputs = await imageInputs(images, options);
  await expectOtherFolder(inputs, out);
  await expectNoInput([reportBad, report], [model, proposer, ...inputs.map(({ file }) => file)]);
  for (const file of [reportBad, report]) if (file !== undefined) await checkOutputFile(file);
  await withGpu(options.adapter, async (gpu) => {
    const { maxSide, tile, classes, normalize } = options;
    const network = await openMatting(gpu, bytes, {
      name: model,
      externalData: besides(model),
      ...(maxSide === undefined ? {} : { maxSide }),
      ...(tile === undefined ? {} : { tile }),
      ...(classes ? { classes } : {}),
      ...(normalize ? { normalize } : {}),
    });
    process.stderr.write(`${printable(model)}: ${printable(network.description)}\n`);
    const detector: ObjectDetector | undefined = proposes?.detector(gpu, { name: proposer! });
    const findBoxes =
      detector &&
      boxesBy(detector, proposer!, {
        classes: options.detectorClasses,
        scoreThreshold: options.threshold ?? Math.max(0.3, proposes?.leastScore ?? 0),
      });
    const results = await ResultFolder.create(out);
    const page = report === undefined ? undefined : new CutoutPage();
    await runImages(inputs, reportBad === undefined ? {} : { reportBad }, {
      load: loadCutoutImage,
      async predict(image) {
        const { pixels, opacity } = image;
        if (format === 'webp' && Math.max(pixels.width, pixels.height) > WEBP_MOST) {
          throw new DataError(
            `has ${pixels.width}x${pixels.height} pixels, and a WebP file at most ${WEBP_MOST} a side; write PNG files`,
          );
        }
        const boxes = await findBoxes?.(pixels);
        const refine = {
          alphaMatting,
          postProcessMask: options.postProcessMask ?? false,
          ...(boxes ? { boxes, padding } : {}),
        };
        const found = boxes
          ? `${boxes.length === 0 ? 'nothing found' : counted(boxes.length, 'object')}, `
          : '';
        if (onlyMask) {
          const { data } = await estimateMatte(pixels, network, refine);
          const seen = opacity ? data.map((alpha, i) => alpha * opacity.data[i]!) : data;
          const mask = Uint8ClampedArray.from(seen, (alpha) => 255 * alpha);
          return { data: mask, summary: `${found}${shareOf(seen)}` };
        }
        const colors = options.keepColors ? 'keep' : 'estimate';
        const cut = await cutOut(gpu, pixels, network, { ...refine, colors, opacity });
        const { data } = bgcolor ? composite(cut, bgcolor) : cut;
        return { data, summary: `${found}${shareOf(cut.matte.data)}` };
      },
      async write({ data, summary }, image, { file, name }) {
        await results.write(`${name}.${format}`, await encodeCutout(data, image, format));
        await page?.add(file, image.pixels, { ...image.pixels, data }, summary);
        return summary;
      },
      async finish() {
        await results.finish();
        if (!page) return;
        await page.write(report!, { model, out, config: shownOptions(options) });
        process.stdout.write(`look at ${printable(report!)}\n`);
      },
      discard: () => results.discard(),
    });
    network.dispose();
    detector?.dispose();
  });
}

/** Options that say nothing of what cut-outs look like. */
const NOT_SHOWN = ['out', 'report', 'reportBad', 'recursive', 'adapter'];

/** The other options, for the page. */
const shownOptions = (options: CutoutOptions): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !NOT_SHOWN.includes(name)));

/** `37 % foreground`. */
function shareOf(alpha: Float32Array): string {
  const share = (100 * alpha.reduce((sum, value) => sum + value, 0)) / alpha.length;
  return `${share.toFixed(share < 10 ? 1 : 0)} % foreground`;
}
