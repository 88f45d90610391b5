import { type Reference, refArray } from './reference.ts';
import { cubicWeights } from './resample.ts';

export const heatmapsToKeypoints: Reference<'maps' | 'boxes', never, 'y'> = (
  { maps, boxes },
  _attrs,
  outputs,
) => {
  const y = refArray(outputs.y);
  const [R, M, , K] = maps.shape as [number, number, number, number];
  const clip = (index: number) => Math.min(Math.max(index, 0), M - 1);
  for (let r = 0; r < R; r++) {
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((i) => boxes.data[r * 4 + i]!) as [
      number,
      number,
      number,
      number,
    ];
    // The size is rounded up to whole pixels, so it must be computed as f32 computes it.
    const [width, height] = [Math.max(Math.fround(x2 - x1), 1), Math.max(Math.fround(y2 - y1), 1)];
    const [columns, rows] = [Math.ceil(width), Math.ceil(height)];
    const value = (k: number, row: number, column: number) => {
      const [v, u] = [((row + 0.5) * M) / rows - 0.5, ((column + 0.5) * M) / columns - 0.5];
      const [top, left] = [Math.floor(v), Math.floor(u)];
      const across = cubicWeights(u - left);
      return cubicWeights(v - top).reduce((sum, down, i) => {
        const line = (r * M + clip(top + i - 1)) * M;
        return (
          sum +
          down * across.reduce((on, a, j) => on + a * maps.data[(line + clip(left + j - 1)) * K + k]!, 0)
        );
      }, 0);
    };
    for (let k = 0; k < K; k++) {
      let [best, place] = [Number.NEGATIVE_INFINITY, 0];
      for (let i = 0; i < rows * columns; i++) {
        const found = value(k, Math.floor(i / columns), i % columns);
        if (found > best) [best, place] = [found, i];
      }
      const at = (r * K + k) * 3;
      y[at] = (((place % columns) + 0.5) * width) / columns + x1;
      y[at + 1] = ((Math.floor(place / columns) + 0.5) * height) / rows + y1;
      y[at + 2] = best;
    }
  }
  return { y };
};
