import { UsageError } from 'fovea';
import type { TestTimeAugmentationOptions } from 'fovea/models';

/** How often a detector looks at an image, as the command line says it. */
export interface AugmentationOptions {
  readonly scales?: readonly number[];
  readonly flip?: boolean;
  readonly merge?: 'nms' | 'wbf';
}

/** Test-time augmentation as the options ask for it. Undefined if none of them is given: each image is then processed once. */
export function augmentationOf({
  scales,
  flip = false,
  merge,
}: AugmentationOptions): TestTimeAugmentationOptions | undefined {
  if (scales === undefined && !flip) {
    if (merge === undefined) return undefined;
    throw new UsageError(`--merge ${merge} needs several views of an image; add --scales or --flip`);
  }
  return { flip, ...(scales ? { scales } : {}), ...(merge ? { merge } : {}) };
}
