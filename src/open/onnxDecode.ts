import type { MaskPatch } from '../data/annotation.ts';
import { type Box, boxIou } from '../vision/boxes.ts';
import type { Head } from './onnxHeads.ts';

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
  const { data } = outputs.get(output)!;
  return Array.from({ length: Math.floor(data.length / 6) }, (_, index) => ({
    box: boxAt(data, 6 * index),
    score: data[6 * index + 4]!,
    label: Math.round(data[6 * index + 5]!),
    index,
  }));
}

/** The objects that a head found, best first. */
export function candidatesOf(
  head: Exclude<Head, { kind: 'map' }>,
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

/** The pixels of an object from its mask over the network's input: those of at least 0.5 in its box. Undefined if none. */
export function patchOf(
  mask: ArrayLike<number>,
  network: { readonly width: number; readonly height: number; readonly at: number },
  box: Box,
  place: (x: number, y: number) => readonly [number, number],
): MaskPatch | undefined {
  const [x, y] = [Math.floor(box[0]), Math.floor(box[1])];
  const [width, height] = [Math.ceil(box[2]) - x, Math.ceil(box[3]) - y];
  const data = new Uint8Array(width * height);
  let any = false;
  for (let v = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      const [across, down] = place(x + u + 0.5, y + v + 0.5);
      const column = Math.min(Math.max(Math.floor(across), 0), network.width - 1);
      const row = Math.min(Math.max(Math.floor(down), 0), network.height - 1);
      if (mask[network.at + row * network.width + column]! < 0.5) continue;
      data[v * width + u] = 1;
      any = true;
    }
  }
  return any ? { x, y, width, height, data } : undefined;
}
