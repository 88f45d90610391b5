// What moves: discs, and a detector's worth of boxes around each. Plain numbers; nothing here knows of WebGPU.

/** Height and width of the image, in pixels. */
export const SIZE = 192;
/** Height and width of each level of the pyramid. */
export const LEVELS = [SIZE / 2, SIZE / 4, SIZE / 8];
export const DISCS = 5;
/** Boxes that are proposed for each disc: the first fits, the others are off by some pixels and less sure. */
export const PROPOSALS = 8;
export const BOXES = DISCS * PROPOSALS;

export interface Scene {
  /** (x, y, radius, hue), for each disc. */
  readonly discs: Float32Array;
  /** (x1, y1, x2, y2), for each box. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
}

/** The scene at a time in seconds. */
export function sceneAt(time: number): Scene {
  const discs = new Float32Array(DISCS * 4);
  const boxes = new Float32Array(BOXES * 4);
  const scores = new Float32Array(BOXES);
  for (let d = 0; d < DISCS; d++) {
    const angle = 0.4 * time + (2 * Math.PI * d) / DISCS;
    const x = SIZE * (0.5 + 0.32 * Math.cos(angle));
    const y = SIZE * (0.5 + 0.3 * Math.sin(angle * 2));
    const radius = SIZE * (0.07 + 0.03 * Math.sin(time + 1.7 * d));
    discs.set([x, y, radius, d / DISCS], d * 4);
    for (let p = 0; p < PROPOSALS; p++) {
      const off = (k: number) => (p === 0 ? 0 : 0.22 * radius * Math.sin(5 * d + 3 * p + 2 * k + time));
      const i = d * PROPOSALS + p;
      boxes.set([x - radius + off(0), y - radius + off(1), x + radius + off(2), y + radius + off(3)], i * 4);
      scores[i] = 0.95 - 0.05 * p - 0.01 * d;
    }
  }
  return { discs, boxes, scores };
}
