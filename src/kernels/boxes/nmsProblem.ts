import type { TensorSpec } from '../../shape.ts';
import nmsKeysShader from '../../wgsl/boxes/nms_keys.wgsl';
import sortKey from '../../wgsl/lib/sort_key.wgsl';
import { type Dispatch, wgslType } from '../dispatch.ts';
import { orderByMerging } from '../sort/mergeOrder.ts';
import type { Problem } from '../strategy.ts';

/** Attributes of `nms`. */
export interface NmsAttrs {
  /** A box is removed where its IoU with a kept box of greater score is over this. */
  readonly iouThreshold: number;
  /** Only boxes with a greater score take part; default: all. */
  readonly scoreThreshold?: number;
  /** The length of `indices`; default: the number of boxes. */
  readonly maxDetections?: number;
}

export type NmsProblem = Problem<
  { readonly boxes: TensorSpec; readonly scores: TensorSpec; readonly labels?: TensorSpec },
  { readonly indices: TensorSpec; readonly count: TensorSpec },
  NmsAttrs
>;

/** Dispatches that leave in scratch `keys` and `order` the boxes by falling score; `before` is to count those that stay. */
export function nmsOrder(
  boxes: TensorSpec,
  { scoreThreshold = Number.NEGATIVE_INFINITY }: NmsAttrs,
): { dispatches: Dispatch[]; scratch: Record<string, number> } {
  const [B, R] = boxes.shape as [number, number];
  const total = B * R;
  const order = orderByMerging(B, R);
  return {
    dispatches: [
      {
        shader: nmsKeysShader,
        snippets: [sortKey],
        types: { T: wgslType(boxes.dtype) },
        params: {
          total,
          threshold: scoreThreshold,
          limited: Number(scoreThreshold > Number.NEGATIVE_INFINITY),
        },
        grid: total,
      },
      ...order.dispatches,
    ],
    scratch: { ...order.scratch, flags: total * 4, before: B * 4 },
  };
}
