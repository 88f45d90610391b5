import { DataError } from '../../errors.ts';
import type { ImageSize } from '../../vision/boxes.ts';
import { type AnnotatedShape, type Annotation, IGNORE_LABEL, type IgnoredRegion } from '../annotation.ts';
import { BadData, type DataFault, type FaultKind, kindOf, withHint } from '../faults.ts';
import { ignoredRegion } from '../objects.ts';
import { type Rest, resting } from '../rest.ts';
import type { DataFiles, FolderEntry, ImageInfo, ReadOptions } from './format.ts';
import { parseLoose } from './looseJson.ts';
import { baseName, folderOf, isAbsolute, isClutter, isUnreadable, isWithin, joinPath } from './paths.ts';
import { regionOf, sameObject } from './sameObject.ts';
import { decodeText } from './text.ts';

const NO_OUTSIDE = 'move the images into the folder, or allow it (--allow-outside)';

/** The most pixels of an image, or of a mask, that are read by default: 2^28, an image of 16,384 x 16,384. */
export const MAX_PIXELS = 2 ** 28;

/** What happens to an object that occurs twice in an image. */
type Repeated = 'it counts once' | 'both are kept';
/** An object is compared with so many others of the same box. */
const MOST_ALIKE = 16;

/** The reading of one data set: its files, with the checks that all formats share, and what happens to what is bad. */
export class Reading {
  readonly files: DataFiles;
  readonly options: ReadOptions;
  readonly #root: string;
  #parent: Promise<string> | undefined;
  #siblings = false;
  /** Lets the event loop go on after a while, and throws the reason of `signal` once it is aborted. */
  readonly rest: Rest;
  readonly #folders = new Map<string, Promise<{ real: string; links: ReadonlySet<string> }>>();
  readonly #letters = new Map<string, Promise<ReadonlyMap<string, readonly string[]>>>();
  readonly #objects = new WeakMap<Annotation, Map<string, (readonly AnnotatedShape[])[]>>();

  /** @param root The folder of the data set. */
  constructor(files: DataFiles, root: string, options: ReadOptions) {
    this.files = files;
    this.options = options;
    this.rest = resting(options.signal);
    this.#root = root;
  }

  /** Reports something that was changed and then used. */
  note(kind: FaultKind, message: string): void {
    this.options.onFault?.({ level: 'note', kind, message });
  }

