import { expectArguments, GPU } from '../../arguments.ts';
import type { RgbaImage } from '../../draw/painter.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { Box } from '../../vision/boxes.ts';
import { closedFormMatte } from './closedForm.ts';
import { estimateForeground } from './foreground.ts';
import { expectImage, expectMatte, type Matte, type RgbPixels, unitOf } from './matte.ts';
import { matteInBoxes } from './matteInBoxes.ts';
import type { MattingNetwork } from './mattingNetwork.ts';
import { postProcessMask } from './postProcess.ts';
import { type TrimapOptions, trimapOf, trimapOptions } from './trimap.ts';

/** How the matte of a network becomes that of a cut-out. */
export interface RefineOptions {
  /** Boxes of objects, of which each is refined by itself: see `matteInBoxes`. Default: the whole image at once. */
  readonly boxes?: readonly Box[] | undefined;
  /** What is added to each box on every side, as a share of its own. Default 0.1. */
  readonly padding?: number;
  /** Whether the matte is made a smooth mask of 0 and 1: see `postProcessMask`. Default false. */
  readonly postProcessMask?: boolean;
  /** Whether what the network is not sure of is solved again from the colours: `trimapOf`, and `closedFormMatte`. Thresholds, or true for rembg's. Default false. */
  readonly alphaMatting?: boolean | TrimapOptions;
}

/** Options of `cutOut`. */
export interface CutOutOptions extends RefineOptions {
  /** How opaque the image is itself: alpha is multiplied by it. Default: wholly. */
  readonly opacity?: Matte | undefined;
  /**
   * `estimate`: soft edges get the colours of the foreground alone (`estimateForeground`), so that nothing of the old background shows on a new one. `keep`:
   * the colours of the image; black where alpha is 0. Default `estimate`.
   */
  readonly colors?: 'estimate' | 'keep';
}

/** An image without its background. */
export interface CutOut extends RgbaImage {
  /** Alpha before it was rounded to bytes. */
  readonly matte: Matte;
}

const REFINE = {
  boxes: undefined,
  padding: 0.1,
  postProcessMask: false,
  alphaMatting: false,
} as const;

/**
 * Estimates the matte of an image as `cutOut` does: by a network, on the whole image or in boxes; then post-processed, and refined by alpha matting,
 * where that is asked for, in this order as rembg has it.
 *
 * @param image The image.
 * @param network What estimates mattes, such as `openMatting` gives.
 * @param options Boxes, post-processing and alpha matting.
 */
export async function estimateMatte(
  image: RgbPixels,
  network: MattingNetwork,
  options: RefineOptions = {},
): Promise<Matte> {
  const call = 'estimateMatte';
  const { boxes, padding, alphaMatting, ...more } = withDefaults(call, options, REFINE);
  expectImage(call, 'image', image);
  expectArguments(call, { network }, { network: { matte: 'function' } });
  const thresholds = typeof alphaMatting === 'object' ? trimapOptions(call, alphaMatting) : {};
  const found = boxes ? await matteInBoxes(image, boxes, network, { padding }) : await network.matte(image);
  expectMatte(call, 'the matte of the network', found, image);
  const matte = more.postProcessMask ? postProcessMask(found) : found;
  return alphaMatting ? closedFormMatte(image, trimapOf(matte, thresholds), { start: matte }) : matte;
}

const multiplied = ({ width, height, data }: Matte, by: Matte): Matte => ({
  width,
  height,
  data: data.map((alpha, i) => alpha * by.data[i]!),
});

/** The colours of an image as bytes; black where alpha is 0. */
function keptColors(image: RgbPixels, matte: Matte): Uint8ClampedArray {
  const factor = unitOf(image) * 255;
  const data = new Uint8ClampedArray(image.data.length);
  for (let i = 0; i < matte.data.length; i++) {
    if (matte.data[i] === 0) continue;
    for (let c = 3 * i; c < 3 * i + 3; c++) data[c] = image.data[c]! * factor;
  }
  return data;
}

/**
 * Removes the background of an image: `estimateMatte`, and the colours of the foreground. Laid over its old background (`composite`), the cut-out
 * is the image again where alpha is 1, to the byte, and nearly so at soft edges.
 *
 * @param gpu Where colours are estimated.
 * @param image The image.
 * @param network What estimates mattes, such as `openMatting` gives.
 * @param options Boxes, post-processing, alpha matting, and colours.
 * @returns Bytes of red, green, blue and alpha (not premultiplied), as large as the image: `new ImageData(data, width, height)` shows them in a page.
 * @throws UsageError for options that cannot be used; ShapeError for an opacity of another size.
 */
export async function cutOut(
  gpu: Gpu,
  image: RgbPixels,
  network: MattingNetwork,
  options: CutOutOptions = {},
): Promise<CutOut> {
  const call = 'cutOut';
  expectArguments(call, { gpu, network }, { gpu: GPU, network: { matte: 'function' } });
  expectImage(call, 'image', image);
  const { opacity, colors, ...refine } = withDefaults(call, options, {
    ...REFINE,
    opacity: undefined,
    colors: 'estimate',
  });
  expectOneOf(call, 'colors', colors, ['estimate', 'keep']);
  if (opacity) expectMatte(call, 'opacity', opacity, image);
  const own = await estimateMatte(image, network, refine);
  const matte = opacity ? multiplied(own, opacity) : own;
  const rgb = colors === 'estimate' ? await estimateForeground(gpu, image, matte) : keptColors(image, matte);
  const { width, height } = image;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, from = 0; i < data.length; i += 4, from += 3) {
    for (let c = 0; c < 3; c++) data[i + c] = rgb[from + c]!;
    data[i + 3] = matte.data[i >> 2]! * 255;
  }
  return { width, height, data, matte };
}
