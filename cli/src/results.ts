import path from 'node:path';
import { DataError, type PanopticImage, UsageError } from 'fovea';
import {
  type AnnotatedImage,
  type AnnotatedShape,
  type Annotation,
  type DatasetWriter,
  FORMATS,
  type FormatName,
  formatCocoResults,
  type ImageSize,
  objectsOf,
} from 'fovea/data';
import type { Overlay } from 'fovea/draw';
import { wayToImage } from './address.ts';
import { countedWarning } from './counted.ts';
import { csvLine } from './csv.ts';
import { drawOverlay } from './draw.ts';
import type { ImageInput } from './imageInputs.ts';
import type { LoadedImage } from './images.ts';
import { PanopticResults } from './panopticResults.ts';
import { printable } from './printable.ts';
import { expectOtherFolder, ResultFolder } from './resultFolder.ts';
import type { ResultFormat } from './resultOptions.ts';

/** What is written of predictions, and where. */
export interface ResultOptions {
  readonly out: string;
  /** Where the folder's files will be. Default: there. */
  readonly home?: string;
  /** Default `labelme`. */
  readonly format?: ResultFormat;
  /** Whether the predictions are drawn on each image, at its own size. Default true. */
  readonly draw?: boolean;
  /** Whether the images are copied, which makes the results a data set of its own. Default false. */
  readonly copyImages?: boolean;
  /** The classes that are regions, of models that find them too. Default: none. */
  readonly stuff?: readonly string[];
  /** YOLO: whether boxes have their score as a sixth number. Default false. */
  readonly saveConf?: boolean;
}

/** What a model found in an image. */
export interface Found {
  /** The objects or regions, each with its box or pixels. */
  readonly shapes: readonly AnnotatedShape[];
  /** The same with polygons in the place of pixels, which can be edited. */
  outlines(): AnnotatedShape[];
  /** The segments, of models of objects and regions. */
  readonly panoptic?: PanopticImage;
  /** What is drawn. */
  overlay(): Overlay;
  /** A few words on it. */
  readonly summary: string;
}

/** The most objects that a mask can number. */
const MOST_NUMBERED = 254;

const CSV = 'objects.csv';
const CSV_HEADER = ['file', 'label', 'score', 'x1', 'y1', 'x2', 'y2', 'pixels'];

/** The numbers of images in COCO's files: those that their names are, as in COCO itself, or else 1, 2 and so on. */
export function imageNumbers(inputs: readonly ImageInput[]): ReadonlyMap<ImageInput, number> {
  const named = inputs.map(({ inside }) => {
    const stem = path.parse(inside).name;
    return /^\d{1,15}$/.test(stem) ? Number(stem) : undefined;
  });
  const usable = !named.includes(undefined) && new Set(named).size === named.length;
  return new Map(inputs.map((input, i) => [input, usable ? named[i]! : i + 1]));
}

/** Throws UsageError for options of results that do not go together. */
export function expectResultOptions({ format, saveConf, copyImages }: Partial<ResultOptions>): void {
  if (saveConf && format !== 'yolo') {
    throw new UsageError('--save-conf is for --format yolo; leave it out');
  }
  if (copyImages && (format === 'panoptic' || format === 'csv')) {
    throw new UsageError(`--copy-images is not for --format ${format}; leave it out`);
  }
}

/** The file of what was found in an image, drawn on it. */
export const drawnName = (name: string): string => `${name}_drawn.png`;

/** What was found, drawn on the image: a PNG file of its size. */
export const drawFound = (image: LoadedImage, found: Found): Promise<Uint8Array> =>
  drawOverlay(image, found.overlay(), { scale: 1 });

/** Writes predictions in one format. Each file is complete or not there. */
export class Results {
  readonly #options: ResultOptions;
  readonly #format: ResultFormat;
  readonly #folder: ResultFolder;
  readonly #classes: readonly { readonly name: string }[];
  readonly #writer: DatasetWriter | undefined;
  readonly #panoptic: PanopticResults | undefined;
  readonly #numbers: ReadonlyMap<ImageInput, number>;
  /** Whether predictions have scores. */
  readonly #scored: boolean;
  /** Detections in results.json so far. */
  #detections = 0;

