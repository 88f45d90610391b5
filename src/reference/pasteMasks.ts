import type { PasteMasksAttrs } from '../kernels/roi/pasteMasks.ts';
import { type Reference, refArray } from './reference.ts';

export const pasteMasks: Reference<'masks' | 'boxes', never, 'y', PasteMasksAttrs> = (
  { masks, boxes },
  { size: [H, W] },
  outputs,
) => {
  const y = refArray(outputs.y);
  const [R, M] = masks.shape as [number, number];
  const f = Math.fround;
  // Corners are rounded down to whole pixels, so they must be computed as f32 computes them.
  const grow = f((M + 2) / M);
  const ends = (low: number, high: number) => {
    const half = f(f(f(high - low) * 0.5) * grow);
    const centre = f(f(high + low) * 0.5);
    return [Math.trunc(f(centre - half)), Math.trunc(f(centre + half))] as const;
  };
  for (let r = 0; r < R; r++) {
    const [x1, y1, x2, y2] = boxes.data.subarray(r * 4, r * 4 + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const [left, right] = ends(x1, x2);
    const [top, bottom] = ends(y1, y2);
    const width = Math.max(right - left + 1, 1);
    const height = Math.max(bottom - top + 1, 1);
    const cell = (row: number, column: number) =>
      row < 1 || row > M || column < 1 || column > M ? 0 : masks.data[(r * M + row - 1) * M + column - 1]!;
    const place = (at: number, length: number) => {
      const position = Math.max(((at + 0.5) * (M + 2)) / length - 0.5, 0);
      const near = Math.min(Math.floor(position), M + 1);
      return { near, far: Math.min(near + 1, M + 1), share: position - near };
    };
    for (let row = Math.max(top, 0); row < Math.min(top + height, H); row++) {
      const down = place(row - top, height);
      for (let column = Math.max(left, 0); column < Math.min(left + width, W); column++) {
        const across = place(column - left, width);
        const on = (line: number) =>
          cell(line, across.near) * (1 - across.share) + cell(line, across.far) * across.share;
        y[(r * H + row) * W + column] = on(down.near) * (1 - down.share) + on(down.far) * down.share;
      }
    }
  }
  return { y };
};
