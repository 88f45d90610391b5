import { DataError } from '../errors.ts';
import { boxIou } from '../graph/functions/boxes.ts';
import {
  add,
  affine,
  clamp,
  div,
  equal,
  floor,
  greater,
  greaterEqual,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  softplus,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits, mseLoss } from '../graph/functions/losses.ts';
import { amax, argmax, matmul, sum } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { DarknetYOLO } from './darknet.ts';
import type { DetectionTargets } from './detection.ts';
import { inIgnored } from './ignored.ts';

/** One yolo layer's predictions among all of them: by row, column and anchor from `offset` on. */
export interface YOLOHead {
  readonly layer: DarknetYOLO;
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
}

/** The predictions for one image size: which layer, cell and anchor each of them belongs to. */
export interface YOLOGrid {
  readonly imageSize: readonly [number, number];
  readonly heads: readonly YOLOHead[];
  /** [A,2]: (column, row) of each prediction's cell. */
  readonly cells: Tensor;
  /** [A,2]: (width, height) of a cell in pixels. */
  readonly sizes: Tensor;
  /** [A,2]: (width, height) in pixels. */
  readonly anchors: Tensor;
  /** [A,1]: scale_x_y. */
  readonly scales: Tensor;
}

/** The objects of a batch; padding has boxes of zeros and `valid` 0. */
interface Truths {
  /** [N,G,4], xyxy. */
  readonly boxes: Tensor;
  /** [N,G,2]. */
  readonly centre: Tensor;
  readonly side: Tensor;
  /** [N,G]. */
  readonly valid: Tensor;
}

const columns = (x: Tensor, start: number, end: number): Tensor => slice(x, [[], [], [start, end]]);
const float = (x: Tensor): Tensor => cast(x, 'f32');
const whole = (count: number): Tensor => tensor(Int32Array.from({ length: count }, (_, i) => i));

function truthsOf({ boxes, counts }: DetectionTargets): Truths {
  const [N, G] = boxes.shape as [number, number];
  const sides = sub(columns(boxes, 2, 4), columns(boxes, 0, 2));
  const real = greater(minimum(columns(sides, 0, 1), columns(sides, 1, 2)), 0).reshape([N, G]);
  const valid = mul(real, float(greater(counts.reshape([N, 1]), whole(G))));
  const kept = where(valid.reshape([N, G, 1]), boxes, 0);
  const [first, second] = [columns(kept, 0, 2), columns(kept, 2, 4)];
  return { boxes: kept, centre: affine(add(first, second), 0.5), side: sub(second, first), valid };
}

/**
 * Which prediction of a yolo layer each truth is for, i32 [N,G]: that of its centre's cell and of the anchor that has the best
 * IoU with it where both stand in one corner, the first of equal ones. -1 where there is no truth, or where that
 * anchor is another layer's.
 */
function slotsOf(truths: Truths, { layer, offset, rows, columns: across }: YOLOHead, size: Tensor): Tensor {
  const { anchors, mask } = layer;
  const widths = tensor(anchors.map(([w]) => w));
  const heights = tensor(anchors.map(([, h]) => h));
  const [w, h] = [columns(truths.side, 0, 1), columns(truths.side, 1, 2)];
  const shared = mul(minimum(w, widths), minimum(h, heights));
  const union = sub(add(mul(w, h), mul(widths, heights)), shared);
  const best = argmax(div(shared, union), { dim: -1 });
  const position = gatherRows(tensor(Int32Array.from(anchors, (_, n) => mask.indexOf(n))), best);
  // A centre on the far edge belongs to the last cell.
  const last = tensor([across - 1, rows - 1]);
  const cell = cast(minimum(maximum(floor(div(truths.centre, size)), 0), last), 'i32');
  const [N, G] = truths.valid.shape as [number, number];
  const [x, y] = [columns(cell, 0, 1).reshape([N, G]), columns(cell, 1, 2).reshape([N, G])];
  const slot = add(add(mul(add(mul(y, across), x), mask.length), position), offset);
  const taken = mul(cast(truths.valid, 'i32'), greaterEqual(position, 0));
  return where(taken, slot, -1);
}

