import { expectArguments } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { expectOptions } from '../options.ts';

/** Options of `generateAnchors`. */
export interface AnchorOptions {
  /** (height, width) of the padded input batch. */
  readonly imageSize: readonly [number, number];
  /** Pixels of the image for one cell of each level's feature map. */
  readonly strides: readonly number[];
  /** For each level, the square root of the anchors' areas, in pixels. */
  readonly sizes: readonly (readonly number[])[];
  /** For each level, height / width. */
  readonly aspectRatios: readonly (readonly number[])[];
}

/** The anchors of a feature pyramid. */
export interface Anchors {
  /** [A, 4] as xyxy, in pixels; they may reach outside the image. */
  readonly boxes: Float32Array;
  /** (height, width, anchors per cell) of each level, in the order of the boxes. */
  readonly levels: [number, number, number][];
}

/** To the nearest integer, halves to the even one, as `torch.round`. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** [ratios * sizes, 4] around the origin: w = size / sqrt(ratio), h = size * sqrt(ratio), in float32. */
function cellAnchors(sizes: readonly number[], aspectRatios: readonly number[]): number[] {
  const f = Math.fround;
  return aspectRatios.flatMap((ratio) => {
    const hRatio = f(Math.sqrt(f(ratio)));
    const wRatio = f(1 / hRatio);
    return sizes.flatMap((size) => {
      const w = f(wRatio * f(size)) / 2;
      const h = f(hRatio * f(size)) / 2;
      return [-w, -h, w, h].map(roundHalfEven);
    });
  });
}

/**
 * Generates the anchors of a feature pyramid, as torchvision's `AnchorGenerator` (Ren et al. 2015, Faster R-CNN, §3.1.1).
 *
 * A level has `ceil(image / stride)` cells along each axis, what convolutions of stride 2 with padding
 * leave. Cell (y, x) holds the level's anchors, their corners rounded to whole pixels (halves to even),
 * moved by (x * floor(width / cells across), y * floor(height / cells down)): that is the stride where it
 * divides the image, and less where it does not. Anchors centre on a cell's first corner, not its middle.
 *
 * Order: level, y, x, aspect ratio, size. Throws ShapeError where levels do not correspond.
 */
export function generateAnchors(options: AnchorOptions): Anchors {
  expectOptions('generateAnchors', options, ['imageSize', 'strides', 'sizes', 'aspectRatios']);
  expectArguments(
    'generateAnchors',
    { options },
    { options: { imageSize: 'pair', strides: 'values', sizes: ['values'], aspectRatios: ['values'] } },
  );
  const { imageSize, strides, sizes, aspectRatios } = options;
  if (strides.length !== sizes.length || strides.length !== aspectRatios.length) {
    throw new ShapeError(
      `generateAnchors: ${strides.length} strides, ${sizes.length} lists of sizes and ${aspectRatios.length} of aspect ratios; give one of each for a level`,
    );
  }
  for (const value of [...imageSize, ...strides]) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ShapeError(
        `generateAnchors: image ${imageSize.join('x')} and strides ${strides.join(', ')} must be whole numbers of at least 1`,
      );
    }
  }
  const levels = strides.map((stride, level): [number, number, number] => [
    Math.ceil(imageSize[0] / stride),
    Math.ceil(imageSize[1] / stride),
    sizes[level]!.length * aspectRatios[level]!.length,
  ]);
  const boxes = new Float32Array(4 * levels.reduce((sum, [h, w, perCell]) => sum + h * w * perCell, 0));
  let at = 0;
  levels.forEach(([h, w], level) => {
    const cell = cellAnchors(sizes[level]!, aspectRatios[level]!);
    const strideY = Math.floor(imageSize[0] / h);
    const strideX = Math.floor(imageSize[1] / w);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        for (let i = 0; i < cell.length; i++)
          boxes[at++] = cell[i]! + (i % 2 === 0 ? x * strideX : y * strideY);
      }
    }
  });
  return { boxes, levels };
}
