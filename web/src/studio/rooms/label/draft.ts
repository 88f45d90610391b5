import type { MaskPainter } from '../../project/brush.ts';
import type { Hit } from '../../project/geometry.ts';
import type { LabelObject, LabelShape, Point } from '../../project/model.ts';

/** What is being drawn or dragged and is no edit yet; the upper layer shows it. */
export type Draft =
  | { readonly kind: 'box'; readonly from: Point; readonly to: Point; readonly moved: boolean }
  /** `to` is where the next point would be. */
  | { readonly kind: 'polygon'; readonly points: readonly Point[]; readonly to: Point }
  | { readonly kind: 'point'; readonly at: Point }
  | {
      readonly kind: 'stroke';
      readonly painter: MaskPainter;
      /** Painted (1) or erased (0). */
      readonly value: 0 | 1;
      readonly radius: number;
      readonly path: readonly Point[];
      /** The mask that the stroke changes; undefined for a new one. */
      readonly object: LabelObject | undefined;
    }
  | {
      readonly kind: 'drag';
      readonly object: LabelObject;
      /** The shape when the drag began, and now. */
      readonly start: LabelShape;
      readonly shape: LabelShape;
      readonly hit: Hit;
      readonly from: Point;
      readonly moved: boolean;
    };
