import type { FloatImage } from '../../../src/data/image.ts';

/** The image that test/fixtures/embeddings.py makes too, of another one for each number. */
export function patternImage(side: number, number: number, width = side): FloatImage {
  const data = new Float32Array(side * width * 3);
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) {
        data[i] = ((x * (3 + number) + y * (5 + c) + Math.floor((x * y) / (7 + c)) + 60 * c) % 256) / 255;
      }
    }
  }
  return { width, height: side, channels: 3, data };
}
