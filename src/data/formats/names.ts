import { DataError } from '../../errors.ts';
import type { AnnotatedImage, WarningCounts } from './format.ts';
import { baseName, extensionOf, isImageFile } from './paths.ts';

/**
 * Matches what keeps a name from being read back: outer blanks and control characters, which lists with a name per line lose; halves of
 * surrogate pairs, which are no text in UTF-8.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNWRITABLE = /^\s|\s$|[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;
/** The same in the name of an image file; and backslashes, which are read as slashes, and a dot in front, which hides it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNSAFE = /^[\s.]|\s$|[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]|\p{Surrogate}/gu;

/** Chooses names for the files of a writer, all in one folder: no two are the same, ignoring case, and all can be read back. */
export class Names {
  readonly #taken = new Set<string>();
  readonly #warnings: WarningCounts;

  /** @param warnings Counts the names that were changed. */
  constructor(warnings: WarningCounts) {
    this.#warnings = warnings;
  }

  /**
   * Returns the last part of an image's name, or if taken, the whole name with `_` for slashes, or if taken too, that with a number; and
   * with an extension, the file name of the image. An image that is left where it is keeps its name.
   */
  take(image: AnnotatedImage): { readonly name: string; readonly fileName: string } {
    if (image.leftAt !== undefined) return { name: image.name, fileName: image.leftAt };
    const extension = imageExtension(image);
    const safe = image.name.split('/').map((part) => part.replace(UNSAFE, '_'));
    if (safe.join('/') !== image.name)
      this.#warnings.count('names of images, changed so that they can be read back');
    const flat = safe.join('_');
    const candidates = [safe.at(-1)!, flat];
    for (let n = 2; ; n++) {
      const name = candidates.find((candidate) => !this.#taken.has(keyOf(candidate)));
      if (name !== undefined) {
        this.#taken.add(keyOf(name));
        if (name !== safe.at(-1))
          this.#warnings.count('names of images, changed because other images have the same');
        return { name, fileName: `${name}${extension}` };
      }
      candidates[0] = `${flat}_${n}`;
    }
  }
}

/** Names of one key are one file on some file systems. */
const keyOf = (name: string): string => name.normalize('NFC').toLowerCase();

const SIGNATURES: readonly (readonly [extension: string, offset: number, bytes: readonly number[]])[] = [
  ['.png', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['.jpg', 0, [0xff, 0xd8, 0xff]],
  ['.gif', 0, [0x47, 0x49, 0x46, 0x38]],
  ['.webp', 8, [0x57, 0x45, 0x42, 0x50]],
  ['.tif', 0, [0x49, 0x49, 0x2a, 0x00]],
  ['.tif', 0, [0x4d, 0x4d, 0x00, 0x2a]],
  ['.avif', 4, [0x66, 0x74, 0x79, 0x70]],
  ['.bmp', 0, [0x42, 0x4d]],
];

/** The extension of the format that the first bytes of an image file claim; undefined for none that is known. */
const extensionOfBytes = (bytes: Uint8Array): string | undefined =>
  SIGNATURES.find(([, offset, magic]) => magic.every((byte, i) => bytes[offset + i] === byte))?.[0];

/**
 * The extension for a copy of the image: that of its path if images have it, else that of its content.
 *
 * @throws DataError where neither is known: nobody would find the copy.
 */
function imageExtension({ image, extension, source }: AnnotatedImage): string {
  if (typeof image !== 'string') return extension ?? extensionOfBytes(image) ?? '.png';
  if (isImageFile(image)) return extensionOf(image);
  if (extension !== undefined) return extension;
  throw new DataError(
    `${source}: the image ${JSON.stringify(baseName(image))} has no extension of an image; rename it, for example to ${JSON.stringify(`${baseName(image)}.png`)}`,
  );
}

/** Throws DataError for class names that a file of one name per line, or an XML element, cannot hold. */
export function checkNames(names: readonly string[], file: string): void {
  const bad = names.find((name) => name === '' || UNWRITABLE.test(name));
  if (bad === undefined) return;
  throw new DataError(
    `class ${JSON.stringify(bad)} cannot be written to ${file}, as it is empty, begins or ends with a blank, or has a control character or half of a surrogate pair; rename the class, or write COCO or Labelme`,
  );
}

/** As `checkNames`, for a list of the classes of masks: some names mean the background there, and `#` begins a comment. */
export function checkMaskNames(names: readonly string[], file: string): void {
  checkNames(names, file);
  const bad = names.find((name) => name.startsWith('#') || BACKGROUND.test(name));
  if (bad === undefined) return;
  throw new DataError(
    `class ${JSON.stringify(bad)} cannot be written to ${file}, where it is ${bad.startsWith('#') ? 'a comment' : 'the background'}; rename the class, or write COCO, Labelme or YOLO`,
  );
}

/** Names of the background in lists of the classes of masks. */
export const BACKGROUND = /^_*(?:background|bg)_*$/i;
