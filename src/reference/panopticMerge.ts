import type { PanopticMergeAttrs } from '../kernels/roi/panopticMerge.ts';
import { pasteMasks } from './pasteMasks.ts';
import { type Reference, refArray } from './reference.ts';

export const panopticMerge: Reference<
  'masks' | 'boxes' | 'count' | 'semantic',
  never,
  'ids' | 'sources' | 'segments',
  PanopticMergeAttrs
> = ({ masks, boxes, count, semantic }, attrs, outputs) => {
  const { numStuff, maskThreshold, overlapThreshold, stuffAreaLimit } = attrs;
  const [N, D, M] = masks.shape as [number, number, number];
  const [, H, W] = semantic.shape as [number, number, number];
  const sources = refArray(outputs.sources).fill(-1);
  const [ids, segments] = [refArray(outputs.ids), refArray(outputs.segments)];
  const pasted = pasteMasks(
    { masks: { ...masks, shape: [N * D, M, M] }, boxes: { ...boxes, shape: [N * D, 4] } },
    { size: [H, W] },
    { y: { shape: [N * D, H, W], dtype: 'f32' } },
  ).y;
  const f = Math.fround;
  for (let n = 0; n < N; n++) {
    const map = ids.subarray(n * H * W, (n + 1) * H * W);
    const give = (pixels: readonly number[], source: number) => {
      sources[n * (D + numStuff) + segments[n]!] = source;
      segments[n]!++;
      for (const pixel of pixels) map[pixel] = segments[n]!;
    };
    const where = (shows: (pixel: number) => boolean) =>
      Array.from(map.keys()).filter((pixel) => shows(pixel));
    for (let d = 0; d < Math.min(count.data[n]!, D); d++) {
      const first = (n * D + d) * H * W;
      const pixels = where((pixel) => pasted[first + pixel]! >= f(maskThreshold));
      const free = pixels.filter((pixel) => map[pixel] === 0);
      // Products are rounded as in f32, so that ties are the same ones.
      const most = f(f(overlapThreshold) * pixels.length);
      if (free.length > 0 && pixels.length - free.length <= most) give(free, d);
    }
    for (let region = 1; region <= numStuff; region++) {
      const free = where((pixel) => map[pixel] === 0 && semantic.data[n * H * W + pixel] === region);
      if (free.length >= Math.max(stuffAreaLimit, 1)) give(free, D + region - 1);
    }
  }
  return { ids, sources, segments };
};
