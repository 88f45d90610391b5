import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { AUGMENT_PRESETS, type Augment, type AugmentPreset, checkAugment } from 'fovea/data';
import { readFileBytes } from 'fovea/io';
import type { TestTimeAugmentationOptions } from 'fovea/models';
import { parse } from 'smol-toml';

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
export async function readAugment(given: string): Promise<Augment | AugmentPreset> {
  const preset = PRESETS.find((name) => name === given);
  if (preset) return preset;
  const parser = PARSERS.get(path.extname(given).toLowerCase());
  if (!parser) {
    throw new UsageError(
      `--augment ${given}: is no ready-made list; choose ${PRESETS.join(', ')}, or give a .json or .toml file`,
    );
  }
  const text = new TextDecoder().decode(await readFileBytes(given));
  let value: unknown;
  try {
    value = parser.parse(text);
  } catch (cause) {
    const [problem] = (cause as Error).message.split('\n');
    throw new DataError(`${given}: is not ${parser.format} (${problem}); correct it`, { cause });
  }
  const list =
    Array.isArray(value) || Object(value) !== value ? value : Reflect.get(Object(value), 'augment');
  if (list === undefined) {
    throw new UsageError(`${given}: has no list called augment; write ${parser.example}`);
  }
  return checkAugment(list, `${given}: augment`);
}

interface Parser {
  readonly format: string;
  readonly example: string;
  parse(text: string): unknown;
}

const PARSERS: ReadonlyMap<string, Parser> = new Map([
  ['.json', { format: 'JSON', example: '[{ "name": "flip" }]', parse: (text: string) => JSON.parse(text) }],
  [
    '.toml',
    { format: 'TOML', example: '[[augment]] and name = "flip"', parse: (text: string) => parse(text) },
  ],
]);
