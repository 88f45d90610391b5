import type { ByteImage } from '../../../src/similarity/hashes/greyImage.ts';

/** What an image of test/fixtures/hashes.py shows, and its size. */
export interface Made {
  readonly kind: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

function noise(width: number, height: number): () => number {
  let state = width * 7919 + height;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

const tent = (at: number, size: number): number => Math.min(at, size - 1 - at);

/** The images of test/fixtures/hashes.py. */
export function madeImage({ kind, width, height, channels }: Made): ByteImage {
  const next = noise(width, height);
  const value = (x: number, y: number, c: number): number => {
    if (kind === 'noise') return next();
    if (kind === 'ramp') return Math.floor((x * 255) / Math.max(1, width - 1));
    if (kind === 'squares') return (((x >> 2) + (y >> 2)) % 2) * 255;
    if (kind === 'tent') return ((tent(x, width) + tent(y, height)) * 5) % 256;
    if (kind === 'waves') return (((x * x * 3) >> 4) + ((y * y) >> 3) + ((x * y) >> 5) * (c + 1)) % 256;
    if (kind === 'block') {
      return 60 + 40 * c + (x > width >> 2 && y > Math.floor(height / 3) && x < width >> 1 ? 90 : 0);
    }
    return 77;
  };
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / channels);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % channels);
  }
  return { width, height, data };
}