/**
 * YOLOv3's losses (Redmon and Farhadi 2018, §2.1 and 2.2) as Darknet weighs them (yolo_layer.c), such that their gradients to
 * raw predictions are Darknet's deltas. Each truth is learned by one prediction (slotsOf) of each layer that has its
 * anchor: x, y by cross-entropy (less the target's own, so that a right box has no loss), w, h by half the squared error, both
 * times 2 - w h / (W H), and classes by cross-entropy.
 * All predictions learn their objectness by cross-entropy, apart from those without a truth whose box overlaps one by more
 * than ignore_thresh. Where truths share a prediction it learns the last one's box and all their classes.
 *
 * raw: [N,A,5 + K]; decoded: their boxes [N,A,4]. Sums over an image, means over images. Truths without area count for
 * nothing.
 */
export function yoloLosses(
  raw: Tensor,
  grid: YOLOGrid,
  decoded: Tensor,
  targets: DetectionTargets,
): { box: Tensor; objectness: Tensor; classification: Tensor } {
  const { heads, cells, sizes, anchors, scales } = grid;
  const early = heads.find(({ layer }) => layer.truthThresh < 1)?.layer;
  if (early) {
    throw new DataError(
      `YOLO.losses: line ${early.line}: truth_thresh=${early.truthThresh}; training takes 1, as YOLOv3 has it`,
    );
  }
  const [N, A, values] = raw.shape as [number, number, number];
  const truths = truthsOf(targets);
  const everyHead = (t: Tensor) =>
    concat(
      heads.map(() => t),
      1,
    );
  const slots = concat(
    heads.map((head) => slotsOf(truths, head, slice(sizes, [[head.offset, head.offset + 1]]))),
    1,
  );
  const S = slots.shape[1]!;
  const same = float(equal(slots.reshape([N, S, 1]), slots.reshape([N, 1, S])));
  const later = float(greater(whole(S), whole(S).reshape([S, 1])));
  const overruled = amax(mul(same, later), { dim: -1 });
  const active = mul(float(greaterEqual(slots, 0)), affine(overruled, -1, 1));
  const each = active.reshape([N, S, 1]);
  const total = (losses: Tensor) => affine(sum(losses), 1 / N);

  const learned = gatherRows(raw, slots, 1);
  const side = everyHead(truths.side);
  const of = (table: Tensor) => gatherRows(table, slots);
  const place = sub(div(everyHead(truths.centre), of(sizes)), of(cells));
  const middle = add(div(affine(place, 1, -0.5), of(scales)), 0.5);
  // What is not active divides by zero here.
  const inside = where(each, clamp(middle, 0, 1), 0);
  const stretch = log(where(each, div(side, of(anchors)), 1));
  const [H, W] = grid.imageSize;
  const weight = affine(mul(columns(side, 0, 1), columns(side, 1, 2)), -1 / (W * H), 2);
  const crossed = binaryCrossEntropyWithLogits(columns(learned, 0, 2), inside, { reduction: 'none' });
  const centre = sub(crossed, entropy(inside));
  const spread = affine(mseLoss(columns(learned, 2, 4), stretch, { reduction: 'none' }), 0.5);

  const labels = oneHot(everyHead(targets.labels), values - 5);
  const classes = minimum(matmul(same, labels), 1);
  const wrong = binaryCrossEntropyWithLogits(columns(learned, 5, values), classes, { reduction: 'none' });

  const limits = heads.flatMap((head, k) =>
    new Array<number>((heads[k + 1]?.offset ?? A) - head.offset).fill(head.layer.ignoreThresh),
  );
  const apart = float(lessEqual(amax(boxIou(decoded, truths.boxes), { dim: -1 }), tensor(limits)));
  const { ignored } = targets;
  const counted = ignored ? mul(apart, affine(inIgnored(decoded, ignored, grid.imageSize), -1, 1)) : apart;
  const empty = mul(counted, softplus(columns(raw, 4, 5).reshape([N, A])));
  // What shows a truth was counted as empty, or not at all: softplus(-x) - counted softplus(x) puts it right.
  const found = columns(learned, 4, 5).reshape([N, S]);
  const amend = sub(mul(affine(gatherRows(counted, slots, 1), -1, 1), softplus(found)), found);
  return {
    box: total(mul(mul(add(centre, spread), weight), each)),
    objectness: add(total(empty), total(mul(amend, active))),
    classification: total(mul(wrong, each)),
  };
}

/** The cross-entropy that is left where a prediction is right: -t log t - (1 - t) log(1 - t). */
function entropy(t: Tensor): Tensor {
  const term = (share: Tensor) => mul(share, log(maximum(share, 1e-30)));
  return affine(add(term(t), term(affine(t, -1, 1))), -1);
}
