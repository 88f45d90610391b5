/** Brings images that are on a GPU into the input of a network, there: what `fittedImage` does on the CPU. */
import { interpolate } from '../graph/functions/conv.ts';
import { pad, slice } from '../graph/functions/shape.ts';
import { defineOperation } from '../graph/operation.ts';
import { apply, full, type Tensor } from '../graph/tensor.ts';
import { defineKernel } from '../kernels/kernel.ts';
import type { ImageSize } from '../vision/boxes.ts';
import resizeBytesShader from '../wgsl/image/resize_bytes.wgsl';
import type { Fit } from './fits.ts';
import { byteTaps, stretched } from './prepare.ts';

const resizeBytesKernel = /* @__PURE__ */ defineKernel({
  name: 'resize_bytes',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['width', 'height'],
  infer(_inputs, { width, height }: ImageSize) {
    return { y: { shape: [1, height, width, 3], dtype: 'f32' } };
  },
  dispatches(_caps, { x }, _outputs, { width, height }) {
    const [, rows, columns] = x.shape as readonly [number, number, number];
    const total = width * height;
    return {
      dispatches: [
        { shader: resizeBytesShader, params: { total, width: columns, out_width: width }, grid: total },
      ],
      tables: { rows: byteTaps(height, rows, 'y'), columns: byteTaps(width, columns, 'x') },
    };
  },
});

/** OpenCV's resize of bytes (`stretched`): x f32 [1,H,W,3] -> y f32 [1,height,width,3]. */
const resizeBytes = /* @__PURE__ */ defineOperation({
  kernel: resizeBytesKernel,
  gradient: null,
  reference({ x }, to) {
    const [, height, width] = x.shape as readonly [number, number, number];
    const image = { width, height, channels: 3, data: Float32Array.from(x.data) } as const;
    return { y: Float64Array.from(stretched(image, to)) };
  },
});

/** Darknet's resize_image: of an axis with one pixel, that is the last. */
function resizeEnds(x: Tensor, { width, height }: ImageSize): Tensor {
  const last =
    height === 1 || width === 1 ? slice(x, [[], height === 1 ? [-1] : [], width === 1 ? [-1] : []]) : x;
  return interpolate(last, { size: [height, width], mode: 'bilinear', alignCorners: true });
}

/** `resizeImage`, and of it a part. The longer axis comes first, and what is not in the part goes before the other: it may have any size. */
function resizeTriangle(x: Tensor, { to, part }: Fit): Tensor {
  const resize = (image: Tensor, height: number, width: number) =>
    interpolate(image, { size: [height, width], mode: 'bilinear', antialias: true });
  if (part.width === to.width && part.height === to.height) return resize(x, to.height, to.width);
  const [, H, W] = x.shape as readonly number[];
  const rows = (image: Tensor) =>
    slice(resize(image, to.height, image.shape[2]!), [[], [part.y, part.y + part.height]]);
  const columns = (image: Tensor) =>
    slice(resize(image, image.shape[1]!, to.width), [[], [], [part.x, part.x + part.width]]);
  return H! > W! ? columns(rows(x)) : rows(columns(x));
}

/** The part of the resized image that the network sees. */
function resizedPart(x: Tensor, fit: Fit): Tensor {
  const { filter, to, part } = fit;
  if (filter === 'ends') return resizeEnds(x, to);
  if (filter === 'bytes') return apply(resizeBytes, { x }, to).y;
  if (filter === 'triangle') return resizeTriangle(x, fit);
  if (part.width === to.width && part.height === to.height) return x;
  return slice(x, [[], [part.y, part.y + part.height], [part.x, part.x + part.width]]);
}

/** Brings an image x [1,H,W,3] into a network's input [1,height,width,3]: within 1e-6 of `fittedImage`. */
export function fittedOnGpu(x: Tensor, fit: Fit): Tensor {
  const { part, left, top, width, height, ground } = fit;
  if (part.width === 0 || part.height === 0) return full([1, height, width, 3], ground);
  const seen = resizedPart(x, fit);
  if (part.width === width && part.height === height) return seen;
  const around = [
    [0, 0],
    [top, height - top - part.height],
    [left, width - left - part.width],
    [0, 0],
  ] as const;
  return pad(seen, around, { value: ground });
}
