/** How a data set is written in another format, and what is said of that: by one command, or where the parts of a batch come together. */
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import {
  type AnnotatedImage,
  type AnnotatedShape,
  type DataSink,
  type Dataset,
  type DatasetClass,
  type DatasetWriter,
  FORMATS,
  type FormatName,
  objectsOf,
} from 'fovea/data';
import { counted, countedWarning, shownLabel } from './counted.ts';
import type { DataOptions } from './dataOptions.ts';
import { realPath } from './files.ts';
import { printable } from './printable.ts';

/** What a data set is converted to. */
export interface ConvertChoice {
  readonly format: FormatName;
  /** To masks: fill the boxes of objects without an outline. */
  readonly boxesAsMasks?: boolean;
}

export interface ConvertOptions extends DataOptions, ConvertChoice {
  readonly linkImages?: boolean;
  readonly force?: boolean;
}

const isDrawn = ({ points, mask }: AnnotatedShape): boolean => points !== undefined || mask !== undefined;

/** Counts what goes through. */
class Tally {
  images = 0;
  readonly objects = new Map<string, number>();
  /** Shapes that are known by a box only, and others. */
  readonly shapes = { boxes: 0, drawn: 0 };

  add({ annotation }: AnnotatedImage): void {
    this.images++;
    for (const shape of annotation.shapes) this.shapes[isDrawn(shape) ? 'drawn' : 'boxes']++;
    for (const { label } of objectsOf(annotation.shapes)) {
      this.objects.set(label, (this.objects.get(label) ?? 0) + 1);
    }
  }

  get text(): string {
    const count = [...this.objects.values()].reduce((a, b) => a + b, 0);
    const most = [...this.objects].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    const shown = most.slice(0, 10).map(([label, n]) => `${n} ${shownLabel(label)}`);
    if (most.length > shown.length) shown.push(`… ${most.length - shown.length} more classes`);
    const list = shown.length > 0 ? ` (${shown.join(', ')})` : '';
    return `${counted(this.images, 'image')}, ${counted(count, 'object')}${list}`;
  }

  /** Throws DataError where masks are to be written of boxes alone. */
  expectDrawn(from: string, { format, boxesAsMasks }: ConvertChoice): void {
    const { boxes, drawn } = this.shapes;
    if (format !== 'masks' || boxesAsMasks || boxes === 0 || drawn > 0) return;
    throw new DataError(
      `${from}: has boxes but no outlines or masks; convert it to another format, or fill the boxes (--boxes-as-masks)`,
    );
  }
}

/** An image whose boxes are outlines. */
function withFilledBoxes(image: AnnotatedImage): AnnotatedImage {
  const shapes = image.annotation.shapes.map((shape): AnnotatedShape => {
    if (isDrawn(shape)) return shape;
    const [x1, y1, x2, y2] = shape.box;
    const corners: [number, number][] = [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ];
    return { ...shape, points: corners };
  });
  return { ...image, annotation: { ...image.annotation, shapes } };
}

const sortedClasses = (labels: Iterable<string>): DatasetClass[] =>
  [...labels].sort().map((name) => ({ name }));

/** The classes as the data set lists them, or else those that occur, by name: for that it is read once more. */
async function classesOf(dataset: Dataset): Promise<readonly DatasetClass[]> {
  if (dataset.classes) return dataset.classes;
  const labels = new Set<string>();
  for await (const { annotation } of dataset.images()) {
    for (const { label } of annotation.shapes) labels.add(label);
  }
  return sortedClasses(labels);
}

/** Throws UsageError for options that do not go together. */
export function expectConvertOptions({ format, boxesAsMasks }: ConvertChoice): void {
  if (boxesAsMasks && format !== 'masks') {
    throw new UsageError('convert: --boxes-as-masks is for --format masks; leave it out');
  }
}

/** Replacing a folder must not remove what is read, nor may what is written become part of what is read. */
export async function expectApart(from: string, to: string): Promise<void> {
  const [source, target] = [await realPath(from), await realPath(to)];
  const within = (inner: string, outer: string) => inner === outer || inner.startsWith(outer + path.sep);
  if (within(source, target) || within(target, source)) {
    throw new UsageError(
      source === target
        ? `${to}: is the folder to convert; choose another folder`
        : `${to}: is inside ${from}, or contains it; choose a separate folder`,
    );
  }
}

/** A data set on its way into another format. */
export class Conversion {
  readonly #dataset: Dataset;
  readonly #writer: DatasetWriter;
  readonly #choice: ConvertChoice;
  readonly #tally = new Tally();

  private constructor(dataset: Dataset, writer: DatasetWriter, choice: ConvertChoice) {
    this.#dataset = dataset;
    this.#writer = writer;
    this.#choice = choice;
  }

  /** Throws DataError for classes that the format cannot have. */
  static async create(dataset: Dataset, sink: DataSink, choice: ConvertChoice): Promise<Conversion> {
    const classes = await classesOf(dataset);
    return new Conversion(dataset, FORMATS[choice.format].create(sink, classes, dataset.extra), choice);
  }

  /** The number of images so far. */
  get images(): number {
    return this.#tally.images;
  }

  /** Writes an image that could be decoded to its last line: of which format it is, is known by its `extension`. */
  async add(image: AnnotatedImage, extension: string): Promise<void> {
    const taken = { ...(this.#choice.boxesAsMasks ? withFilledBoxes(image) : image), extension };
    await this.#writer.add(taken);
    this.#tally.add(taken);
  }

  /** Writes what remains. Throws DataError where masks were to be written, and there are boxes alone. */
  async end(from: string): Promise<void> {
    this.#tally.expectDrawn(from, this.#choice);
    await this.#writer.end();
  }

  /** Lines on what was converted, and what the format could not express. */
  text(from: string, to: string): string {
    const { title } = FORMATS[this.#choice.format];
    const lines = [
      printable(`${from} (${FORMATS[this.#dataset.format].title}): ${this.#tally.text}`),
      `${printable(to)} (${title}): written`,
    ];
    for (const [what, count] of this.#writer.warnings) {
      lines.push(`  not expressed in ${title}: ${printable(countedWarning(what, count))}`);
    }
    return lines.map((line) => `${line}\n`).join('');
  }
}

const NOWHERE: DataSink = {
  write: async () => undefined,
  append: async () => undefined,
  image: async () => undefined,
};

/** Takes the annotations of a data set before images are read, to say what of them cannot be converted. */
export class ConversionCheck {
  readonly #dataset: Dataset;
  readonly #choice: ConvertChoice;
  readonly #tally = new Tally();

  constructor(dataset: Dataset, choice: ConvertChoice) {
    this.#dataset = dataset;
    this.#choice = choice;
  }

  add(image: AnnotatedImage): void {
    this.#tally.add(image);
  }

  /** Throws DataError for classes that the format cannot have, and for masks of boxes alone. */
  end(from: string): void {
    const { classes = sortedClasses(this.#tally.objects.keys()), extra } = this.#dataset;
    FORMATS[this.#choice.format].create(NOWHERE, classes, extra);
    this.#tally.expectDrawn(from, this.#choice);
  }
}
