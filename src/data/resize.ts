import type { Box, ImageSize } from '../vision/boxes.ts';
import type { AnnotatedShape, MaskPatch } from './annotation.ts';
import type { Sample } from './dataset.ts';
import { resizeImage } from './image.ts';

/** A mask patch scaled by nearest neighbours. */
function scalePatch(mask: MaskPatch, sx: number, sy: number): MaskPatch {
  const [x, y] = [Math.floor(mask.x * sx), Math.floor(mask.y * sy)];
  const width = Math.max(1, Math.ceil((mask.x + mask.width) * sx) - x);
  const height = Math.max(1, Math.ceil((mask.y + mask.height) * sy) - y);
  const data = new Uint8Array(width * height);
  for (let v = 0; v < height; v++) {
    const fromY = Math.floor((y + v + 0.5) / sy) - mask.y;
    if (fromY < 0 || fromY >= mask.height) continue;
    for (let u = 0; u < width; u++) {
      const fromX = Math.floor((x + u + 0.5) / sx) - mask.x;
      if (fromX >= 0 && fromX < mask.width) data[v * width + u] = mask.data[fromY * mask.width + fromX]!;
    }
  }
  return { x, y, width, height, data };
}

/** The size of an image shrunk so that its longer side is at most maxSide. Never enlarges. */
export function shrunkSize({ width, height }: ImageSize, maxSide: number): [height: number, width: number] {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return [height, width].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
}

/**
 * Shrinks a sample so that its longer side is at most `maxSide`, with its annotation and region. Never enlarges.
 *
 * @param sample The image and its annotation.
 * @param maxSide The longest side allowed, in pixels.
 */
export function shrinkSample(sample: Sample, maxSide: number): Sample {
  const { image, annotation, region } = sample;
  if (Math.max(image.width, image.height) <= maxSide) return sample;
  const [height, width] = shrunkSize(image, maxSide);
  const [sx, sy] = [width / image.width, height / image.height];
  const scaleBox = ([x1, y1, x2, y2]: Box): Box => [x1 * sx, y1 * sy, x2 * sx, y2 * sy];
  const shapes = annotation.shapes.map(
    (shape): AnnotatedShape => ({
      ...shape,
      box: scaleBox(shape.box),
      ...(shape.objectBox ? { objectBox: scaleBox(shape.objectBox) } : {}),
      ...(shape.area === undefined ? {} : { area: shape.area * sx * sy }),
      ...(shape.points ? { points: shape.points.map(([x, y]) => [x * sx, y * sy]) } : {}),
      ...(shape.mask ? { mask: scalePatch(shape.mask, sx, sy) } : {}),
    }),
  );
  return {
    ...sample,
    image: resizeImage(image, [height, width]),
    annotation: {
      ...annotation,
      width,
      height,
      shapes,
      ...(annotation.unlabelled ? { unlabelled: scalePatch(annotation.unlabelled, sx, sy) } : {}),
    },
    ...(region ? { region: scaleBox(region) } : {}),
  };
}
