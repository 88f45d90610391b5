import { DataError } from 'fovea';
import {
  type AnnotatedImage,
  type Annotation,
  type Dataset,
  openDataset,
  type ReadOptions,
  type Sample,
  scaleAnnotation,
  shrinkSample,
} from 'fovea/data';
import { diskFiles } from './dataFiles.ts';
import type { DataOptions } from './dataOptions.ts';
import { dataPath, expectChosenPart, pixelsOf } from './dataParts.ts';
import { defined } from './defined.ts';
import { FaultLog } from './faultLog.ts';
import { type DecodeOptions, decodeImage, type LoadedImage, loadImage } from './images.ts';

/** A labelled image on disk, with its pixels as bytes for drawing. */
export interface LabelledImage extends Sample {
  readonly image: LoadedImage;
}

/** With where its annotation was read from, for messages. */
export interface LoadedSample extends Sample {
  readonly source: string;
}

/**
 * The decoded image of an annotation, with the annotation at its size: an image that is larger than needed is shrunk while it is
 * decoded. The reader has checked that its size is the one that was labelled.
 */
async function loadAnnotatedImage(
  { source, image, annotation }: AnnotatedImage,
  options: DecodeOptions,
): Promise<{ readonly loaded: LoadedImage; readonly annotation: Annotation }> {
  const loaded =
    typeof image === 'string'
      ? await loadImage(image, options)
      : await decodeImage(image, `${source}: imageData`, options);
  return { loaded, annotation: loaded.original ? scaleAnnotation(annotation, loaded) : annotation };
}

/** One Labelme file and the image that it names or embeds. */
export async function loadLabelme(file: string): Promise<LabelledImage> {
  const dataset = await openDataset(diskFiles, file, { format: 'labelme' });
  for await (const labelled of dataset.images()) {
    const { loaded: image, annotation } = await loadAnnotatedImage(labelled, {});
    return { name: labelled.name, image, annotation };
  }
  throw new DataError(`${file}: contains no annotated image; save it again with Labelme`);
}

/** Opens a data set of any format. Throws DataError where it cannot be told which, or nothing is there. */
export function openData(
  path: string,
  options: DataOptions,
  faults: FaultLog,
  more: Pick<ReadOptions, 'classes' | 'extras' | 'imagesOptional' | 'signal'> = {},
): Promise<Dataset> {
  const { from, split, images, skipBad, reportBad, clip, fixSizes, encoding, allowOutside, maxPixels } =
    options;
  return openDataset(diskFiles, dataPath(path), {
    ...more,
    ...defined({
      format: from,
      split: split === 'all' ? undefined : split,
      imageFolder: images,
      ...{ clip, fixSizes, encoding, allowOutside, maxPixels },
    }),
    skipBad: skipBad || reportBad !== undefined,
    onFault: faults.add,
  });
}

/** How a data set is read for a model. */
export interface SampleOptions {
  /** Images are shrunk to this longer side as soon as they are read. Default: none is. */
  readonly maxSide?: number;
  /** What of an annotation is used. Default: all. */
  readonly change?: (annotation: Annotation) => Annotation;
  /** The classes of a model. Default: those of the data set. */
  readonly classes?: readonly string[];
}

/** A sample with the bytes of its image, for drawing; those are of the size in the file. */
export interface ReadSample extends LoadedSample {
  readonly loaded: LoadedImage;
}

/** An annotation, and what is left of it that is used. */
export interface ReadAnnotation extends AnnotatedImage {
  readonly left: Annotation;
}

/** The samples of a data set of any format: every annotation with its image, in their order. */
export class SampleReader {
  readonly dataset: Dataset;
  readonly faults: FaultLog;
  readonly #options: DataOptions;
  readonly #how: SampleOptions;

  private constructor(dataset: Dataset, faults: FaultLog, options: DataOptions, how: SampleOptions) {
    this.dataset = dataset;
    this.faults = faults;
    this.#options = options;
    this.#how = how;
  }

  /** Throws DataError where there is no data set, and UsageError where it has several parts and none is chosen. */
  static async open(
    folder: string,
    options: DataOptions,
    faults: FaultLog,
    how: SampleOptions = {},
  ): Promise<SampleReader> {
    const { classes } = how;
    const dataset = await openData(folder, options, faults, classes ? { classes } : {});
    expectChosenPart(folder, dataset.splits, options);
    return new SampleReader(dataset, faults, options, how);
  }

  /** The annotations, and what is `left` of each that is used, without the pixels of the images. */
  async *annotations(): AsyncGenerator<ReadAnnotation> {
    for await (const labelled of this.dataset.images()) {
      yield { ...labelled, left: this.#change(labelled.annotation) };
    }
  }

  /**
   * Reads one sample after another, so that they need not be in memory at once. Images that cannot be decoded are left out if the
   * options say so, or else their error is thrown.
   *
   * @param names Only these. Default: all.
   */
  async *samples(names?: ReadonlySet<string>): AsyncGenerator<ReadSample> {
    const { maxPixels } = this.#options;
    const { maxSide = Infinity } = this.#how;
    for await (const labelled of this.dataset.images()) {
      if (names && !names.has(labelled.name)) continue;
      const load = () => loadAnnotatedImage(labelled, { maxSide, ...defined({ maxPixels }) });
      const found = await this.faults.attempt(this.#options, load);
      if (!found) continue;
      const { name, source } = labelled;
      const { loaded } = found;
      const image = pixelsOf(loaded, name, this.faults);
      const sample = { name, image, annotation: this.#change(found.annotation) };
      yield { ...shrinkSample(sample, maxSide), source, loaded };
    }
  }

  #change(annotation: Annotation): Annotation {
    return this.#how.change ? this.#how.change(annotation) : annotation;
  }
}

/**
 * The samples of a data set of any format: every annotation with its image, in their order. Each is shrunk to `maxSide`
 * as soon as it is read, so that many large photographs fit into memory; `change` says what of an annotation is used, `more.classes` the
 * classes of a model. Throws
 * DataError where there is none, and UsageError where there are several parts and none is chosen.
 */
export async function loadFolder(
  folder: string,
  maxSide = Infinity,
  options: DataOptions = {},
  change: (annotation: Annotation) => Annotation = (annotation) => annotation,
  more: Pick<ReadOptions, 'classes'> = {},
): Promise<LoadedSample[]> {
  await FaultLog.check(options);
  const faults = new FaultLog();
  return faults.during(options, async () => {
    const reader = await SampleReader.open(folder, options, faults, { maxSide, change, ...more });
    const samples: LoadedSample[] = [];
    for await (const { loaded: _, ...sample } of reader.samples()) samples.push(sample);
    if (samples.length === 0) await faults.finishEmpty(options, folder);
    await faults.finish(options);
    return samples;
  });
}
