import type {
  ExpandAttrs,
  FlipAttrs,
  PadAttrs,
  PermuteAttrs,
  SliceAttrs,
  SliceBackwardAttrs,
} from '../kernels/shape/stridedCopy.ts';
import { type Shape, stridesOf } from '../shape.ts';
import { type Reference, refArray } from './reference.ts';

/** Every coordinate of a shape in order, with its flat index. */
function eachCoordinate(shape: Shape, visit: (coordinate: readonly number[], index: number) => void): void {
  const strides = stridesOf(shape);
  const total = shape.reduce((product, size) => product * size, 1);
  for (let i = 0; i < total; i++) {
    visit(
      shape.map((size, d) => Math.floor(i / strides[d]!) % size),
      i,
    );
  }
}

const flat = (coordinate: readonly number[], shape: Shape): number =>
  stridesOf(shape).reduce((index, stride, d) => index + stride * coordinate[d]!, 0);

export const permute: Reference<'x', never, 'y', PermuteAttrs> = ({ x }, { dims }, outputs) => {
  const y = refArray(outputs.y);
  eachCoordinate(x.shape, (c, i) => {
    const to = dims.map((dim) => c[dim]!);
    y[flat(to, outputs.y.shape)] = x.data[i]!;
  });
  return { y };
};

export const slice: Reference<'x', never, 'y', SliceAttrs> = ({ x }, { starts, steps }, outputs) => {
  const y = refArray(outputs.y);
  eachCoordinate(outputs.y.shape, (c, i) => {
    const from = c.map((at, d) => starts[d]! + at * steps[d]!);
    y[i] = x.data[flat(from, x.shape)]!;
  });
  return { y };
};

export const sliceBackward: Reference<'dy', never, 'dx', SliceBackwardAttrs> = (
  { dy },
  { starts, steps, inputShape },
  outputs,
) => {
  const dx = refArray(outputs.dx);
  eachCoordinate(dy.shape, (c, i) => {
    const to = c.map((at, d) => starts[d]! + at * steps[d]!);
    dx[flat(to, inputShape)]! += dy.data[i]!;
  });
  return { dx };
};

export const pad: Reference<'x', never, 'y', PadAttrs> = ({ x }, { padding, value }, outputs) => {
  const y = refArray(outputs.y).fill(value);
  const shape = outputs.y.shape;
  eachCoordinate(x.shape, (c, i) => {
    const to = c.map((at, d) => at + padding[d]![0]);
    if (to.every((at, d) => at >= 0 && at < shape[d]!)) y[flat(to, shape)] = x.data[i]!;
  });
  return { y };
};

export const flip: Reference<'x', never, 'y', FlipAttrs> = ({ x }, { dims }, outputs) => {
  const y = refArray(outputs.y);
  eachCoordinate(x.shape, (c, i) => {
    const to = c.map((at, d) => (dims.includes(d) ? x.shape[d]! - 1 - at : at));
    y[flat(to, x.shape)] = x.data[i]!;
  });
  return { y };
};

export const expand: Reference<'x', never, 'y', ExpandAttrs> = ({ x }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  const more = outputs.y.shape.length - x.shape.length;
  eachCoordinate(outputs.y.shape, (c, i) => {
    const from = x.shape.map((size, d) => (size === 1 ? 0 : c[d + more]!));
    y[i] = x.data[flat(from, x.shape)]!;
  });
  return { y };
};
