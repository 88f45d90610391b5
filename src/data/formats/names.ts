import { DataError } from '../../errors.ts';
import type { AnnotatedImage } from './format.ts';
import { baseName, extensionOf } from './paths.ts';

/** Chooses names for the files of a writer, all in one folder: no two are the same, ignoring case. */
export class Names {
  readonly #taken = new Set<string>();

  /** Returns the last part of a path; if taken, the whole path with `_` for slashes; if taken too, that with a number. */
  take(name: string): string {
    const flat = name.replaceAll('/', '_');
    const candidates = [baseName(name), flat];
    for (let n = 2; ; n++) {
      const free = candidates.find((candidate) => !this.#taken.has(candidate.toLowerCase()));
      if (free !== undefined) {
        this.#taken.add(free.toLowerCase());
        return free;
      }
      candidates[0] = `${flat}_${n}`;
    }
  }
}

const SIGNATURES: readonly (readonly [extension: string, offset: number, bytes: readonly number[]])[] = [
  ['.png', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['.jpg', 0, [0xff, 0xd8, 0xff]],
  ['.gif', 0, [0x47, 0x49, 0x46, 0x38]],
  ['.webp', 8, [0x57, 0x45, 0x42, 0x50]],
];

/** The extension for a copy of the image: that of its path, or that of the format of its bytes. */
export function imageExtension({ image }: Pick<AnnotatedImage, 'image'>): string {
  if (typeof image === 'string') return extensionOf(image);
  return (
    SIGNATURES.find(([, offset, magic]) => magic.every((byte, i) => image[offset + i] === byte))?.[0] ??
    '.png'
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNWRITABLE = /^\s|\s$|[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Throws DataError for class names that a file of one name per line, or an XML element, cannot hold. */
export function checkNames(names: readonly string[], file: string): void {
  const bad = names.find((name) => name === '' || UNWRITABLE.test(name));
  if (bad === undefined) return;
  throw new DataError(
    `class ${JSON.stringify(bad)} cannot be written to ${file}, as it is empty, begins or ends with a blank, or has a control character; rename the class, or write COCO or Labelme`,
  );
}
