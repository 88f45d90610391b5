import { ShapeError } from '../../errors.ts';
import { expectDType, expectShape, formatSpec, numel, sameShape } from '../../shape.ts';
import boxExtent from '../../wgsl/roi/lib/box_extent.wgsl';
import pastedMask from '../../wgsl/roi/lib/pasted_mask.wgsl';
import pasteMasksShader from '../../wgsl/roi/paste_masks.wgsl';
import { defineKernel, type Given, wgslType } from '../kernel.ts';
import { expectSize2, type Size2, size2 } from '../spatial.ts';

/** Attributes of `pasteMasks`. */
export interface PasteMasksAttrs {
  /** Height and width of the image, in pixels. */
  readonly size: Size2;
}

/**
 * Masks of boxes as masks of the image (torchvision's `paste_masks_in_image` with padding 1; He et al. 2017, Mask R-CNN,
 * §3.1): a mask gets a border of zeros of one cell, its box grows in the same proportion, the box's corners are truncated
 * to whole pixels, both ends included, and the mask is resized to it bilinearly. Zero elsewhere.
 *
 * masks: [R,M,M], soft or hard; boxes: f32 [R,4] as xyxy in pixels -> y: [R,H,W], like masks. An empty box covers one pixel.
 * Throws ShapeError where shapes do not correspond.
 */
export const pasteMasks = defineKernel({
  name: 'paste_masks',
  inputs: ['masks', 'boxes'],
  f32Inputs: ['boxes'],
  outputs: ['y'],
  attributes: ({ size }: Given<PasteMasksAttrs, 'size'>): PasteMasksAttrs => ({ size: size2(size) }),
  infer({ masks, boxes }, { size }: PasteMasksAttrs) {
    expectDType('paste_masks', 'masks', masks, 'f32', 'f16');
    expectDType('paste_masks', 'boxes', boxes, 'f32');
    expectSize2('paste_masks', 'size', size, 1);
    const [R = 0, M = 0] = masks.shape;
    if (M === 0 || !sameShape(masks.shape, [R, M, M]) || !sameShape(boxes.shape, [R, 4])) {
      throw new ShapeError(
        `paste_masks: masks must be [R,M,M] and boxes [R,4], got ${formatSpec('masks', masks)}, ${formatSpec('boxes', boxes)}`,
      );
    }
    const shape = [R, ...size];
    expectShape('paste_masks: y [R,H,W]', shape);
    return { y: { shape, dtype: masks.dtype } };
  },
  dispatches(_caps, { masks }, { y }, { size: [height, width] }) {
    const total = numel(y.shape);
    return {
      dispatches: [
        {
          shader: pasteMasksShader,
          snippets: [boxExtent, pastedMask],
          types: { T: wgslType(masks.dtype) },
          params: { total, height, width, size: masks.shape[1]! },
          grid: total,
        },
      ],
    };
  },
});
