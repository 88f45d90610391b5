import { ShapeError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { formatShape } from '../shape.ts';

/** The class of pixels that count for nothing. */
export const IGNORE_LABEL = 255;

/** Height and width of images [N,H,W,3]; both must be multiples of `multiple`. Throws ShapeError that begins with `op`. */
export function checkImages(op: string, images: Tensor, multiple = 1): [height: number, width: number] {
  const [, H = 0, W = 0, C] = images.shape;
  if (images.shape.length !== 4 || C !== 3 || H % multiple !== 0 || W % multiple !== 0) {
    const sizes = multiple > 1 ? ` with H and W multiples of ${multiple}` : '';
    throw new ShapeError(`${op}: images ${formatShape(images.shape)} must be [N,H,W,3]${sizes}`);
  }
  return [H, W];
}
