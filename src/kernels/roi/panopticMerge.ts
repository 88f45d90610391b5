import { ShapeError } from '../../errors.ts';
import { expectDType, expectNumber, formatSpec, sameShape } from '../../shape.ts';
import boxExtent from '../../wgsl/roi/lib/box_extent.wgsl';
import pastedMask from '../../wgsl/roi/lib/pasted_mask.wgsl';
import panopticCoveredShader from '../../wgsl/roi/panoptic_covered.wgsl';
import panopticMergeShader from '../../wgsl/roi/panoptic_merge.wgsl';
import { type Dispatch, defineKernel, type Given, wgslType } from '../kernel.ts';
import { expectInteger } from '../spatial.ts';

/** Attributes of `panopticMerge`. */
export interface PanopticMergeAttrs {
  /** Classes of regions ("stuff"): values 1 to numStuff of `semantic`. */
  readonly numStuff: number;
  /** From which value on a pasted mask covers a pixel. Default 0.5. */
  readonly maskThreshold: number;
  /** An instance is dropped where more than this share of it lies under better ones. Default 0.5. */
  readonly overlapThreshold: number;
  /** Regions with fewer pixels are void. Default 4096. */
  readonly stuffAreaLimit: number;
}

/** Areas of regions lie in workgroup memory, of which a device may have only 16 KiB. */
const MOST_STUFF = 2048;

/**
 * Instances and regions as one map in which every pixel belongs to one segment or to none (Kirillov et al. 2019, "Panoptic
 * feature pyramid networks", §4; Detectron2's combine_semantic_and_instance_outputs). The first `count` instances of
 * each image are taken in their order, so the best should come first. Their masks are pasted as by `paste_masks`; one of
 * which more than overlapThreshold is under those before, or of which nothing is free, is dropped; the others get what is
 * free of them. Then each region, by rising class, gets what is free of it, if that is stuffAreaLimit pixels or more.
 *
 * masks: [N,D,M,M], soft or hard; boxes: f32 [N,D,4] as xyxy in pixels; count: i32 [N]; semantic: i32 [N,H,W], the region
 * of each pixel, anything but 1..numStuff being none. -> ids: i32 [N,H,W], segments from 1 on, 0 where there is none;
 * sources: i32 [N,D+numStuff], of each segment the instance 0..D-1 that it is, or D + region - 1, padded with -1;
 * segments: i32 [N], their number. Throws ShapeError where shapes do not correspond.
 */
export const panopticMerge = defineKernel({
  name: 'panoptic_merge',
  inputs: ['masks', 'boxes', 'count', 'semantic'],
  f32Inputs: ['boxes'],
  outputs: ['ids', 'sources', 'segments'],
  attributes: ({
    numStuff,
    maskThreshold = 0.5,
    overlapThreshold = 0.5,
    stuffAreaLimit = 4096,
  }: Given<PanopticMergeAttrs, 'numStuff'>): PanopticMergeAttrs => ({
    numStuff,
    maskThreshold,
    overlapThreshold,
    stuffAreaLimit,
  }),
  infer({ masks, boxes, count, semantic }, attrs: PanopticMergeAttrs) {
    const { numStuff, maskThreshold, overlapThreshold, stuffAreaLimit } = attrs;
    expectDType('panoptic_merge', 'masks', masks, 'f32', 'f16');
    expectDType('panoptic_merge', 'boxes', boxes, 'f32');
    expectDType('panoptic_merge', 'count', count, 'i32');
    expectDType('panoptic_merge', 'semantic', semantic, 'i32');
    expectInteger('panoptic_merge', 'numStuff', numStuff, 0);
    if (numStuff > MOST_STUFF) {
      throw new ShapeError(`panoptic_merge: numStuff must be ${MOST_STUFF} or less, got ${numStuff}`);
    }
    expectNumber('panoptic_merge', 'maskThreshold', maskThreshold, Number.MIN_VALUE);
    expectNumber('panoptic_merge', 'overlapThreshold', overlapThreshold, 0);
    expectInteger('panoptic_merge', 'stuffAreaLimit', stuffAreaLimit, 0);
    const [N = 0, D = 0, M = 0] = masks.shape;
    const fits =
      M > 0 &&
      sameShape(masks.shape, [N, D, M, M]) &&
      sameShape(boxes.shape, [N, D, 4]) &&
      sameShape(count.shape, [N]) &&
      semantic.shape.length === 3 &&
      semantic.shape[0] === N;
    if (!fits) {
      throw new ShapeError(
        `panoptic_merge: masks must be [N,D,M,M], boxes [N,D,4], count [N], semantic [N,H,W], got ${formatSpec('masks', masks)}, ${formatSpec('boxes', boxes)}, ${formatSpec('count', count)}, ${formatSpec('semantic', semantic)}`,
      );
    }
    return {
      ids: semantic,
      sources: { shape: [N, D + numStuff], dtype: 'i32' },
      segments: { shape: [N], dtype: 'i32' },
    };
  },
  dispatches(caps, { masks, semantic }, _outputs, attrs) {
    const { numStuff, maskThreshold, overlapThreshold, stuffAreaLimit } = attrs;
    const [images, instances, size] = masks.shape as unknown as [number, number, number];
    const [, height, width] = semantic.shape as unknown as [number, number, number];
    const across = Math.ceil(width / 32);
    const words = height * across;
    const total = images * instances * words;
    const cover: Dispatch = {
      shader: panopticCoveredShader,
      snippets: [boxExtent, pastedMask],
      types: { T: wgslType(masks.dtype) },
      params: { total, height, width, across, instances, size, threshold: maskThreshold },
      grid: total,
    };
    // A region of no pixels is none.
    const least = Math.max(stuffAreaLimit, 1);
    const merge: Dispatch = {
      shader: panopticMergeShader,
      snippets: [boxExtent],
      constants: {
        LANES: caps.family === 'tile' ? 256 : 32,
        REGIONS: numStuff,
        SLOTS: Math.max(numStuff, 1),
      },
      params: { images, height, width, across, instances, size, overlap: overlapThreshold, least },
      grid: [Math.min(images, 65535), Math.ceil(images / 65535), 1],
    };
    return {
      dispatches: [cover, merge],
      scratch: { covered: total * 4, taken: images * words * 4 },
    };
  },
});
