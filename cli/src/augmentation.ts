import { UsageError } from 'fovea';
import { AUGMENT_PRESETS, type Augment, type AugmentPreset, checkAugment } from 'fovea/data';
import type { TestTimeAugmentationOptions } from 'fovea/models';
import { isStructured, readStructured } from './config.ts';

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

const PRESETS = Object.keys(AUGMENT_PRESETS) as AugmentPreset[];

/**
 * How training varies its crops: the name of a ready-made list of transforms, or a file with a list. In TOML it is called `augment`, and in
 * JSON it may be.
 */
export async function readAugment(given: string | readonly unknown[]): Promise<Augment | AugmentPreset> {
  if (typeof given !== 'string') return checkAugment(given, 'augment');
  const preset = PRESETS.find((name) => name === given);
  if (preset) return preset;
  if (!isStructured(given)) {
    throw new UsageError(
      `--augment ${given}: is no ready-made list; choose ${PRESETS.join(', ')}, or give a .json or .toml file`,
    );
  }
  const { format, value } = await readStructured(given);
  const list =
    Array.isArray(value) || Object(value) !== value ? value : Reflect.get(Object(value), 'augment');
  if (list === undefined) {
    const example = format === 'TOML' ? '[[augment]] and name = "flip"' : '[{ "name": "flip" }]';
    throw new UsageError(`${given}: has no list called augment; write ${example}`);
  }
  return checkAugment(list, `${given}: augment`);
}
