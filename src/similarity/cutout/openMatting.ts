import { expectArguments, GPU } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { isOnnx } from '../../io/otherFormats.ts';
import { openModel } from '../../open/index.ts';
import { expectOptions } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { expectImage } from './matte.ts';
import { type MattingNetwork, matteBy, type OpenedNetwork } from './mattingNetwork.ts';
import type { MattingOptions } from './mattingOptions.ts';

/** A matting network of a file. */
export interface OpenedMatting extends MattingNetwork {
  /** What it is and how images are prepared for it, in one line. */
  readonly description: string;
  /** Frees device buffers. */
  dispose(): void;
}

/** A `MattingNetwork` by its plan. */
function networkOf({ description, plan, dispose }: OpenedNetwork): OpenedMatting {
  return {
    description,
    matte(image) {
      expectImage('matte', 'image', image);
      return matteBy(plan, image);
    },
    dispose,
  };
}

/**
 * Opens a network that tells foreground from background, told by the content of its file:
 *
 * - a segmenter of Fovea (`fovea train --task segment`, `mattingTask`) or torchvision: alpha is the probability of its classes but the
 *   background. Of torchvision's, images are shown with a shorter side of 520, unless the longer one would then be enlarged beyond 8 times that;
 * - an ONNX network such as U2-Net or IS-Net, run as rembg does: the image is stretched to its size by Pillow's Lanczos filter,
 *   divided by its largest value and normalised; of its outputs the first counts, [1,1,H,W], stretched so that the least score becomes 0 and the
 *   largest 1, and resized by the Lanczos filter. Of an output with several classes, [1,K,H,W], alpha is the probability of all but the first.
 *
 * @param gpu Where it runs.
 * @param bytes The file.
 * @param options Its name, the size of images and tiles, and how images are normalised.
 * @throws UsageError for options that cannot be used; DataError for files that cannot be read, or have no map of the image.
 */
export async function openMatting(
  gpu: Gpu,
  bytes: Uint8Array,
  options: MattingOptions = {},
): Promise<OpenedMatting> {
  const call = 'openMatting';
  expectArguments(call, { gpu, bytes }, { gpu: GPU, bytes: 'bytes' });
  expectOptions(call, options, [
    'name',
    'names',
    'arch',
    'externalData',
    'maxSide',
    'tile',
    'classes',
    'normalize',
  ]);
  const { name = 'model', maxSide, tile, classes, normalize, ...open } = options;
  for (const [option, value, least] of [
    ['maxSide', maxSide, 1],
    ['tile', tile, 32],
  ] as const) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    throw new UsageError(
      `${call}: ${option} is ${value}; give a whole number of pixels of at least ${least}`,
    );
  }
  if (classes !== undefined) expectArguments(call, { classes }, { classes: ['text'] });
  if (isOnnx(bytes)) {
    const stray = Object.entries({ tile, classes }).find(([, value]) => value !== undefined);
    if (stray) throw new UsageError(`${call}: ${stray[0]} is not for ONNX networks; leave it out`);
    checkNormalize(normalize);
    const { openOnnxMatting } = await import('./onnxMatting.ts');
    return networkOf(openOnnxMatting(gpu, bytes, name, options));
  }
  if (normalize !== undefined) {
    throw new UsageError(`${call}: normalize is for ONNX networks; leave it out`);
  }
  const { trained } = await openModel(bytes, { name, ...open });
  const { openOwnMatting } = await import('./ownMatting.ts');
  return networkOf(openOwnMatting(gpu, trained!, name, options));
}

function checkNormalize(normalize: MattingOptions['normalize']): void {
  if (normalize === undefined || ['imagenet', 'isnet', 'none'].includes(normalize as string)) return;
  if (typeof normalize === 'string') {
    throw new UsageError(
      `openMatting: normalize is ${JSON.stringify(normalize)}; choose imagenet, isnet, none`,
    );
  }
  const three = { mean: 'values', std: 'values' } as const;
  expectArguments('openMatting', { normalize }, { normalize: three });
  const { mean, std } = normalize;
  if (mean.length === 3 && std.length === 3 && std.every((value) => value > 0)) return;
  throw new UsageError('openMatting: normalize: give three means, and three deviations above 0');
}
