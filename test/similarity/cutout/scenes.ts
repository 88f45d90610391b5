import type { Matte, RgbPixels } from '../../../src/similarity/cutout/matte.ts';
import { Random } from '../../../src/vision/random.ts';

/** A composite of which everything is known. */
export interface Scene {
  readonly image: RgbPixels & { readonly data: Float32Array };
  readonly matte: Matte;
  readonly foreground: Float32Array;
  readonly background: Float32Array;
}

/** Smooth colours: the sum of a few waves, 0..1. */
function waves(width: number, height: number, random: Random, low: number, high: number): Float32Array {
  const parts = Array.from({ length: 9 }, () => ({
    u: random.range(-3, 3) / width,
    v: random.range(-3, 3) / height,
    phase: random.range(0, 7),
  }));
  const data = new Float32Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) {
        let sum = 0;
        for (let k = 0; k < 3; k++) {
          const { u, v, phase } = parts[3 * c + k]!;
          sum += Math.sin(2 * Math.PI * (u * x + v * y) + phase) / 3;
        }
        data[i] = low + ((high - low) * (sum + 1)) / 2;
      }
    }
  }
  return data;
}

/** A soft disc with strands like hair, of bright colours on dark ones. */
export function scene(width: number, height: number, seed = 'scene'): Scene {
  const random = new Random(seed);
  const side = Math.min(width, height);
  const strands = Array.from({ length: 24 }, () => ({
    angle: random.range(0, 2 * Math.PI),
    bend: random.range(-0.6, 0.6),
    wide: (random.range(0.6, 2) * side) / 128,
  }));
  const alpha = new Float32Array(width * height);
  const [cx, cy, radius, soft] = [width / 2, height / 2, 0.25 * side, 0.03 * side];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const distance = Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
      alpha[y * width + x] = Math.min(Math.max((radius - distance) / soft + 0.5, 0), 1);
    }
  }
  for (const { angle, bend, wide } of strands) {
    for (let t = 0; t < 1; t += 0.25 / side) {
      const turn = angle + bend * t;
      const far = radius + t * 0.18 * side;
      const [px, py] = [cx + far * Math.cos(turn), cy + far * Math.sin(turn)];
      const reach = wide * (1 - t) + 0.5;
      for (let y = Math.floor(py - reach - 1); y <= py + reach + 1; y++) {
        for (let x = Math.floor(px - reach - 1); x <= px + reach + 1; x++) {
          if (x < 0 || y < 0 || x >= width || y >= height) continue;
          const covered = Math.min(Math.max(reach - Math.hypot(x + 0.5 - px, y + 0.5 - py) + 0.5, 0), 1);
          alpha[y * width + x] = Math.max(alpha[y * width + x]!, covered * (1 - 0.5 * t));
        }
      }
    }
  }
  const foreground = waves(width, height, random, 0.55, 0.95);
  const background = waves(width, height, random, 0.05, 0.4);
  const data = foreground.map((value, i) => {
    const a = alpha[Math.floor(i / 3)]!;
    return a * value + (1 - a) * background[i]!;
  });
  return { image: { width, height, data }, matte: { width, height, data: alpha }, foreground, background };
}
