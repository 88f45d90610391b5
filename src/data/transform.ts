import { expectArguments, SIZE } from '../arguments.ts';
import type { Box, ImageSize, Point } from '../vision/boxes.ts';
import type { AnnotatedShape, Annotation, IgnoredRegion, MaskPatch } from './annotation.ts';
import { withoutFormats } from './formats/extra.ts';
import { compactPatch, pixelsOf } from './maskRuns.ts';

/**
 * A map [a, b, c, d, e, f] of points: (x, y) goes to (a x + b y + c, d x + e y + f). It turns by quarters, mirrors and scales: either
 * a = e = 0 or b = d = 0.
 */
export type Affine = readonly [number, number, number, number, number, number];

const mapPoint = ([a, b, c, d, e, f]: Affine, [x, y]: Point): Point => [a * x + b * y + c, d * x + e * y + f];

function mapBox(map: Affine, [x1, y1, x2, y2]: Box): Box {
  const [[ax, ay], [bx, by]] = [mapPoint(map, [x1, y1]), mapPoint(map, [x2, y2])];
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
}

function inverse([a, b, c, d, e, f]: Affine): Affine {
  const det = a * e - b * d;
  return [e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det];
}

/** A patch through a map: each of its pixels is read at the nearest pixel of the original. */
function mapPatch(map: Affine, patch: MaskPatch, size: ImageSize): MaskPatch {
  const [x1, y1, x2, y2] = mapBox(map, [patch.x, patch.y, patch.x + patch.width, patch.y + patch.height]);
  const [x, y] = [Math.max(0, Math.floor(x1)), Math.max(0, Math.floor(y1))];
  const width = Math.max(1, Math.min(size.width, Math.ceil(x2)) - x);
  const height = Math.max(1, Math.min(size.height, Math.ceil(y2)) - y);
  const data = new Uint8Array(width * height);
  const back = inverse(map);
  const pixels = pixelsOf(patch);
  for (let j = 0, i = 0; j < height; j++) {
    for (let k = 0; k < width; k++, i++) {
      const [u, v] = mapPoint(back, [x + k + 0.5, y + j + 0.5]);
      const [column, row] = [Math.floor(u) - patch.x, Math.floor(v) - patch.y];
      const inside = column >= 0 && row >= 0 && column < patch.width && row < patch.height;
      data[i] = inside ? pixels[row * patch.width + column]! : 0;
    }
  }
  return compactPatch({ x, y, width, height, data }, size);
}

function mapRegion<T extends IgnoredRegion | AnnotatedShape>(map: Affine, region: T, size: ImageSize): T {
  return {
    ...region,
    box: mapBox(map, region.box),
    ...(region.points ? { points: region.points.map((point) => mapPoint(map, point)) } : {}),
    ...(region.mask ? { mask: mapPatch(map, region.mask, size) } : {}),
  };
}

/** The annotation of an image that was turned, mirrored or scaled to `size`. */
export function transformAnnotation(annotation: Annotation, map: Affine, size: ImageSize): Annotation {
  const area = Math.abs(map[0] * map[4] - map[1] * map[3]);
  const { shapes, ignored, unlabelled, ...rest } = annotation;
  return {
    ...rest,
    width: size.width,
    height: size.height,
    shapes: shapes.map((shape) => ({
      ...mapRegion(map, shape, size),
      ...(shape.objectBox ? { objectBox: mapBox(map, shape.objectBox) } : {}),
      ...(shape.area === undefined ? {} : { area: shape.area * area }),
    })),
    ...(ignored ? { ignored: ignored.map((region) => mapRegion(map, region, size)) } : {}),
    ...(unlabelled ? { unlabelled: mapPatch(map, unlabelled, size) } : {}),
  };
}

/**
 * Scales an annotation to another size of its image: boxes, outlines, masks and areas. What `extra` says, such as the keypoints of COCO, stays as it is, and
 * is written in no format any more.
 *
 * @param annotation The annotation.
 * @param size Width and height of the scaled image.
 */
export const scaleAnnotation = (annotation: Annotation, size: ImageSize): Annotation => {
  expectArguments(
    'scaleAnnotation',
    { annotation, size },
    {
      annotation: { width: 'number', height: 'number', shapes: [{ label: 'text', box: 'box' }] },
      size: SIZE,
    },
  );
  const [x, y] = [size.width / annotation.width, size.height / annotation.height];
  const scaled = transformAnnotation(annotation, [x, 0, 0, 0, y, 0], size);
  return x === 1 && y === 1 ? scaled : withoutFormats(scaled);
};
