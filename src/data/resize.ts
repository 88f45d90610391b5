import type { AnnotatedShape, MaskPatch } from './annotation.ts';
import type { Sample } from './dataset.ts';
import { resizeImage } from './image.ts';

/** A mask patch of other proportions, by nearest neighbours. */
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

/** The size (height, width) of an image shrunk so that its longer side is at most maxSide. Never enlarges. */
export function shrunkSize(
  { width, height }: { readonly width: number; readonly height: number },
  maxSide: number,
): [height: number, width: number] {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return [height, width].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
}

/** A sample whose longer side is at most maxSide; its annotations and region shrink with it. Never enlarges. */
export function shrinkSample(sample: Sample, maxSide: number): Sample {
  const { image, annotation, region } = sample;
  if (Math.max(image.width, image.height) <= maxSide) return sample;
  const [height, width] = shrunkSize(image, maxSide);
  const [sx, sy] = [width / image.width, height / image.height];
  const scaleBox = (box: readonly [number, number, number, number]): [number, number, number, number] => [
    box[0] * sx,
    box[1] * sy,
    box[2] * sx,
    box[3] * sy,
  ];
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
