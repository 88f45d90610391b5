import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, sameShape } from '../../shape.ts';
import shader from '../../wgsl/roi/heatmaps_to_keypoints.wgsl';
import { defineKernel } from '../kernel.ts';

/** Invocations of a workgroup: the header's WORKGROUP. */
const LANES = 64;

/**
 * Keypoints from heatmaps of boxes (torchvision's `heatmaps_to_keypoints`; He et al. 2017, Mask R-CNN, §5): each heatmap is
 * resized bicubically to its box, whose sides are at least 1 and rounded up to whole pixels, and the keypoint is the middle of the
 * pixel of the largest value, the first of equal ones in reading order.
 *
 * maps: f32 [R,M,M,K]; boxes: f32 [R,4] as xyxy in pixels -> y: f32 [R,K,3], x and y in pixels and the value there. Throws
 * ShapeError where shapes do not correspond.
 */
export const heatmapsToKeypoints = defineKernel({
  name: 'heatmaps_to_keypoints',
  inputs: ['maps', 'boxes'],
  f32Inputs: ['maps', 'boxes'],
  outputs: ['y'],
  infer({ maps, boxes }, _attrs: object) {
    expectDType('heatmaps_to_keypoints', 'maps', maps, 'f32');
    expectDType('heatmaps_to_keypoints', 'boxes', boxes, 'f32');
    const [R = 0, M = 0, , K = 0] = maps.shape;
    if (M === 0 || !sameShape(maps.shape, [R, M, M, K]) || !sameShape(boxes.shape, [R, 4])) {
      throw new ShapeError(
        `heatmaps_to_keypoints: maps must be [R,M,M,K] and boxes [R,4], got ${formatSpec('maps', maps)}, ${formatSpec('boxes', boxes)}`,
      );
    }
    return { y: { shape: [R, K, 3], dtype: 'f32' } };
  },
  dispatches(_caps, { maps }) {
    const [R, size, , keypoints] = maps.shape as [number, number, number, number];
    const total = R * keypoints;
    return { dispatches: [{ shader, params: { total, keypoints, size }, grid: total * LANES }] };
  },
});
