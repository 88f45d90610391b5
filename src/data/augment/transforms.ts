import { checkTransform } from './check.ts';
import type { Transform, TransformName, TransformParameters } from './parameters.ts';

/** A transform of its name and parameters, which are checked. */
function named<N extends TransformName>(name: N, parameters: TransformParameters[N]): Transform<N> {
  const transform = { name, ...parameters };
  checkTransform(name, transform);
  return transform;
}

/**
 * Mirrors crops.
 *
 * @param parameters `horizontal` (left and right) and `vertical` (top and bottom): probabilities. Default 0.5 and 0.
 * @throws UsageError for unknown parameters and impossible values, as all functions of transforms do.
 */
export const flip = (parameters: TransformParameters['flip'] = {}): Transform<'flip'> =>
  named('flip', parameters);

/**
 * Rotates by 0, 90, 180 or 270 degrees, equally likely; no pixel is blurred.
 *
 * @param parameters `p`: the probability. Default 1.
 */
export const rotate90 = (parameters: TransformParameters['rotate90'] = {}): Transform<'rotate90'> =>
  named('rotate90', parameters);

/**
 * Rotates about the middle of the crop, as torchvision's `RandomRotation`. What comes into the crop's corners is read from the image.
 *
 * @param parameters `degrees`: drawn from [-degrees, degrees], or from [least, most], counter-clockwise. Default 10. `p`. Default 1.
 */
export const rotate = (parameters: TransformParameters['rotate'] = {}): Transform<'rotate'> =>
  named('rotate', parameters);

/**
 * Rotates, scales, shears and moves, as torchvision's `RandomAffine`.
 *
 * @param parameters `degrees` as of `rotate`, default 0; `scale` as of `zoom`, default [1, 1]; `shear` in degrees along x: drawn from
 * [-shear, shear] or [least, most], or [least, most, least y, most y] along both axes, default 0; `translate`: the largest shift as
 * fractions of the crop's width and height, default [0, 0]; `p`, default 1.
 */
export const affine = (parameters: TransformParameters['affine'] = {}): Transform<'affine'> =>
  named('affine', parameters);

/**
 * Looks at the image from another side, as torchvision's `RandomPerspective`: each corner of the crop moves inwards.
 *
 * @param parameters `distortionScale`: the largest shift of a corner as a fraction of half the width and half the height, 0..1. Default
 * 0.5. `p`. Default 1.
 */
export const perspective = (parameters: TransformParameters['perspective'] = {}): Transform<'perspective'> =>
  named('perspective', parameters);

/**
 * Scales.
 *
 * @param parameters `scale`: pixels of the crop per pixel of the image, drawn from [smallest, largest]. Default [0.75, 1.33]. `p`.
 * Default 1.
 */
export const zoom = (parameters: TransformParameters['zoom'] = {}): Transform<'zoom'> =>
  named('zoom', parameters);

/**
 * Scales the image to the size of the crop; a `zoom` is then relative to that.
 *
 * @param parameters `fit`: `cover` (default: the crop is full, and the image may reach out of it), `contain` (the whole image is to be
 * seen), `fill` (both, by scaling the sides by different factors).
 */
export const resize = (parameters: TransformParameters['resize'] = {}): Transform<'resize'> =>
  named('resize', parameters);

/**
 * Places the crop in the image, as torchvision's `RandomCrop`. Every list has one; where it is left out, it is the last.
 *
 * At scale 1 the window is at whole pixels, so that nothing is blurred. If the window is larger than the image along an axis, the image
 * lies anywhere within it and the rest is `fill`.
 *
 * @param parameters `position`: `random` (default) or `center`. `fill`: value of the pixels outside of the image, 0..1. Default 0.5.
 */
export const crop = (parameters: TransformParameters['crop'] = {}): Transform<'crop'> =>
  named('crop', parameters);

/**
 * Cuts out a window of random area and shape and scales it to the crop, as torchvision's `RandomResizedCrop`; instead of `crop`.
 *
 * @param parameters `scale`: area of the window as a fraction of the image's. Default [0.08, 1]. `ratio`: its width by its height, drawn
 * uniformly in the logarithm. Default [3/4, 4/3]. `fill` as of `crop`.
 */
