import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { isImageFile } from 'fovea/data';
import { addressOf, partsOf } from './address.ts';
import { fileProblem, realPath } from './files.ts';

/** An image of which results are wanted. */
export interface ImageInput {
  /** Its path as the user gave it, or below the folder that the user gave. */
  readonly file: string;
  /** Its path below the folder that contains all images, with slashes. */
  readonly inside: string;
  /** What its results are called: `inside` without the extension, but with it where two images differ in that alone. */
  readonly name: string;
}

/** Which images are meant. */
export interface ImageInputOptions {
  /** Whether to look into the folders below a folder too. Default false. */
  readonly recursive?: boolean;
  /** The folder of results, in which images are not looked for. Default: there is none. */
  readonly out?: string;
  /** Whether images may be in an object store. Default false: the command needs files. */
  readonly stored?: boolean;
}

/** What systems and editors leave in folders: names that begin with a dot, and these. */
const CLUTTER = ['__macosx', 'thumbs.db', 'desktop.ini'];

const isClutter = (name: string): boolean => name.startsWith('.') || CLUTTER.includes(name.toLowerCase());

/** The images in a folder by name, and then those of the folders below it. */
async function* imagesIn(folder: string, { recursive, out }: ImageInputOptions): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw new DataError(`${folder}: cannot be read (${fileProblem(error)}); check the path`, {
      cause: error,
    });
  });
  const names = entries.filter(({ name }) => !isClutter(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of names) {
    if (!entry.isDirectory() && isImageFile(entry.name)) yield path.join(folder, entry.name);
  }
  if (!recursive) return;
  for (const entry of names) {
    const below = path.join(folder, entry.name);
    // Links to folders are not followed: they may lead in a circle.
    const isOut = entry.isDirectory() && out !== undefined && (await realPath(below)) === out;
    if (entry.isDirectory() && !isOut)
      yield* imagesIn(below, { recursive, ...(out === undefined ? {} : { out }) });
  }
}

/** Names of one key are one file on some file systems. */
const keyOf = (name: string): string => name.normalize('NFC').toLowerCase();

/** Names for results: none occurs twice, ignoring case. Those that would are given their extension, and if need be a number. */
function resultNames(inside: readonly string[]): string[] {
  const stem = (file: string): string => file.slice(0, file.length - path.extname(file).length) || file;
  const count = new Map<string, number>();
  for (const file of inside) {
    const key = keyOf(stem(file));
    count.set(key, (count.get(key) ?? 0) + 1);
  }
  const taken = new Set<string>();
  const take = (name: string): string | undefined => {
    if (taken.has(keyOf(name))) return undefined;
    taken.add(keyOf(name));
    return name;
  };
  const alone = (file: string): boolean => count.get(keyOf(stem(file))) === 1;
  const numbered = (file: string): string => {
    for (let n = 2; ; n++) {
      const name = take(`${file}_${n}`);
      if (name !== undefined) return name;
    }
  };
  const names = new Map<string, string>();
  for (const file of inside) if (!alone(file)) names.set(file, take(file) ?? numbered(file));
  for (const file of inside)
    if (alone(file)) names.set(file, take(stem(file)) ?? take(file) ?? numbered(file));
  return inside.map((file) => names.get(file)!);
}

/** The paths of files below the folder that contains all of them, with slashes. */
function pathsInside(files: readonly string[]): string[] {
  const parts = files.map(partsOf);
  const [first = []] = parts;
  let common = first.length - 1;
  for (const one of parts) {
    let same = 0;
    while (same < Math.min(common, one.length - 1) && one[same] === first[same]) same++;
    common = same;
  }
  // Where nothing is common, paths begin at the top.
  const top = common > 0 ? common : 1;
  return parts.map((one) => one.slice(top).join('/'));
}

/**
 * Lists images: files as they are given, and of folders the files with the extension of an image, by name. An image that is given twice
 * counts once. A file that is not there is listed too: reading it says what is wrong.
 *
 * Of `s3://BUCKET/PREFIX` the images are all below it, by their keys.
 *
 * @throws DataError for a folder or a prefix that cannot be read or has no images; UsageError for an address where files are needed.
 */
export async function imageInputs(
  paths: readonly string[],
  options: ImageInputOptions,
): Promise<ImageInput[]> {
  const files = new Map<string, string>();
  // Either may be given by a link.
  const out = options.out === undefined || addressOf(options.out) ? undefined : await realPath(options.out);
  const inFolders = { recursive: options.recursive ?? false, ...(out === undefined ? {} : { out }) };
  const add = (file: string): void => {
    const whole = addressOf(file)?.url ?? path.resolve(file);
    if (!files.has(whole)) files.set(whole, file);
  };
  for (const given of paths) {
    const address = addressOf(given);
    if (address && !options.stored) {
      throw new UsageError(
        `${address.url}: is an address, and files of this machine are needed; copy them here first (fovea batch, detect, segment, classify, hash, cutout and embed read stores)`,
      );
    }
    if (address) {
      const { storedImages } = await import('./s3/images.ts');
      for (const file of await storedImages(address, { out: options.out, isClutter })) add(file);
      continue;
    }
    const found = await stat(given).catch(() => undefined);
    if (!found?.isDirectory()) {
      add(given);
      continue;
    }
    let images = 0;
    for await (const file of imagesIn(given, inFolders)) {
      images++;
      add(file);
    }
    if (images > 0) continue;
    const below = options.recursive ? ' or below it' : '; look into the folders below it with --recursive';
    throw new DataError(
      `${given}: there is no image in this folder${below}${options.recursive ? '; check the path' : ''}`,
    );
  }
  const inside = pathsInside([...files.keys()]);
  const names = resultNames(inside);
  return [...files.values()].map((file, i) => ({ file, inside: inside[i]!, name: names[i]! }));
}
