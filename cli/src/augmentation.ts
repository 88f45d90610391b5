import { UsageError } from 'fovea';
import type { TestTimeAugmentationOptions } from 'fovea/models';

/** How often a detector looks at an image, as the command line says it. */
export interface AugmentationOptions {
  readonly scales?: readonly number[];
  readonly flip?: boolean;
  readonly merge?: 'nms' | 'wbf';
}

/** What of the words is given; undefined where every image is looked at once, as it is. */
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
