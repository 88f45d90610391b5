import { DeviceLimitError, ShapeError } from '../../errors.ts';
import { expectDType, expectRank, formatSpec, type TensorSpec } from '../../shape.ts';
import anchorIou from '../../wgsl/boxes/lib/anchor_iou.wgsl';
import boxIouLib from '../../wgsl/boxes/lib/box_iou.wgsl';
import matchDirect from '../../wgsl/boxes/lib/match_direct.wgsl';
import matchStored from '../../wgsl/boxes/lib/match_stored.wgsl';
import matchAnchorsShader from '../../wgsl/boxes/match_anchors.wgsl';
import matchBestShader from '../../wgsl/boxes/match_best.wgsl';
import matchIouShader from '../../wgsl/boxes/match_iou.wgsl';
import { type Dispatch, defineKernel, wgslType } from '../kernel.ts';
import { expectBoxes } from './boxSpec.ts';

/** Attributes of `matchAnchors`. */
export interface MatchAnchorsAttrs {
  /** From this IoU on, an anchor is matched. */
  readonly highThreshold: number;
  /** Below this IoU, an anchor is background. */
  readonly lowThreshold: number;
  /** Whether each box also claims the anchors that reach its own best IoU; default false. */
  readonly allowLowQuality?: boolean;
}

/** A: anchors of an image; stride: 0 where all images share them. */
function sizesOf(anchors: TensorSpec, boxes: TensorSpec) {
  const count = anchors.shape.at(-2)!;
  return {
    N: boxes.shape[0]!,
    A: count,
    G: boxes.shape[1]!,
    stride: anchors.shape.length === 3 ? count : 0,
  };
}

/**
 * Which box each anchor answers for (torchvision's Matcher; Ren et al. 2015, Faster R-CNN, §3.1.2): the box
 * of greatest IoU (the first of equals) where that is >= highThreshold, -1 (background) below lowThreshold,
 * -2 (ignored) between. With allowLowQuality, every anchor that reaches the best IoU of some box keeps its
 * greatest box whatever the thresholds say, ties all. As in torchvision, a box that meets no anchor at all
 * has best IoU 0 and so claims every anchor that it does not meet: drop such boxes before.
 *
 * anchors: [A, 4], the same for all images, or [N, A, 4]; boxes: [N, G, 4], padded; count: i32 [N], the
 * boxes that count -> matches: i32 [N, A]. An image with count 0 has only -1. Throws DeviceLimitError where
 * the A * G IoUs of one image, which allowLowQuality keeps, do not fit the device's largest binding.
 */
export const matchAnchors = defineKernel({
  name: 'match_anchors',
  inputs: ['anchors', 'boxes', 'count'],
  outputs: ['matches'],
  attributes: ['highThreshold', 'lowThreshold', 'allowLowQuality'],
  infer({ anchors, boxes, count }, { highThreshold, lowThreshold }: MatchAnchorsAttrs) {
    expectBoxes('match_anchors', 'anchors', anchors, 2);
    expectBoxes('match_anchors', 'boxes', boxes, 2);
    expectRank('match_anchors', 'boxes', boxes, 3, '[images, boxes, 4]');
    expectDType('match_anchors', 'count', count, 'i32');
    const images = boxes.shape[0]!;
    const shared = anchors.shape.length === 2;
    if (
      !(shared || (anchors.shape.length === 3 && anchors.shape[0] === images)) ||
      anchors.dtype !== boxes.dtype
    ) {
      throw new ShapeError(
        `match_anchors: anchors must be [A,4] or [${images},A,4] of the boxes' dtype, got ${formatSpec('anchors', anchors)}, ${formatSpec('boxes', boxes)}`,
      );
    }
    if (count.shape.length !== 1 || count.shape[0] !== images) {
      throw new ShapeError(
        `match_anchors: count must be [${images}], one number an image of ${formatSpec('boxes', boxes)}, got ${formatSpec('count', count)}`,
      );
    }
    if (!(lowThreshold <= highThreshold)) {
      throw new ShapeError(
        `match_anchors: lowThreshold ${lowThreshold} must not be greater than highThreshold ${highThreshold}`,
      );
    }
    return { matches: { shape: [images, anchors.shape.at(-2)!], dtype: 'i32' } };
  },
  dispatches(caps, { anchors, boxes }, _outputs, { highThreshold, lowThreshold, allowLowQuality }) {
    const { N, A, G, stride } = sizesOf(anchors, boxes);
    const types = { T: wgslType(boxes.dtype) };
    const shape = { anchors: A, anchor_stride: stride, boxes: G };
    const thresholds = { low: lowThreshold, high: highThreshold };
    const ious = [boxIouLib, anchorIou];
    if (!allowLowQuality || G === 0) {
      const params = { total: N * A, first: 0, ...shape, ...thresholds };
      const snippets = [...ious, matchDirect];
      return { dispatches: [{ shader: matchAnchorsShader, snippets, types, params, grid: N * A }] };
    }
    const bytes = A * G * 4;
    if (bytes > caps.maxBindingSize) {
      throw new DeviceLimitError(
        `match_anchors: the IoUs of ${A} anchors with ${G} boxes take ${bytes} bytes, the device binds at most ${caps.maxBindingSize}; pad to at most ${Math.floor(caps.maxBindingSize / 4 / A)} boxes`,
      );
    }
    // As many images at a time as one binding holds; they share the scratch memory.
    const group = Math.max(1, Math.min(N, Math.floor(caps.maxBindingSize / Math.max(bytes, 1))));
    const chunk = Math.max(64, Math.ceil(Math.sqrt(A)));
    const chunks = Math.ceil(A / chunk);
    const dispatches: Dispatch[] = [];
    for (let first = 0; first < N; first += group) {
      const images = Math.min(group, N - first);
      const best = (n: number, of: number, size: number, from: string, to: string): Dispatch => ({
        shader: matchBestShader,
        params: { total: images * G * of, first, boxes: G, n, chunks: of, chunk: size },
        bind: { values: from, best: to },
        grid: images * G * of,
      });
      const params = { total: images * A, first, ...shape };
      dispatches.push(
        { shader: matchIouShader, snippets: ious, types, params, grid: images * A },
        best(A, chunks, chunk, 'iou', 'partial'),
        best(chunks, 1, chunks, 'partial', 'best'),
        {
          shader: matchAnchorsShader,
          snippets: [matchStored],
          params: { ...params, ...thresholds },
          grid: images * A,
        },
      );
    }
    return {
      dispatches,
      scratch: { iou: group * bytes, partial: group * G * chunks * 4, best: group * G * 4 },
    };
  },
});
