/** Cutting images out: what is asked for, what computes it, and the files that come of it. */
import { DataError, type Gpu, type ObjectDetector, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import type { OpenedModel } from 'fovea/open';
import { composite, cutOut, estimateMatte, openMatting, type Rgba, type RgbPixels } from 'fovea/similarity';
import type { Box } from 'fovea/vision';
import { counted } from './counted.ts';
import { type CutoutFormat, type CutoutImage, encodeCutout } from './cutoutFile.ts';
import { defined } from './defined.ts';
import { besides, expectFormat, readModel } from './modelFiles.ts';
import { WEBP_MOST } from './webpFile.ts';

/** The files of what computes. */
export interface CutoutFiles {
  readonly model: string;
  readonly detector?: string;
  readonly detectorWeights?: string;
  readonly detectorNames?: string;
  /** Called with each file beside the detector that it names. */
  readonly onBeside?: (file: string) => void;
}

/** What cut-outs look like. */
export interface CutoutChoice {
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
}

/** The thresholds of alpha matting, where it is asked for. Throws UsageError for thresholds without it. */
function alphaMattingOf(options: CutoutChoice) {
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
const readProposer = (file: string, options: Omit<CutoutFiles, 'model'>): Promise<OpenedModel> =>
  readModel(
    file,
    defined({ weights: options.detectorWeights, names: options.detectorNames, onBeside: options.onBeside }),
  ).catch((error) => {
    // Of other commands, these options are the model's.
    if (error instanceof Error) error.message = error.message.replace(/--(?=weights|names)/g, '--detector-');
    throw error;
  });

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

/** Throws UsageError for options that do not go together. */
export function expectCutoutOptions(options: CutoutFiles & CutoutChoice): void {
  alphaMattingOf(options);
  if (options.bgcolor && options.onlyMask) {
    throw new UsageError('--bgcolor is not for --only-mask, which has no colours; leave out one of the two');
  }
  for (const [name, flag] of FOR_DETECTORS) {
    if (options[name] !== undefined && options.detector === undefined) {
      throw new UsageError(`${flag} is for --detector; give one, or leave it out`);
    }
  }
}

/** The models, before there is a device. */
export interface CutoutModels {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly proposer?: { readonly file: string; readonly opened: OpenedModel };
}

/** Reads the models. Throws DataError for those that cannot be used. */
export async function readCutoutModels(files: CutoutFiles): Promise<CutoutModels> {
  const { model, detector } = files;
  const proposer =
    detector === undefined ? undefined : { file: detector, opened: await readProposer(detector, files) };
  const bytes = await readFileBytes(model);
  expectFormat(bytes, model, {
    'darknet-cfg': () =>
      'is a Darknet network, which finds objects and has no matte of their pixels; give it as --detector, and a segmentation model as --model',
  });
  return { file: model, bytes, ...(proposer ? { proposer } : {}) };
}

/** What is cut out of an image. */
export interface Cut {
  /** Grey or RGBA, of the size of the image. */
  readonly data: Uint8ClampedArray | Uint8Array;
  /** A few words on it. */
  readonly summary: string;
}

/** Cuts images out. */
export interface Cutter {
  /** What the model is, in one line. */
  readonly description: string;
  /** Throws DataError for an image that the format cannot hold. */
  cut(image: CutoutImage): Promise<Cut>;
  dispose(): void;
}

/** Opens the models on a device. Throws UsageError for options that they cannot follow. */
export async function openCutter(gpu: Gpu, models: CutoutModels, options: CutoutChoice): Promise<Cutter> {
  const { maxSide, tile, classes, normalize, bgcolor, onlyMask, padding = 0.1, format } = options;
  const alphaMatting = alphaMattingOf(options);
  const { file, bytes, proposer } = models;
  const network = await openMatting(gpu, bytes, {
    name: file,
    externalData: besides(file),
    ...(maxSide === undefined ? {} : { maxSide }),
    ...(tile === undefined ? {} : { tile }),
    ...(classes ? { classes } : {}),
    ...(normalize ? { normalize } : {}),
  });
  const detector: ObjectDetector | undefined = proposer?.opened.detector(gpu, { name: proposer.file });
  const findBoxes =
    detector &&
    boxesBy(detector, proposer!.file, {
      classes: options.detectorClasses,
      scoreThreshold: options.threshold ?? Math.max(0.3, proposer!.opened.leastScore ?? 0),
    });
  return {
    description: network.description,
    async cut({ pixels, opacity }) {
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
    dispose() {
      network.dispose();
      detector?.dispose();
    },
  };
}

/** The file of what was cut out of an image: its name in the folder of results, and its bytes. */
export async function cutoutFile(
  { data }: Cut,
  image: CutoutImage,
  name: string,
  { format = 'png' }: Pick<CutoutChoice, 'format'>,
): Promise<readonly [name: string, content: Uint8Array]> {
  return [`${name}.${format}`, await encodeCutout(data, image, format)];
}

/** `37 % foreground`. */
function shareOf(alpha: Float32Array): string {
  const share = (100 * alpha.reduce((sum, value) => sum + value, 0)) / alpha.length;
  return `${share.toFixed(share < 10 ? 1 : 0)} % foreground`;
}
