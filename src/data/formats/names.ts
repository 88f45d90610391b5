import type { AnnotatedImage } from './format.ts';
import { baseName, extensionOf } from './paths.ts';

/** Names for the files of a writer, all in one folder: no two alike, also where upper and lower case are the same. */
export class Names {
  readonly #taken = new Set<string>();

  /** The last part of the name, else all of it with `_` between, else that with a number behind. */
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

/** The extension that a copy of the image gets: its own, or what its bytes are. */
export function imageExtension({ image }: Pick<AnnotatedImage, 'image'>): string {
  if (typeof image === 'string') return extensionOf(image);
  return (
    SIGNATURES.find(([, offset, magic]) => magic.every((byte, i) => image[offset + i] === byte))?.[0] ??
    '.png'
  );
}
