import type { BoxDecodeAttrs, BoxEncodeAttrs } from '../kernels/boxes/boxCoder.ts';
import type { Shape } from '../shape.ts';
import { boxAt, type Corners } from './boxIou.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

const torchvisionClip = Math.log(1000 / 16);

/** The box of a broadcast input that belongs to box i of the result. */
function broadcastBox(x: RefTensor, out: Shape, i: number): Corners {
  let [rest, stride, at] = [i, 1, 0];
  for (let dim = 2; dim <= out.length; dim++) {
    const size = x.shape.at(-dim) ?? 1;
    const index = rest % out.at(-dim)!;
    rest = Math.floor(rest / out.at(-dim)!);
    if (dim <= x.shape.length) {
      at += (size === 1 ? 0 : index) * stride;
      stride *= size;
    }
  }
  return boxAt(x.data, at);
}

const shapeOf = ([x1, y1, x2, y2]: Corners) => ({
  cx: (x1 + x2) / 2,
  cy: (y1 + y2) / 2,
  w: x2 - x1,
  h: y2 - y1,
});

export const boxEncode: Reference<'boxes' | 'anchors', never, 'deltas', BoxEncodeAttrs> = (
  { boxes, anchors },
  { weights: [wx, wy, ww, wh] = [1, 1, 1, 1] },
  outputs,
) => {
  const deltas = refArray(outputs.deltas);
  for (let i = 0; i < deltas.length / 4; i++) {
    const box = shapeOf(broadcastBox(boxes, outputs.deltas.shape, i));
    const anchor = shapeOf(broadcastBox(anchors, outputs.deltas.shape, i));
    if (!(box.w > 0 && box.h > 0 && anchor.w > 0 && anchor.h > 0)) continue;
    deltas[4 * i] = (wx * (box.cx - anchor.cx)) / anchor.w;
    deltas[4 * i + 1] = (wy * (box.cy - anchor.cy)) / anchor.h;
    deltas[4 * i + 2] = ww * Math.log(box.w / anchor.w);
    deltas[4 * i + 3] = wh * Math.log(box.h / anchor.h);
  }
  return { deltas };
};

export const boxDecode: Reference<'deltas' | 'anchors', never, 'boxes', BoxDecodeAttrs> = (
  { deltas, anchors },
  { weights: [wx, wy, ww, wh] = [1, 1, 1, 1], clip = torchvisionClip },
  outputs,
) => {
  const boxes = refArray(outputs.boxes);
  for (let i = 0; i < boxes.length / 4; i++) {
    const anchor = shapeOf(broadcastBox(anchors, outputs.boxes.shape, i));
    const [dx, dy, dw, dh] = boxAt(deltas.data, i);
    const [cx, cy] = [anchor.cx + (dx / wx) * anchor.w, anchor.cy + (dy / wy) * anchor.h];
    const w = anchor.w * Math.exp(Math.min(dw / ww, clip));
    const h = anchor.h * Math.exp(Math.min(dh / wh, clip));
    boxes.set([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 4 * i);
  }
  return { boxes };
};

export const boxDecodeBackward: Reference<'dy' | 'deltas' | 'anchors', never, 'ddeltas', BoxDecodeAttrs> = (
  { dy, deltas, anchors },
  { weights = [1, 1, 1, 1], clip = torchvisionClip },
  outputs,
) => {
  const ddeltas = refArray(outputs.ddeltas);
  for (let i = 0; i < ddeltas.length / 4; i++) {
    const { w, h } = shapeOf(broadcastBox(anchors, outputs.ddeltas.shape, i));
    for (const [axis, side] of [w, h].entries()) {
      const [low, high] = [dy.data[4 * i + axis]!, dy.data[4 * i + axis + 2]!];
      const scale = deltas.data[4 * i + axis + 2]! / weights[axis + 2]!;
      ddeltas[4 * i + axis] = ((low + high) * side) / weights[axis]!;
      if (scale > clip) continue;
      ddeltas[4 * i + axis + 2] = ((high - low) * 0.5 * side * Math.exp(scale)) / weights[axis + 2]!;
    }
  }
  return { ddeltas };
};
