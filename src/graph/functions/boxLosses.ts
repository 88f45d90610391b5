import { ShapeError } from '../../errors.ts';
import { expectDType, formatShape, sameShape } from '../../shape.ts';
import { optionsOf } from '../functionOptions.ts';
import { inF32 } from '../operations/broadcast.ts';
import { expectTensors, type Tensor } from '../tensor.ts';
import { add, affine, atan, div, maximum, minimum, mul, relu, sub } from './elementwise.ts';
import { type Reduction, reduceLoss } from './reduction.ts';
import { slice } from './shape.ts';

/** Keeps quotients finite where boxes are empty, as in torchvision. */
const EPS = 1e-7;

/** Options of the box losses `generalizedBoxIouLoss`, `distanceBoxIouLoss` and `completeBoxIouLoss`. */
export interface BoxLossOptions {
  /** `none`: one loss per box; `mean` or `sum` over all boxes. Default `none`, as in torchvision. */
  readonly reduction?: Reduction;
}

const reductionOf = (op: string, options: BoxLossOptions): Reduction =>
  optionsOf(op, options, { reduction: 'none' }).reduction;

interface Overlap {
  readonly iou: Tensor;
  readonly union: Tensor;
  /** Sides of the smallest box that holds both. */
  readonly hull: readonly [width: Tensor, height: Tensor];
  readonly x: Corners;
  readonly target: Corners;
}

type Corners = readonly [x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor];

function cornersOf(boxes: Tensor): Corners {
  const lead = boxes.shape.slice(0, -1);
  const every = lead.map(() => [] as const);
  const part = (i: number) => slice(boxes, [...every, [i, i + 1]]).reshape(lead);
  return [part(0), part(1), part(2), part(3)];
}

const areaOf = ([x1, y1, x2, y2]: Corners): Tensor => mul(sub(x2, x1), sub(y2, y1));
const square = (t: Tensor): Tensor => mul(t, t);

function overlapOf(op: string, x: Tensor, target: Tensor): Overlap {
  expectTensors(op, { x, target });
  for (const [name, boxes] of Object.entries({ x, target })) expectDType(op, name, boxes, 'f32', 'f16');
  if (!sameShape(x.shape, target.shape) || x.shape.at(-1) !== 4) {
    throw new ShapeError(
      `${op}: x ${formatShape(x.shape)} and target ${formatShape(target.shape)} must have one shape that ends in 4`,
    );
  }
  const [p, g] = [cornersOf(inF32(x)), cornersOf(inF32(target))];
  const width = relu(sub(minimum(p[2], g[2]), maximum(p[0], g[0])));
  const height = relu(sub(minimum(p[3], g[3]), maximum(p[1], g[1])));
  const shared = mul(width, height);
  const union = sub(add(areaOf(p), areaOf(g)), shared);
  const hull = [
    sub(maximum(p[2], g[2]), minimum(p[0], g[0])),
    sub(maximum(p[3], g[3]), minimum(p[1], g[1])),
  ] as const;
  return { iou: div(shared, affine(union, 1, EPS)), union, hull, x: p, target: g };
}

/** 1 - IoU + |c_x - c_target|^2 / d^2. */
function distanceLoss({ iou, hull: [width, height], x, target }: Overlap): Tensor {
  const diagonal = affine(add(square(width), square(height)), 1, EPS);
  const apart = (axis: 0 | 1) =>
    affine(sub(add(x[axis], x[axis + 2]!), add(target[axis], target[axis + 2]!)), 0.5);
  const distance = add(square(apart(0)), square(apart(1)));
  return add(affine(iou, -1, 1), div(distance, diagonal));
}

/**
 * 1 - GIoU of each box with its target: IoU less the share of the hull that neither covers (Rezatofighi et al.
 * 2019). x, target: […,4], xyxy with x1 <= x2 and y1 <= y2.
 */
export function generalizedBoxIouLoss(x: Tensor, target: Tensor, options: BoxLossOptions = {}): Tensor {
  const reduction = reductionOf('generalized_box_iou_loss', options);
  const { iou, union, hull } = overlapOf('generalized_box_iou_loss', x, target);
  const area = mul(hull[0], hull[1]);
  const wasted = div(sub(area, union), affine(area, 1, EPS));
  return reduceLoss('generalized_box_iou_loss', add(affine(iou, -1, 1), wasted), reduction);
}

/**
 * 1 - IoU + squared distance of the centres over the hull's squared diagonal (Zheng et al. 2020, DIoU). x, target:
 * […,4], xyxy.
 */
export function distanceBoxIouLoss(x: Tensor, target: Tensor, options: BoxLossOptions = {}): Tensor {
  const reduction = reductionOf('distance_box_iou_loss', options);
  return reduceLoss(
    'distance_box_iou_loss',
    distanceLoss(overlapOf('distance_box_iou_loss', x, target)),
    reduction,
  );
}

/**
 * The distance loss plus alpha v, v = (4 / pi^2) (atan(w_t / h_t) - atan(w / h))^2, alpha = v / (1 - IoU + v), which
 * no gradient flows through (Zheng et al. 2020, CIoU). x, target: […,4], xyxy; heights above 0.
 */
export function completeBoxIouLoss(x: Tensor, target: Tensor, options: BoxLossOptions = {}): Tensor {
  const reduction = reductionOf('complete_box_iou_loss', options);
  const overlap = overlapOf('complete_box_iou_loss', x, target);
  const aspect = ([x1, y1, x2, y2]: Corners) => atan(div(sub(x2, x1), sub(y2, y1)));
  const v = affine(square(sub(aspect(overlap.target), aspect(overlap.x))), 4 / Math.PI ** 2);
  const alpha = div(v, affine(sub(v, overlap.iou), 1, 1 + EPS)).detach();
  return reduceLoss('complete_box_iou_loss', add(distanceLoss(overlap), mul(alpha, v)), reduction);
}
