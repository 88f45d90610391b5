import type { Call, Operators } from '../operator.ts';
import { Value } from '../value.ts';

/** Corners, the smaller first, of a box as ONNX writes it: [y1,x1,y2,x2] in any order, or centre and size. */
function corners(data: readonly number[], at: number, centred: boolean): [number, number, number, number] {
  const [a, b, c, d] = data.slice(at, at + 4) as [number, number, number, number];
  if (centred) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2];
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

type Box = ReturnType<typeof corners>;

const area = ([y1, x1, y2, x2]: Box): number => (y2 - y1) * (x2 - x1);

function overlap(a: Box, b: Box): number {
  const height = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const width = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (height <= 0 || width <= 0) return 0;
  const shared = height * width;
  const union = area(a) + area(b) - shared;
  return union > 0 ? shared / union : 0;
}

/** The boxes of one image and class that stay, the best first. */
function kept(
  boxes: readonly Box[],
  scores: readonly number[],
  { most, iou, least }: { most: number; iou: number; least: number },
): number[] {
  const order = scores.flatMap((score, i) => (score > least ? [i] : []));
  order.sort((i, j) => scores[j]! - scores[i]! || i - j);
  const stay: number[] = [];
  for (const i of order) {
    if (stay.length >= most) break;
    if (stay.every((j) => overlap(boxes[i]!, boxes[j]!) <= iou)) stay.push(i);
  }
  return stay;
}

function suppressed(call: Call): Value {
  const [boxes, scores] = [call.input(0), call.input(1)];
  const [N, R] = boxes.shape as [number, number];
  const C = scores.shape[1]!;
  if (
    boxes.rank !== 3 ||
    scores.rank !== 3 ||
    boxes.shape[2] !== 4 ||
    scores.shape[0] !== N ||
    scores.shape[2] !== R
  ) {
    call.damaged(`boxes [${boxes.shape}] and scores [${scores.shape}] do not fit`);
  }
  const limits = {
    most: call.number(2, 0),
    iou: call.number(3, 0),
    least: call.number(4, Number.NEGATIVE_INFINITY),
  };
  const centred = call.attrs.int('center_point_box', 0) === 1;
  const [places, values] = [call.numbers(0), call.numbers(1)];
  const found: number[] = [];
  for (let n = 0; n < N; n++) {
    const own = Array.from({ length: R }, (_, i) => corners(places, (n * R + i) * 4, centred));
    for (let c = 0; c < C; c++) {
      const start = (n * C + c) * R;
      for (const i of kept(own, values.slice(start, start + R), limits)) found.push(n, c, i);
    }
  }
  return Value.constant({ type: 'int64', shape: [found.length / 3, 3], data: Float64Array.from(found) });
}

/** Non-maximum suppression, on the CPU: how many boxes stay is a shape. */
export const suppression: Operators = {
  NonMaxSuppression: { known: [0, 1, 2, 3, 4], run: suppressed },
};
