import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from 'fovea';
import { BadData } from 'fovea/data';
import { type HashName, type ImageHash, imageHashes } from 'fovea/similarity';
import { fileProblem } from '../files.ts';
import type { ImageInput } from '../imageInputs.ts';
import { loadedAhead } from '../imageRun.ts';
import { bytesOf } from '../images.ts';
import { decodePixels } from '../pixelBytes.ts';
import { sha256 } from '../sha256.ts';

/** The bytes and pixels of an image file, in short. */
interface Content {
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** In pixels, as it is shown. */
  readonly width: number;
  readonly height: number;
  /** Undefined for an image without detail, whose hash would say nothing. */
  readonly hash: ImageHash | undefined;
}

/** An image file, which may have several names. */
export interface DedupeImage extends Content {
  /** Its path as the user gave it, or below the folder that the user gave. */
  readonly file: string;
  /** Where it is: the absolute path without symbolic links. */
  readonly place: string;
  /** Its other names among the images (hard links). */
  readonly others: readonly { readonly file: string; readonly place: string }[];
}

/** The images that were read, and the files that were not. */
export interface ReadImages {
  /** In the order in which they were given. */
  readonly images: readonly DedupeImage[];
  /** Symbolic links, which are not followed: what they lead to is another file. */
  readonly symlinks: readonly string[];
  readonly unreadable: readonly { readonly file: string; readonly error: DataError }[];
}

/**
 * The hash of an image, as it is shown. Where no value of 8 x 8 is above the mean, all are equal: the other bits of such an image are
 * decided by rounding, and two of them may have the same hash, one black and one white.
 */
function contentOf(digest: string, size: number, image: Parameters<typeof imageHashes>[0], name: HashName) {
  const hashes = imageHashes(image, { hashes: [name, 'aHash'] });
  const flat = hashes.aHash.words.every((word) => word === 0);
  return {
    sha256: digest,
    size,
    width: image.width,
    height: image.height,
    hash: flat ? undefined : hashes[name],
  };
}

type Found =
  | { readonly kind: 'symlink' }
  | ({ readonly kind: 'image'; readonly place: string; readonly id: string } & {
      readonly content: Content;
    });

/**
 * Reads images: their bytes, sizes and hashes. Files of the same bytes are decoded once, hard links of one file and a file that is named
 * twice are one image.
 *
 * @param tell Called with the number of files that are done.
 */
export async function readImages(
  inputs: readonly ImageInput[],
  hash: HashName,
  tell: (done: number) => void,
): Promise<ReadImages> {
  const known = new Map<string, Promise<Content>>();
  const decode = async (bytes: Uint8Array, file: string, digest: string): Promise<Content> =>
    contentOf(digest, bytes.length, await decodePixels(bytes, file, { orient: true }), hash);
  const load = async (file: string): Promise<Found> => {
    const found = await lstat(file, { bigint: true }).catch((error) => {
      throw new BadData(
        'missing image',
        `${file}: cannot read the image (${fileProblem(error)}); check the path`,
        {
          cause: error,
        },
      );
    });
    if (found.isSymbolicLink()) return { kind: 'symlink' };
    const bytes = await bytesOf(file);
    const digest = sha256(bytes);
    let content = known.get(digest);
    if (!content) {
      content = decode(bytes, file, digest);
      // Whoever waits for it gets the error.
      content.catch(() => undefined);
      known.set(digest, content);
    }
    const place = path.join(await realpath(path.dirname(file)), path.basename(file));
    // File systems without such numbers say 0.
    const id = found.ino === 0n ? place : `${found.dev}:${found.ino}`;
    // The error of another file has its name.
    const own = await content.catch(() => decode(bytes, file, digest));
    return { kind: 'image', place, id, content: own };
  };
  const images = new Map<string, DedupeImage & { others: { file: string; place: string }[] }>();
  const places = new Set<string>();
  const symlinks: string[] = [];
  const unreadable: { file: string; error: DataError }[] = [];
  let done = 0;
  for await (const { input, image } of loadedAhead(inputs, ({ file }) => load(file))) {
    const { file } = input;
    tell(done++);
    try {
      const found = await image;
      if (found.kind === 'symlink') {
        symlinks.push(file);
        continue;
      }
      const { place, id, content } = found;
      if (places.has(place)) continue;
      places.add(place);
      const same = images.get(id);
      if (same) same.others.push({ file, place });
      else images.set(id, { file, place, others: [], ...content });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      unreadable.push({ file, error });
    }
  }
  return { images: [...images.values()], symlinks, unreadable };
}
