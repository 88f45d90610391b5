import { IGNORE_INDEX } from '../data/cropTargets.ts';
import type { Batch, HostTensor } from '../data/loader.ts';
import type { Overlay, OverlayBox, OverlayMask } from '../draw/overlay.ts';
import type { RgbaImage } from '../draw/painter.ts';
import { colorAt } from '../draw/palette.ts';
import type { PlotPoint } from '../draw/points.ts';
import { ShapeError } from '../errors.ts';

/** How a batch is drawn. */
export interface BatchStyle {
  readonly classNames: readonly string[] | undefined;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Whether outlines are dashed: those of the truth. */
  readonly dashed: boolean;
}

/** The colour of what is not learned from. */
const IGNORED = '#8c959f';

export const nameOf = (classNames: readonly string[] | undefined, label: number): string =>
  classNames?.[label] ?? String(label);

/** The n-th image of a batch: [N, H, W, 3], or [N, H, W, 1] for grey ones. Values are clipped to what can be seen. */
export function imageOf(
  call: string,
  { data, shape }: HostTensor,
  n: number,
  { mean, std }: Pick<BatchStyle, 'mean' | 'std'>,
): RgbaImage {
  const [, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4 || (channels !== 3 && channels !== 1)) {
    throw new ShapeError(
      `${call}: images have shape [${shape}]; give [N, H, W, 3], or [N, H, W, 1] for grey ones`,
    );
  }
  const out = new Uint8ClampedArray(width * height * 4);
  const from = n * width * height * channels;
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      const value = data[from + i * channels + (channels === 3 ? c : 0)]!;
      out[4 * i + c] = 255 * (value * std[c % std.length]! + mean[c % mean.length]!);
    }
    out[4 * i + 3] = 255;
  }
  return { width, height, data: out };
}

/** The part of an array that belongs to the n-th image. */
function rowOf(
  { data, shape }: HostTensor,
  n: number,
): { readonly data: HostTensor['data']; readonly shape: readonly number[] } {
  const inner = shape.slice(1);
  const size = inner.reduce((a, b) => a * b, 1);
  return { data: data.subarray(n * size, (n + 1) * size), shape: inner };
}

/**
 * What the arrays of a batch, or what was predicted of it, say of the n-th image: `boxes` [N, G, 4] with `labels` [N, G], `scores` [N, G] and
 * `counts` (or `count`) [N]; `masks` [N, G, H, W]; `ignored` [N, K, 4]; `points` [N, P, 2] or [N, G, P, 2 or 3], without those that are 0 in
 * `visible` [N, P]; `labels` [N, H, W], the class of each pixel (0: the background), or [N], that of the image.
 */
export function overlayOf(
  call: string,
  batch: Batch,
  n: number,
  { classNames, dashed }: Pick<BatchStyle, 'classNames' | 'dashed'>,
): { readonly overlay: Overlay; readonly title: string | undefined } {
  const has = (name: string) => (batch[name] ? rowOf(batch[name], n) : undefined);
  const { boxes, labels, scores, masks, ignored } = {
    boxes: has('boxes'),
    labels: has('labels'),
    scores: has('scores'),
    masks: has('masks'),
    ignored: has('ignored'),
  };
  const points = has('points') ?? has('keypoints');
  const visible = has('visible')?.data;
  const overlay = {
    boxes: [] as OverlayBox[],
    masks: [] as OverlayMask[],
    points: points ? [{ points: pointsOf(points, visible), color: colorAt(5), dashed }] : [],
  };
  if (boxes) {
    if (boxes.shape.length !== 2 || boxes.shape[1] !== 4) {
      throw new ShapeError(`${call}: boxes have shape [${batch.boxes!.shape}]; give [N, G, 4]`);
    }
    const count = (has('counts') ?? has('count'))?.data[0] ?? boxes.shape[0]!;
    for (let g = 0; g < count; g++) {
      const label = labels?.data[g] ?? 0;
      if (label < 0) continue;
      const color = colorAt(label);
      const score = scores?.data[g];
      overlay.boxes.push({
        box: boxes.data.subarray(g * 4, g * 4 + 4),
        label: nameOf(classNames, label),
        color,
        dashed,
        ...(score === undefined ? {} : { score }),
      });
      if (masks) overlay.masks.push({ mask: rowOf(masks, g).data, color });
    }
  }
  if (ignored) {
    for (let k = 0; k < ignored.shape[0]!; k++) {
      const box = ignored.data.subarray(k * 4, k * 4 + 4);
      if (box[2]! > box[0]!) overlay.boxes.push({ box, color: IGNORED, dashed: true });
    }
  }
  if (labels?.shape.length === 2 && !boxes) overlay.masks.push(...labelMasks(labels.data));
  const isClass = labels?.shape.length === 0;
  return { overlay, title: isClass ? nameOf(classNames, labels.data[0]!) : undefined };
}

/** A mask for each class of a label map but the background. */
export function labelMasks(labels: ArrayLike<number>): OverlayMask[] {
  const masks = new Map<number, Uint8Array>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label === 0) continue;
    const mask = masks.get(label) ?? new Uint8Array(labels.length);
    masks.set(label, mask);
    mask[i] = 1;
  }
  return [...masks].map(([label, mask]) => ({
    mask,
    color: label === IGNORE_INDEX || label < 0 ? IGNORED : colorAt(label - 1),
  }));
}

/** Points as (x, y), or as (x, y, visible). `visible`: 0 for those that are not shown. */
function pointsOf(
  { data, shape }: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  visible?: ArrayLike<number>,
): PlotPoint[] {
  const size = shape.at(-1) ?? 2;
  return Array.from({ length: Math.floor(data.length / size) }, (_, i) => i)
    .filter((i) => visible?.[i] !== 0)
    .map((i) => i * size)
    .filter((at) => size < 3 || data[at + 2]! > 0)
    .map((at) => [data[at]!, data[at + 1]!] as const)
    .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
}

/** The class with the highest score, of images [N, K] with its softmax as `probabilities`, or of pixels [N, H, W, K]; of equal scores, the first. */
export function classesOf(call: string, { data, shape }: HostTensor): Batch {
  const classes = shape.at(-1) ?? 0;
  if ((shape.length !== 2 && shape.length !== 4) || classes < 2) {
    throw new ShapeError(
      `${call}: scores have shape [${shape}]; give [N, K] or [N, H, W, K], of at least 2 classes`,
    );
  }
  const rows = data.length / classes;
  const labels = new Int32Array(rows);
  const probabilities = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    let best = 0;
    for (let c = 1; c < classes; c++) if (data[at + c]! > data[at + best]!) best = c;
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(data[at + c]! - data[at + best]!);
    labels[row] = best;
    probabilities[row] = 1 / sum;
  }
  const outer = shape.slice(0, -1);
  return {
    labels: { data: labels, shape: outer },
    ...(shape.length === 2 ? { probabilities: { data: probabilities, shape: outer } } : {}),
  };
}
