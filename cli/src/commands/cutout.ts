import { type ObjectDetector, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import { composite, cutOut, estimateMatte, openMatting, type Rgba } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { encodeCutout, loadCutoutImage } from '../cutoutFile.ts';
import { checkOutputFile } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { besides, readModel } from '../modelFiles.ts';
import { printable } from '../printable.ts';
import { ResultFolder } from '../resultFolder.ts';

export interface CutoutOptions {
  readonly model: string;
  readonly out: string;
  readonly detector?: string;
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

/** fovea cutout: images without their background, as PNG files of their own size. */
export async function cutoutCommand(images: readonly string[], options: CutoutOptions): Promise<void> {
  const { model, detector: proposer, out, reportBad, bgcolor, onlyMask, padding = 0.1 } = options;
  const alphaMatting = alphaMattingOf(options);
  if (bgcolor && onlyMask) {
    throw new UsageError('--bgcolor is not for --only-mask, which has no colours; leave out one of the two');
  }
  for (const name of ['threshold', 'padding'] as const) {
    if (options[name] !== undefined && proposer === undefined) {
      throw new UsageError(`--${name} is for --detector; give one, or leave it out`);
    }
  }
  const proposes = proposer === undefined ? undefined : await readModel(proposer);
  const bytes = await readFileBytes(model);
  const inputs = await imageInputs(images, options);
  if (reportBad !== undefined) await checkOutputFile(reportBad);
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
    const scoreThreshold = options.threshold ?? Math.max(0.3, proposes?.leastScore ?? 0);
    const results = await ResultFolder.create(out);
    await runImages(inputs, reportBad === undefined ? {} : { reportBad }, {
      load: loadCutoutImage,
      async predict(image) {
        const { pixels, opacity } = image;
        const boxes = await detector
          ?.detect(
            {
              width: pixels.width,
              height: pixels.height,
              channels: 3,
              data: Float32Array.from(pixels.data, (value) => value / 255),
            },
            { scoreThreshold },
          )
          .then((found) => found.map(({ box }) => box));
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
          const mask = Uint8ClampedArray.from(data, (alpha, i) => 255 * alpha * (opacity?.data[i] ?? 1));
          return { data: mask, summary: `${found}${shareOf(data)}` };
        }
        const colors = options.keepColors ? 'keep' : 'estimate';
        const cut = await cutOut(gpu, pixels, network, { ...refine, colors, opacity });
        const { data } = bgcolor ? composite(cut, bgcolor) : cut;
        return { data, summary: `${found}${shareOf(cut.matte.data)}` };
      },
      async write({ data, summary }, image, { name }) {
        await results.write(`${name}.png`, await encodeCutout(data, image));
        return summary;
      },
      finish: () => results.finish(),
      discard: () => results.discard(),
    });
    network.dispose();
    detector?.dispose();
  });
}

/** `37 % foreground`. */
function shareOf(alpha: Float32Array): string {
  const share = (100 * alpha.reduce((sum, value) => sum + value, 0)) / alpha.length;
  return `${share.toFixed(share < 10 ? 1 : 0)} % foreground`;
}
