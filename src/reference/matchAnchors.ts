import type { MatchAnchorsAttrs } from '../kernels/boxes/matchAnchors.ts';
import { boxAt, iouOf } from './boxIou.ts';
import { type Reference, refArray } from './reference.ts';

export const matchAnchors: Reference<'anchors' | 'boxes' | 'count', never, 'matches', MatchAnchorsAttrs> = (
  { anchors, boxes, count },
  { highThreshold, lowThreshold, allowLowQuality = false },
  outputs,
) => {
  const matches = refArray(outputs.matches);
  const [images, A] = outputs.matches.shape as [number, number];
  const capacity = boxes.shape[1]!;
  for (let n = 0; n < images; n++) {
    const G = Math.min(Math.max(count.data[n]!, 0), capacity);
    const quality = Array.from({ length: A }, (_, a) => {
      const anchor = boxAt(anchors.data, anchors.shape.length === 3 ? n * A + a : a);
      return Array.from({ length: G }, (_, g) => iouOf(boxAt(boxes.data, n * capacity + g), anchor));
    });
    const all = quality.map((row) => row.indexOf(Math.max(...row)));
    const best = Array.from({ length: G }, (_, g) => Math.max(...quality.map((row) => row[g]!)));
    quality.forEach((row, a) => {
      const top = row[all[a]!];
      const claimed = allowLowQuality && row.some((value, g) => value === best[g]);
      const missed = top === undefined || top < lowThreshold ? -1 : top < highThreshold ? -2 : all[a]!;
      matches[n * A + a] = claimed ? all[a]! : missed;
    });
  }
  return { matches };
};
