import { type RefArray, type Reference, type RefTensor, refArray } from './reference.ts';

export type Corners = readonly [number, number, number, number];

/** Box i of a [..., 4] array. */
export const boxAt = (data: RefArray, i: number): Corners => [
  data[4 * i]!,
  data[4 * i + 1]!,
  data[4 * i + 2]!,
  data[4 * i + 3]!,
];

const area = (box: Corners): number => (box[2] - box[0]) * (box[3] - box[1]);

/** Areas of the intersection, the union and the hull of two boxes. */
function areasOf(a: Corners, b: Corners): { shared: number; union: number; hull: number } {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const hullWidth = Math.max(0, Math.max(a[2], b[2]) - Math.min(a[0], b[0]));
  const hullHeight = Math.max(0, Math.max(a[3], b[3]) - Math.min(a[1], b[1]));
  const shared = width * height;
  return { shared, union: area(a) + area(b) - shared, hull: hullWidth * hullHeight };
}

export function iouOf(a: Corners, b: Corners): number {
  const { shared, union } = areasOf(a, b);
  return union === 0 ? 0 : shared / union;
}

export function generalizedIouOf(a: Corners, b: Corners): number {
  const { union, hull } = areasOf(a, b);
  return iouOf(a, b) - (hull === 0 ? 0 : (hull - union) / hull);
}

function eachPair(a: RefTensor, b: RefTensor, y: RefArray, value: (p: Corners, q: Corners) => number) {
  const [rows, count] = [a.shape.at(-2)!, b.shape.at(-2)!];
  for (let n = 0; n < a.data.length / 4; n++) {
    const first = Math.floor(n / rows) * count;
    for (let m = 0; m < count; m++) y[n * count + m] = value(boxAt(a.data, n), boxAt(b.data, first + m));
  }
  return { y };
}

export const boxIou: Reference<'a' | 'b', never, 'y', object> = ({ a, b }, _attrs, outputs) =>
  eachPair(a, b, refArray(outputs.y), iouOf);

export const generalizedBoxIou: Reference<'a' | 'b', never, 'y', object> = ({ a, b }, _attrs, outputs) =>
  eachPair(a, b, refArray(outputs.y), generalizedIouOf);