  private constructor(
    folder: ResultFolder,
    inputs: readonly ImageInput[],
    classNames: readonly string[],
    scored: boolean,
    options: ResultOptions,
  ) {
    this.#options = options;
    this.#format = options.format ?? 'labelme';
    this.#folder = folder;
    this.#classes = classNames.map((name) => ({ name }));
    this.#scored = scored;
    this.#numbers = imageNumbers(inputs);
    const format: FormatName | undefined =
      this.#format === 'csv' || this.#format === 'panoptic' ? undefined : this.#format;
    if (this.#format === 'panoptic') {
      this.#panoptic = new PanopticResults(folder, classNames, options.stuff ?? []);
    }
    this.#writer =
      format &&
      FORMATS[format].create(folder, this.#classes, undefined, {
        scores: options.saveConf ?? false,
        objects: scored,
      });
  }

  /**
   * Makes the folder.
   *
   * @param scored Whether the model finds objects with scores: a detector.
   * @throws UsageError where the results could overwrite the images; DataError where the folder cannot be written, or the format has no
   * place for the names of the classes.
   */
  static async create(
    inputs: readonly ImageInput[],
    classNames: readonly string[],
    scored: boolean,
    options: ResultOptions,
  ): Promise<Results> {
    await expectOtherFolder(inputs, options.out);
    const folder = await ResultFolder.create(options.out);
    const results = new Results(folder, inputs, classNames, scored, options);
    if (results.#format === 'csv') await folder.append(CSV, csvLine(CSV_HEADER));
    if (results.#hasCocoResults) await folder.append('results.json', '[');
    return results;
  }

  /** pycocotools' loadRes takes detections with scores. */
  get #hasCocoResults(): boolean {
    return this.#format === 'coco' && this.#scored;
  }

  /** Throws DataError for what the format cannot hold of one image. */
  check({ file }: ImageInput, { shapes }: Found): void {
    if (this.#format !== 'masks' || !this.#scored || shapes.length <= MOST_NUMBERED) return;
    throw new DataError(
      `${file}: has ${shapes.length} objects, a mask numbers at most ${MOST_NUMBERED}; raise --threshold, or choose another format`,
    );
  }

  /** Writes what was found in an image, and draws it unless only the size of the image is there. */
  async add(input: ImageInput, image: ImageSize | LoadedImage, found: Found): Promise<void> {
    const { draw = true } = this.#options;
    const { width, height } = image;
    const annotation: Annotation = {
      imagePath: input.inside,
      width,
      height,
      id: this.#numbers.get(input)!,
      shapes: this.#shapes(found),
    };
    if (this.#format === 'csv') await this.#addRows(input, annotation);
    if (this.#panoptic && found.panoptic) {
      const listed = { id: annotation.id!, file_name: input.inside, width, height };
      await this.#panoptic.add(input.name, listed, found.panoptic);
    }
    await this.#writer?.add(this.#annotated(input, annotation));
    if (this.#hasCocoResults && annotation.shapes.length > 0) {
      // The lines of the list, without its brackets.
      const lines = formatCocoResults([annotation], this.#classes).slice(1, -3);
      await this.#folder.append('results.json', `${this.#detections === 0 ? '' : ','}${lines}`);
      this.#detections += annotation.shapes.length;
    }
    if (draw && 'rgb' in image)
      await this.#folder.write(drawnName(input.name), await drawFound(image, found));
  }

  #shapes(found: Found): AnnotatedShape[] {
    if (this.#format === 'labelme') return found.outlines();
    // Later objects cover earlier ones in masks: the surest is to be seen.
    return this.#format === 'masks' ? found.shapes.toReversed() : [...found.shapes];
  }

  #annotated(input: ImageInput, annotation: Annotation): AnnotatedImage {
    const { file, name, inside } = input;
    const source = { name, source: file, image: file, annotation };
    if (this.#options.copyImages) return { ...source, extension: path.extname(file) || '.png' };
    if (this.#format !== 'labelme') return { ...source, leftAt: inside };
    const { out, home = out } = this.#options;
    return { ...source, leftAt: wayToImage(home, name, input) };
  }

  async #addRows({ file }: ImageInput, { shapes }: Annotation): Promise<void> {
    const rows = objectsOf(shapes).map(({ label, box, shapes: parts }) => {
      const [{ score, mask }] = parts as [AnnotatedShape];
      const pixels = mask?.data.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
      return csvLine([
        file,
        label,
        score === undefined ? '' : String(Number(score.toFixed(6))),
        ...box.map((value) => String(Number(value.toFixed(3)))),
        pixels === undefined ? '' : String(pixels),
      ]);
    });
    if (rows.length > 0) await this.#folder.append(CSV, rows.join(''));
  }

  /** Completes the files, and says on stderr what the format has no place for. */
  async finish(): Promise<void> {
    await this.#writer?.end();
    await this.#panoptic?.finish();
    if (this.#hasCocoResults) await this.#folder.append('results.json', '\n]\n');
    await this.#folder.finish();
    if (!this.#writer || this.#format === 'csv' || this.#format === 'panoptic') return;
    for (const [what, count] of this.#writer.warnings) {
      // That is what --save-conf is for.
      if (what === 'scores' && !this.#options.saveConf) continue;
      const { title } = FORMATS[this.#format];
      process.stderr.write(`not expressed in ${title}: ${printable(countedWarning(what, count))}\n`);
    }
  }

  /** Removes files that are not complete. */
  discard(): Promise<void> {
    return this.#folder.discard();
  }
}