  /** Reports what is left out, with `skipBad`; else throws it. */
  #leaveOut(level: DataFault['level'], error: unknown): void {
    if (!(error instanceof DataError)) throw error;
    if (!this.options.skipBad) throw withHint(error);
    this.options.onFault?.({ level, kind: kindOf(error), message: error.message });
  }

  /** Reads something. With `skipBad`, a DataError is reported and the result is undefined; without, it is thrown. */
  attempt<T>(level: DataFault['level'], read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#leaveOut(level, error);
      return undefined;
    }
  }

  /**
   * Parses JSON with `parse`. With `skipBad` a text that fails only for NaN and Infinity, which Python writes, is reported and has null
   * for them.
   */
  json(text: string, parse: () => unknown): unknown {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      let loose: unknown;
      try {
        loose = parseLoose(text);
      } catch {
        throw new BadData('not JSON', error.message, { cause: error });
      }
      this.#leaveOut('part', new BadData('not a number', error.message, { cause: error }));
      return loose;
    }
  }

  /** As `attempt`, for what takes time; rests before. */
  async attemptLater<T>(level: DataFault['level'], read: () => Promise<T>): Promise<T | undefined> {
    await this.rest();
    try {
      return await read();
    } catch (error) {
      this.#leaveOut(level, error);
      return undefined;
    }
  }

  /**
   * Reads one object into an annotation. One that is left out becomes a region to ignore, so that it is not taught as background:
   * the box around `coordinates` (x and y in turns, in pixels), or the whole image where they are not known. One that occurs before
   * in the image is noted, and counts once unless `repeated` says otherwise.
   */
  object(
    annotation: Annotation,
    where: string,
    read: () => readonly AnnotatedShape[],
    coordinates: () => readonly number[] | undefined,
    repeated: Repeated = 'it counts once',
  ): void {
    this.#add(annotation, where, this.attempt('object', read), coordinates, repeated);
  }

  /** As `object`, for one that takes time to read. */
  async objectLater(
    annotation: Annotation,
    where: string,
    read: () => Promise<AnnotatedShape>,
    coordinates: () => readonly number[] | undefined,
  ): Promise<void> {
    const shape = await this.attemptLater('object', read);
    this.#add(annotation, where, shape && [shape], coordinates, 'it counts once');
  }

  #add(
    annotation: Annotation,
    where: string,
    shapes: readonly AnnotatedShape[] | undefined,
    coordinates: () => readonly number[] | undefined,
    repeated: Repeated,
  ): void {
    if (!shapes) {
      const box = regionOf(coordinates(), annotation);
      if (box) this.ignore(annotation, { box });
      return;
    }
    if (!this.#isWanted(annotation, where, shapes)) return;
    if (this.#occursBefore(annotation, shapes)) {
      this.note('duplicate', `${where}: is the same as an object before it; ${repeated}`);
      if (repeated === 'it counts once') return;
    }
    for (const shape of shapes) annotation.shapes.push(shape);
  }

  /** Whether an object is of a class that is wanted. With `skipBad` one of another class becomes a region to ignore. */
  #isWanted(annotation: Annotation, where: string, shapes: readonly AnnotatedShape[]): boolean {
    const { classes } = this.options;
    const [{ label } = { label: IGNORE_LABEL }] = shapes;
    if (!classes || label === IGNORE_LABEL || classes.includes(label)) return true;
    this.attempt('object', () => {
      throw new BadData(
        'unknown class',
        `${where}: the label ${JSON.stringify(label)} is not a class of the model (${classes.join(', ')}); rename it, train the model with it`,
      );
    });
    for (const shape of shapes) this.ignore(annotation, ignoredRegion(shape));
    return false;
  }

  /** Leaves out the shapes of an annotation that are not of a class that is wanted: see `object`. */
  keepWanted(annotation: Annotation, where: string): void {
    if (!this.options.classes) return;
    annotation.shapes = annotation.shapes.filter((shape) => this.#isWanted(annotation, where, [shape]));
  }

  #occursBefore(annotation: Annotation, shapes: readonly AnnotatedShape[]): boolean {
    const known = this.#objects.get(annotation) ?? new Map<string, (readonly AnnotatedShape[])[]>();
    this.#objects.set(annotation, known);
    const key = shapes.map(({ label, box }) => `${box.join(' ')} ${label}`).join(' ');
    const alike = known.get(key) ?? [];
    if (alike.some((other) => sameObject(other, shapes))) return true;
    // Many objects in one box, all different, are not compared one by one.
    if (alike.length < MOST_ALIKE) known.set(key, [...alike, shapes]);
    return false;
  }

  ignore(annotation: Annotation, region: IgnoredRegion): void {
    annotation.ignored ??= [];
    annotation.ignored.push(region);
  }

  /** Reads a text file in its encoding. Throws DataError for bytes that are not in it. */
  async text(file: string): Promise<string> {
    return decodeText(await this.files.bytes(file), file, this.options.encoding);
  }

  /** Lists a folder without what systems and editors leave there. */
  async list(folder: string): Promise<FolderEntry[]> {
    return (await this.files.list(folder)).filter(({ name }) => !isClutter(name));
  }

  /**
   * Lists the files in a folder and the folders below it. A folder that several links lead to is visited once. One that is outside of
   * where images may be is a fault, and not entered; a link to a folder around the data set is passed over with a note.
   *
   * @param where What named the folder, for messages.
   */
  async *walk(folder: string, visited = new Set<string>(), where = folder): AsyncGenerator<string> {
    const real = await this.#real(folder);
    if (visited.has(real)) return;
    visited.add(real);
    if (!(await this.attemptLater('image', () => this.checkPlace(where, folder)))) return;
    yield* this.#walkInside(folder, visited);
  }

  async *#walkInside(folder: string, visited: Set<string>): AsyncGenerator<string> {
    // A folder whose name is not UTF-8 text cannot be opened by it.
    const list = () => this.list(folder);
    const entries = isUnreadable(folder) ? await this.attemptLater('image', list) : await list();
    for (const { name, folder: isFolder, link } of entries ?? []) {
      const path = joinPath(folder, name);
      if (!isFolder) yield path;
      else if (!link || !(await this.#isAround(path))) yield* this.walk(path, visited);
      else this.note('path', `${path}: leads to a folder that contains the data set, and was passed over`);
    }
  }

  /** Whether the data set is below a folder other than the root of the file system, which is too much to look through by mistake. */
  async #isAround(folder: string): Promise<boolean> {
    const [real, root] = [await this.#real(folder), await this.#real(this.#root)];
    return real !== '/' && real !== root && isWithin(root, real);
  }

  /** Throws DataError for a file or folder outside of the folder that contains the data set, and of that of its images. True otherwise. */
  async checkPlace(where: string, path: string): Promise<true> {
    const real = await this.#real(path);
    if (await this.#isAllowed(real)) return true;
    const named = where === path ? '' : `: ${path}`;
    const leads = real === joinPath(path) ? '' : ` leads to ${real}, which`;
    throw new BadData(
      'path',
      `${where}${named}:${leads} is outside of ${await this.#around()}; ${NO_OUTSIDE}`,
    );
  }

  /** The folder that contains the data set. */
  #around(): Promise<string> {
    this.#parent ??= this.#real(joinPath(this.#root, '..'));
    return this.#parent;
  }

  /** Whether a path without links is where images may be. */
  async #isAllowed(real: string): Promise<boolean> {
    const { allowOutside, imageFolder } = this.options;
    if (allowOutside) return true;
    if (imageFolder !== undefined && isWithin(real, await this.#real(imageFolder))) return true;
    if (isWithin(real, await this.#real(this.#root))) return true;
    return real !== '/' && isWithin(real, await this.#around());
  }

  /** Whether a folder is the data set's or below it, or that of its images. */
  async isNear(folder: string): Promise<boolean> {
    const { imageFolder } = this.options;
    const real = await this.#real(folder);
    if (imageFolder !== undefined && isWithin(real, await this.#real(imageFolder))) return true;
    return isWithin(real, await this.#real(this.#root));
  }

  /** Returns the path of a file without symbolic links. Each folder is asked once, and not each of its files. */
  async realFile(path: string): Promise<string> {
    const folder = folderOf(path);
    const known = this.#folders.get(folder) ?? this.#linksIn(folder);
    this.#folders.set(folder, known);
    const { real, links } = await known;
    const name = baseName(path);
    return links.has(name) ? this.#real(path) : joinPath(real, name);
  }

  async #linksIn(folder: string): Promise<{ real: string; links: ReadonlySet<string> }> {
    const entries = (await this.files.kind(folder)) === 'folder' ? await this.files.list(folder) : [];
    const links = entries.filter(({ link }) => link).map(({ name }) => name);
    return { real: await this.#real(folder), links: new Set(links) };
  }

  async #real(path: string): Promise<string> {
    return (await this.files.realPath?.(path)) ?? joinPath(path);
  }

  /**
   * Resolves the path of an image that an annotation names. Throws DataError for addresses (`file://`), and for paths that lead
   * out of the folder that contains the data set, unless `allowOutside` is set.
   */
  async checkPath(where: string, named: string, path: string): Promise<void> {
    if (/^[A-Za-z][-+.A-Za-z0-9]+:\/\//.test(named)) {
      throw new BadData(
        'path',
        `${where}: the image is ${JSON.stringify(named)}, an address and not a path; write the path of a file`,
      );
    }
    const { allowOutside, imageFolder } = this.options;
    if (allowOutside) return;
    const real = await this.#real(path);
    if (imageFolder !== undefined && isWithin(real, await this.#real(imageFolder))) return;
    const inside = isWithin(real, await this.#real(this.#root));
    if (!(await this.#isAllowed(real)) || (isAbsolute(named) && !inside)) {
      const what = real === joinPath(path) || isAbsolute(named) ? '' : ` (which leads to ${real})`;
      throw new BadData(
        'path',
        `${where}: the image ${JSON.stringify(named)}${what} is outside of ${await this.#around()}; ${NO_OUTSIDE}`,
      );
    }
    if (!this.#siblings && !inside) {
      this.#siblings = true;
      this.note('path', `${where}: the image ${JSON.stringify(named)} is in a folder beside the data set`);
    }
  }

  /**
   * Reads the header of an image. Throws DataError for what is missing, not an image, or has more than `maxPixels` pixels.
   * Undefined with `imagesOptional`.
   */
  async imageInfo(image: string | Uint8Array, where: string): Promise<ImageInfo | undefined> {
    if (this.options.imagesOptional) return undefined;
    const info = await this.files.imageSize(image, where);
    this.checkPixels(info, typeof image === 'string' ? image : where);
    return info;
  }

  /** As `imageInfo`, which is needed even with `imagesOptional` where an annotation does not state the size. */
  async neededInfo(
    image: string | Uint8Array,
    where: string,
    stated: ImageSize | undefined,
  ): Promise<ImageInfo | undefined> {
    const info = await this.imageInfo(image, where);
    return info ?? (stated ? undefined : this.files.imageSize(image, where));
  }

  /**
   * Finds a file whose name has the same letters in another Unicode form: `ü` is one character in names typed on Linux or Windows, and
   * two in those that macOS wrote. The file is noted.
   *
   * @param where What names the file, for the note.
   * @returns The path of the file, or undefined for none, or several.
   */
  async sameLetters(where: string, path: string): Promise<string | undefined> {
    const [folder, name] = [folderOf(path), baseName(path)];
    if (isAscii(name)) return undefined;
    const known = this.#letters.get(folder) ?? this.#lettersIn(folder);
    this.#letters.set(folder, known);
    const [found, other] = (await known).get(name.normalize('NFC')) ?? [];
    if (found === undefined || other !== undefined || found === name) return undefined;
    const real = joinPath(folder, found);
    this.note('path', `${where}: ${path} was found by its letters, whose Unicode form differs in ${real}`);
    return real;
  }

  /** The names in a folder that are not ASCII, by their composed form (NFC). */
  async #lettersIn(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, string[]>();
    if ((await this.files.kind(folder)) !== 'folder') return found;
    for (const { name } of await this.list(folder)) {
      if (isAscii(name)) continue;
      const key = name.normalize('NFC');
      found.set(key, [...(found.get(key) ?? []), name]);
    }
    return found;
  }

  /**
   * Says why an image is not found, for messages: a file is there whose name differs only in upper and lower case, or the name is not UTF-8
   * text, by which alone files can be opened. '' for neither.
   */
  async otherCase(paths: readonly string[]): Promise<string> {
    for (const path of paths) {
      if (path.includes('\ufffd')) return ' (its name is not UTF-8 text: rename the file)';
      const folder = folderOf(path);
      if ((await this.files.kind(folder)) !== 'folder') continue;
      const wanted = baseName(path).toLowerCase();
      const found = (await this.list(folder)).find(({ name }) => name.toLowerCase() === wanted);
      if (found) return ` (${joinPath(folder, found.name)} is there: upper and lower case must be the same)`;
    }
    return '';
  }

  /** Throws DataError for a size of more pixels than are read. */
  checkPixels({ width, height }: ImageSize, where: string): void {
    const most = this.options.maxPixels ?? MAX_PIXELS;
    if (width * height > most) {
      throw new BadData(
        'too large',
        `${where}: has ${width}x${height} pixels, more than ${most}; cut it into smaller images, or raise the limit (--max-pixels)`,
      );
    }
  }
}

/** Whether a name has only characters of ASCII. */
const isAscii = (name: string): boolean => !/[^\0-\x7f]/.test(name);

/** The folder of a data set that was given as a folder or as one of its files. */
export const rootOf = async (files: DataFiles, path: string): Promise<string> =>
  (await files.kind(path)) === 'file' ? folderOf(path) : joinPath(path);
