import type { WeightedBoxFusionAttrs } from '../kernels/boxes/weightedBoxFusion.ts';
import { boxAt, type Corners, iouOf } from './boxIou.ts';
import { type Reference, refArray } from './reference.ts';

interface Cluster {
  box: Corners;
  readonly label: number;
  readonly boxes: Corners[];
  readonly scores: number[];
}

const SMALLEST_NORMAL = 2 ** -126;

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const weightedBoxFusion: Reference<
  'boxes' | 'scores' | 'labels',
  'count',
  'fusedBoxes' | 'fusedScores' | 'fusedLabels' | 'fusedCount',
  WeightedBoxFusionAttrs
> = (
  { boxes, scores, labels, count },
  { models, iouThreshold, scoreThreshold, confType },
  { fusedBoxes, fusedScores, fusedLabels, fusedCount },
) => {
  const [N, R] = boxes.shape as [number, number];
  const most = fusedScores.shape[1]!;
  const [y, s, l, c] = [fusedBoxes, fusedScores, fusedLabels, fusedCount].map(refArray);
  const scoreOf = ({ scores }: Cluster): number =>
    confType === 'max'
      ? Math.max(...scores)
      : ((total(scores) / scores.length) * Math.min(scores.length, models)) / models;
  const takesPart = (i: number): boolean => {
    const [x1, y1, x2, y2] = boxAt(boxes.data, i);
    const score = scores.data[i]!;
    return (
      [x1, y1, x2, y2, score].every(Number.isFinite) &&
      x1 < x2 &&
      y1 < y2 &&
      score >= SMALLEST_NORMAL &&
      score > Math.fround(scoreThreshold)
    );
  };
  for (let n = 0; n < N; n++) {
    const order = Array.from({ length: Math.min(count?.data[n] ?? R, R) }, (_, k) => n * R + k)
      .filter(takesPart)
      .sort((i, j) => scores.data[j]! - scores.data[i]!);
    const clusters: Cluster[] = [];
    for (const i of order) {
      const [box, score, label] = [boxAt(boxes.data, i), scores.data[i]!, labels.data[i]!];
      let nearest: Cluster | undefined;
      let greatest = iouThreshold;
      for (const cluster of clusters) {
        const iou = cluster.label === label ? iouOf(cluster.box, box) : 0;
        if (iou > greatest) [nearest, greatest] = [cluster, iou];
      }
      if (!nearest) {
        clusters.push({ box, label, boxes: [box], scores: [score] });
        continue;
      }
      nearest.boxes.push(box);
      nearest.scores.push(score);
      const { boxes: members, scores: weights } = nearest;
      const side = (k: number) =>
        total(members.map((member, m) => member[k]! * weights[m]!)) / total(weights);
      nearest.box = [side(0), side(1), side(2), side(3)];
    }
    clusters.sort((a, b) => scoreOf(b) - scoreOf(a));
    clusters.slice(0, most).forEach((cluster, place) => {
      y!.set(cluster.box, (n * most + place) * 4);
      s![n * most + place] = scoreOf(cluster);
      l![n * most + place] = cluster.label;
    });
    c![n] = Math.min(clusters.length, most);
  }
  return { fusedBoxes: y!, fusedScores: s!, fusedLabels: l!, fusedCount: c! };
};
