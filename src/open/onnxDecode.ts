import type { MaskPatch } from '../data/annotation.ts';
import { type Box, boxIou } from '../vision/boxes.ts';
import type { Head, Prototypes } from './onnxHeads.ts';

/** An output of a model, read back. */
export interface OutputValue {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** An object in pixels of the network's input. */
export interface Candidate {
  readonly box: Box;
  readonly score: number;
  readonly label: number;
  /** Its place in the lists that it comes from. */
  readonly index: number;
}

/** How objects are chosen. */
export interface Choice {
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
  readonly maxDetections: number;
  readonly candidates: number;
}

const boxAt = (data: ArrayLike<number>, at: number): Box => [
  data[at]!,
  data[at + 1]!,
  data[at + 2]!,
  data[at + 3]!,
];

/** Non-maximum suppression within each class, best first. */
function suppress(
  found: readonly Candidate[],
  { iouThreshold, maxDetections, candidates }: Choice,
): Candidate[] {
  const kept: Candidate[] = [];
  for (const one of found.slice(0, candidates)) {
    if (kept.length >= maxDetections) break;
    if (kept.every(({ label, box }) => label !== one.label || boxIou(box, one.box) <= iouThreshold))
      kept.push(one);
  }
  return kept;
}

function fromLists(
  head: Extract<Head, { kind: 'lists' }>,
  outputs: ReadonlyMap<string, OutputValue>,
): Candidate[] {
  const [boxes, scores, labels] = [head.boxes, head.scores, head.labels].map(
    (name) => outputs.get(name)!.data,
  );
  const count = head.count === undefined ? scores!.length : outputs.get(head.count)!.data[0]!;
  return Array.from({ length: count }, (_, index) => ({
    box: boxAt(boxes!, 4 * index),
    score: scores![index]!,
    label: labels![index]!,
    index,
  }));
}

function fromCandidates(
  { last, objectness, classes, output }: Extract<Head, { kind: 'candidates' }>,
  outputs: ReadonlyMap<string, OutputValue>,
  least: number,
): Candidate[] {
  const { shape, data } = outputs.get(output)!;
  const [, a, b] = shape as [number, number, number];
  const [count, channels] = last ? [b, a] : [a, b];
  const at = (index: number, channel: number) =>
    data[last ? channel * count + index : index * channels + channel]!;
  const found: Candidate[] = [];
  const first = objectness ? 5 : 4;
  for (let index = 0; index < count; index++) {
    const whole = objectness ? at(index, 4) : 1;
    if (!(whole > least)) continue;
    let [label, best] = [0, at(index, first)];
    for (let c = 1; c < classes; c++) {
      const score = at(index, first + c);
      if (score > best) [label, best] = [c, score];
    }
    const score = whole * best;
    if (!(score > least)) continue;
    const [x, y, w, h] = [0, 1, 2, 3].map((channel) => at(index, channel)) as [
      number,
      number,
      number,
      number,
    ];
    found.push({ box: [x - w / 2, y - h / 2, x + w / 2, y + h / 2], score, label, index });
  }
  return found;
}

function fromRows(
  { output }: Extract<Head, { kind: 'rows' }>,
  outputs: ReadonlyMap<string, OutputValue>,
): Candidate[] {
  const { data, shape } = outputs.get(output)!;
  const [, count, columns] = shape as [number, number, number];
  return Array.from({ length: count }, (_, index) => ({
    box: boxAt(data, columns * index),
    score: data[columns * index + 4]!,
    label: Math.round(data[columns * index + 5]!),
    index,
  }));
}

/** The objects that a head found, best first. */
export function candidatesOf(
  head: Exclude<Head, { kind: 'map' | 'classes' }>,
  outputs: ReadonlyMap<string, OutputValue>,
  choice: Choice,
): Candidate[] {
  const { scoreThreshold: least, maxDetections } = choice;
  const all =
    head.kind === 'lists'
      ? fromLists(head, outputs)
      : head.kind === 'rows'
        ? fromRows(head, outputs)
        : fromCandidates(head, outputs, least);
  const found = all.filter(({ score }) => score > least).sort((a, b) => b.score - a.score);
  const raw = head.kind === 'candidates' || (head.kind === 'lists' && head.raw);
  return raw ? suppress(found, choice) : found.slice(0, maxDetections);
}

/** The label of each pixel of a map [1,K,h,w]: the class of the highest score; of one class, above 0 as logits, or 0.5. */
export function labelsOf({ shape, data }: OutputValue): {
  labels: Uint8Array;
  height: number;
  width: number;
} {
  const [height, width] = shape.slice(-2) as [number, number];
  const pixels = height * width;
  const channels = shape.length === 4 ? shape[1]! : 0;
  const labels = new Uint8Array(pixels);
  if (channels === 0)
    return { labels: Uint8Array.from({ length: pixels }, (_, i) => data[i]!), height, width };
  if (channels === 1) {
    let share = true;
    for (let i = 0; i < pixels && share; i++) share = data[i]! >= 0 && data[i]! <= 1;
    for (let i = 0; i < pixels; i++) labels[i] = data[i]! > (share ? 0.5 : 0) ? 1 : 0;
    return { labels, height, width };
  }
  for (let i = 0; i < pixels; i++) {
    let best = data[i]!;
    for (let c = 1; c < channels; c++) {
      if (data[c * pixels + i]! > best) [best, labels[i]] = [data[c * pixels + i]!, c];
    }
  }
  return { labels, height, width };
}

/** Whether a point of the network's input, in its pixels, is inside of an object. */
export type Inside = (x: number, y: number) => boolean;

/** The objects' masks over the network's input [..., height, width]: a pixel of at least 0.5 is inside. */
export function inMask({ shape, data }: OutputValue, index: number): Inside {
  const [height, width] = shape.slice(-2) as [number, number];
  const first = index * height * width;
  return (x, y) => {
    const [column, row] = [clamp(Math.floor(x), width - 1), clamp(Math.floor(y), height - 1)];
    return data[first + row * width + column]! >= 0.5;
  };
}

const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);

