import type { FloatImage } from '../../src/data/image.ts';
import { FoveaError } from '../../src/errors.ts';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import type { Gpu } from './gpu.ts';

// The seam to src/models/detector.ts. Once that file exists, this one shrinks to:
//   export { type Detection, type Detector, loadDetector } from '../../src/models/detector.ts';

export interface Detection {
  /** x1, y1, x2, y2 in pixels of the picture. */
  readonly box: [number, number, number, number];
  readonly label: string;
  readonly score: number;
}

export interface Detector {
  detect(image: FloatImage, options?: { scoreThreshold?: number }): Promise<Detection[]>;
}

export async function loadDetector(_gpu: Gpu, bytes: Uint8Array, name: string): Promise<Detector> {
  decodeSafetensors(bytes, name);
  throw new FoveaError(`${name}: this build of the page has no detector yet`);
}
