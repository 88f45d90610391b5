import type { Box } from '../../../src/vision/boxes.ts';

/** Boxes from a small linear congruence, so that Python makes the same. */
export function scattered() {
  let seed = 12345;
  const next = (n: number): number => {
    seed = (seed * 1103 + 12347) % 65536;
    return Math.floor((seed * n) / 65536);
  };
  const images = Array.from({ length: 12 }, () => {
    const groundTruth: { box: Box; label: number }[] = [];
    const predictions: { box: Box; label: number; score: number }[] = [];
    for (let i = 0; i < 8; i++) {
      const [x, y, w, h] = [next(200), next(200), 10 + next(40), 10 + next(40)];
      const label = next(3);
      if (next(6) > 0) groundTruth.push({ box: [x, y, x + w, y + h], label });
      for (let copies = next(3); copies > 0; copies--) {
        const [px, py] = [x + next(7) - 3, y + next(7) - 3];
        const box: Box = [px, py, px + w + next(5) - 2, py + h + next(5) - 2];
        predictions.push({ box, label: next(8) > 0 ? label : (label + 1) % 3, score: next(20) / 20 });
      }
    }
    return { groundTruth, predictions };
  });
  return images;
}