/**
 * The mask of an object as the sum of prototypes: logits at their size, interpolated between their centres. Above 0 is inside.
 *
 * @param rows The head's output [1,C,A], or [1,A,C] unless `last`.
 * @param maps The prototypes [1,P,h,w].
 * @param network Width and height of the network's input.
 */
export function inPrototypes(
  rows: OutputValue,
  { first }: Prototypes,
  last: boolean,
  maps: OutputValue,
  network: { readonly width: number; readonly height: number },
  index: number,
): Inside {
  const [, count, height, width] = maps.shape as [number, number, number, number];
  const columns = rows.shape[2]!;
  const logits = new Float64Array(height * width);
  for (let p = 0; p < count; p++) {
    const factor = rows.data[last ? (first + p) * columns + index : index * columns + first + p]!;
    for (let i = 0; i < logits.length; i++) logits[i]! += factor * maps.data[p * logits.length + i]!;
  }
  const at = (column: number, row: number) =>
    logits[clamp(row, height - 1) * width + clamp(column, width - 1)]!;
  return (x, y) => {
    const [u, v] = [(x * width) / network.width - 0.5, (y * height) / network.height - 0.5];
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const [right, below] = [u - column, v - row];
    const above = at(column, row) * (1 - right) + at(column + 1, row) * right;
    const under = at(column, row + 1) * (1 - right) + at(column + 1, row + 1) * right;
    return above * (1 - below) + under * below > 0;
  };
}

/** The pixels of an object in its box. Undefined if there are none. */
export function patchOf(
  inside: Inside,
  box: Box,
  place: (x: number, y: number) => readonly [number, number],
): MaskPatch | undefined {
  const [x, y] = [Math.floor(box[0]), Math.floor(box[1])];
  const [width, height] = [Math.ceil(box[2]) - x, Math.ceil(box[3]) - y];
  const data = new Uint8Array(width * height);
  let any = false;
  for (let v = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      if (!inside(...place(x + u + 0.5, y + v + 0.5))) continue;
      data[v * width + u] = 1;
      any = true;
    }
  }
  return any ? { x, y, width, height, data } : undefined;
}
