import type { FloatImage } from '../data/image.ts';
import type { Normalization } from '../models/preprocess.ts';
import { type Fit, fitOf, placedFit, wholeFit } from '../tasks/fits.ts';
import { fittedImage, type Prepared } from '../tasks/prepare.ts';
import type { CropPreprocessing, Preprocessing } from '../tasks/preprocessing.ts';
import type { ImageSize } from '../vision/boxes.ts';

/** How images are brought to the size that an ONNX model takes. */
export type OnnxFit =
  /** As Ultralytics does it: as large as fits, in the middle of a grey image. */
  | { readonly kind: 'letterbox'; readonly size: readonly [number, number]; readonly own?: undefined }
  | { readonly kind: 'stretch'; readonly size: readonly [number, number]; readonly own?: undefined }
  /** The shorter side has this length, as in torchvision's presets of segmenters. */
  | { readonly kind: 'shorter'; readonly side: number; readonly own?: undefined }
  /** The middle of an image with a shorter side of a length, as in torchvision's presets of classifiers. */
  | { readonly kind: 'crop'; readonly crop: CropPreprocessing; readonly own?: undefined }
  | { readonly kind: 'native'; readonly own?: undefined }
  /** As the model that `fovea export` exported has it. */
  | { readonly kind: 'own'; readonly size: readonly [number, number]; readonly own: Preprocessing };

/** How an image of a size is brought into a model's input. */
export function onnxFitOf(image: ImageSize, fit: OnnxFit): Fit {
  const { width, height } = image;
  if (fit.kind === 'native') return wholeFit(image, image, 'none');
  if (fit.kind === 'shorter') return fitOf(image, { minSide: fit.side }, 1);
  if (fit.kind === 'crop') return fitOf(image, fit.crop, 1);
  const [H, W] = fit.size;
  const input = { width: W, height: H };
  if (fit.kind === 'stretch') return wholeFit(image, input, 'triangle');
  if (fit.kind === 'own') {
    if ('size' in fit.own || 'cropSize' in fit.own) return fitOf(image, fit.own, 1);
    const most = 'maxSide' in fit.own ? fit.own.maxSide / Math.max(width, height) : 1;
    const scale = Math.min(1, most, W / width, H / height);
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
    return placedFit(wholeFit(image, { width: w, height: h }, 'triangle'), input);
  }
  const scale = Math.min(H / height, W / width);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  const [left, top] = [Math.round((W - w) / 2 - 0.1), Math.round((H - h) / 2 - 0.1)];
  const whole = wholeFit(image, { width: w, height: h }, w === width && h === height ? 'none' : 'bytes');
  // Boxes are divided by the one scale, not by that of the rounded sides.
  return {
    ...placedFit(whole, input, { left, top, ground: 114 / 255 }),
    scaleX: scale,
    scaleY: scale,
  };
}

/** Prepares an image for a model. */
export const preparedFor = (image: FloatImage, fit: OnnxFit): Prepared =>
  fittedImage(image, onnxFitOf(image, fit));

/** The image as planes of red, green and blue [3,H,W], normalised. */
export function planarImage(
  { data, height, width }: Prepared,
  normalization: Normalization | undefined,
): Float32Array {
  const pixels = height * width;
  const planes = new Float32Array(3 * pixels);
  for (let c = 0; c < 3; c++) {
    const [mean, std] = normalization ? [normalization.mean[c]!, normalization.std[c]!] : [0, 1];
    for (let i = 0; i < pixels; i++) planes[c * pixels + i] = (data[3 * i + c]! - mean) / std;
  }
  return planes;
}
