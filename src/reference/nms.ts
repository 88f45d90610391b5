import type { NmsAttrs } from '../kernels/boxes/nms.ts';
import { boxAt, iouOf } from './boxIou.ts';
import { type Reference, refArray } from './reference.ts';
import { compareNumbers } from './sort.ts';

export const nms: Reference<'boxes' | 'scores', 'labels', 'indices' | 'count', NmsAttrs> = (
  { boxes, scores, labels },
  { iouThreshold, scoreThreshold = Number.NEGATIVE_INFINITY },
  outputs,
) => {
  const [indices, count] = [refArray(outputs.indices).fill(-1), refArray(outputs.count)];
  const [batch, R] = [boxes.shape[0]!, boxes.shape[1]!];
  const most = outputs.indices.shape[1]!;
  const all = scoreThreshold === Number.NEGATIVE_INFINITY;
  for (let b = 0; b < batch; b++) {
    const scoreOf = (i: number) => scores.data[b * R + i]!;
    const order = Array.from({ length: R }, (_, i) => i)
      .filter((i) => all || scoreOf(i) > Math.fround(scoreThreshold))
      .sort((i, j) => compareNumbers(scoreOf(j), scoreOf(i)));
    const kept: number[] = [];
    for (const i of order) {
      const removed = kept.some(
        (k) =>
          labels?.data[b * R + k] === labels?.data[b * R + i] &&
          iouOf(boxAt(boxes.data, b * R + k), boxAt(boxes.data, b * R + i)) > iouThreshold,
      );
      if (!removed) kept.push(i);
    }
    kept.slice(0, most).forEach((k, place) => {
      indices[b * most + place] = k;
    });
    count[b] = Math.min(kept.length, most);
  }
  return { indices, count };
};