export const randomResizedCrop = (
  parameters: TransformParameters['randomResizedCrop'] = {},
): Transform<'randomResizedCrop'> => named('randomResizedCrop', parameters);

/**
 * Changes colours, as torchvision's `ColorJitter`, in this order: brightness, contrast (about the mean luminance of the crop), saturation
 * (about the luminance of the pixel), hue; each clipped to 0..1. Padding is changed too.
 *
 * @param parameters `brightness`, `contrast`, `saturation`: strength s, 0..1, for a factor drawn from [1 - s, 1 + s], or [least, most]
 * factors. Default 0. `hue`: drawn from [-hue, hue], at most 0.5, which is half the circle of colours, or from [least, most]. Default
 * 0. `p`. Default 1.
 */
export const colorJitter = (parameters: TransformParameters['colorJitter'] = {}): Transform<'colorJitter'> =>
  named('colorJitter', parameters);

/**
 * Replaces the colours of a pixel by its luminance, as torchvision's `RandomGrayscale`.
 *
 * @param parameters `p`: the probability. Default 0.1.
 */
export const grayscale = (parameters: TransformParameters['grayscale'] = {}): Transform<'grayscale'> =>
  named('grayscale', parameters);

/**
 * Blurs by a Gaussian, as torchvision's `GaussianBlur`: over 3 sigma to each side, mirrored at the border.
 *
 * @param parameters `sigma`: standard deviation in pixels of the crop, a number or drawn from [smallest, largest]. Default [0.1, 2].
 * `p`. Default 1.
 */
export const blur = (parameters: TransformParameters['blur'] = {}): Transform<'blur'> =>
  named('blur', parameters);

/**
 * Adds Gaussian noise to each channel of each pixel, as torchvision's `GaussianNoise`, and clips to 0..1.
 *
 * @param parameters `sigma`: standard deviation, a number or drawn from [smallest, largest]; colours are in 0..1. Default 0.1. `p`.
 * Default 1.
 */
export const noise = (parameters: TransformParameters['noise'] = {}): Transform<'noise'> =>
  named('noise', parameters);

/**
 * Covers rectangles, as torchvision's `RandomErasing`. Labels stay as they are.
 *
 * @param parameters `count`: the number of rectangles. Default 1. `scale`: area of each as a fraction of the crop's. Default [0.02,
 * 0.33]. `ratio`: width by height. Default [0.3, 3.3]. `fill`: value, 0..1. Default 0.5. `p`. Default 1.
 */
export const cutout = (parameters: TransformParameters['cutout'] = {}): Transform<'cutout'> =>
  named('cutout', parameters);

/**
 * Puts four samples together around a point of the crop (Bochkovskiy et al. 2020, YOLOv4): a window of each, cut at random. All other
 * geometry acts on the whole. Only `BatchSource` has other samples to give.
 *
 * @param parameters `p`: the probability. Default 1.
 */
export const mosaic = (parameters: TransformParameters['mosaic'] = {}): Transform<'mosaic'> =>
  named('mosaic', parameters);

/**
 * Blends two images, after all else (Zhang et al. 2018, mixup): w times one and 1 - w times the other, w drawn from Beta(alpha, alpha).
 * Detectors get the objects of both; class labels are weighted as the images, see `mixBatch`; label maps cannot be mixed.
 *
 * @param parameters `alpha`, above 0. Default 1, as in torchvision. With 32, as Ultralytics trains detectors, w is about a half. `p`.
 * Default 1.
 */
export const mixUp = (parameters: TransformParameters['mixUp'] = {}): Transform<'mixUp'> =>
  named('mixUp', parameters);

/**
 * Pastes a rectangle of another crop at the same place, after all else (Yun et al. 2019, CutMix): its area is 1 - w of the crop's, w
 * drawn from Beta(alpha, alpha). Objects, masks and label maps are pasted with their pixels; class labels are weighted by area.
 *
 * @param parameters `alpha`, above 0. Default 1. `p`. Default 1.
 */
export const cutMix = (parameters: TransformParameters['cutMix'] = {}): Transform<'cutMix'> =>
  named('cutMix', parameters);
