import { type FloatImage, resizeImage } from '../data/image.ts';
import type { Normalization } from '../models/preprocess.ts';
import { type Prepared, prepareImage, stretched } from '../tasks/prepare.ts';
import type { CropPreprocessing, Preprocessing } from '../tasks/preprocessing.ts';

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

/** A part of the network's input with the image, at (left, top), on a plain ground. */
function placed(
  { data, width, height }: FloatImage,
  [H, W]: readonly [number, number],
  { left, top, ground, image }: { left: number; top: number; ground: number; image: FloatImage },
): Prepared {
  const whole = new Float32Array(H * W * 3).fill(ground);
  for (let y = 0; y < height; y++) {
    whole.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((y + top) * W + left) * 3);
  }
  const [scaleX, scaleY] = [width / image.width, height / image.height];
  return { data: whole, height: H, width: W, scaleX, scaleY, offsetX: left, offsetY: top };
}

/** Prepares an image for a model. */
export function preparedFor(image: FloatImage, fit: OnnxFit): Prepared {
  const { width, height } = image;
  const resized = (size: readonly [number, number]) =>
    placed(resizeImage(image, size), size, { left: 0, top: 0, ground: 0, image });
  if (fit.kind === 'native') return placed(image, [height, width], { left: 0, top: 0, ground: 0, image });
  if (fit.kind === 'shorter') {
    return prepareImage(image, { minSide: fit.side }, 1);
  }
  if (fit.kind === 'crop') return prepareImage(image, fit.crop, 1);
  const [H, W] = fit.size;
  if (fit.kind === 'stretch') return resized(fit.size);
  if (fit.kind === 'own') {
    if ('size' in fit.own || 'cropSize' in fit.own) return prepareImage(image, fit.own, 1);
    const most = 'maxSide' in fit.own ? fit.own.maxSide / Math.max(width, height) : 1;
    const scale = Math.min(1, most, W / width, H / height);
    const size = [height, width].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
    const small = scale < 1 ? resizeImage(image, size) : image;
    return placed(small, fit.size, { left: 0, top: 0, ground: 0.5, image });
  }
  const scale = Math.min(H / height, W / width);
  const [h, w] = [Math.round(height * scale), Math.round(width * scale)];
  const small = h === height && w === width ? image.data : stretched(image, { width: w, height: h });
  const [left, top] = [Math.round((W - w) / 2 - 0.1), Math.round((H - h) / 2 - 0.1)];
  const there = { data: small, width: w, height: h, channels: 3 as const };
  // Boxes are divided by the one scale, not by that of the rounded sides.
  return {
    ...placed(there, fit.size, { left, top, ground: 114 / 255, image }),
    scaleX: scale,
    scaleY: scale,
  };
}

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
