import { sep } from 'node:path';
import { DataError, UsageError } from 'fovea';
import {
  type AnnotatedImage,
  type Annotation,
  type Dataset,
  type FormatName,
  openDataset,
  type ReadOptions,
  type Sample,
  shrinkSample,
} from 'fovea/data';
import { diskFiles } from './dataFiles.ts';
import { decodeImage, type LoadedImage, loadImage } from './images.ts';

/** A labelled image on disk, with its pixels as bytes for drawing. */
export interface LabelledImage extends Sample {
  readonly image: LoadedImage;
}

/** With where its annotation was read from, for messages. */
export interface LoadedSample extends Sample {
  readonly source: string;
}

/** What the options of the command line say about a data set. */
export interface DataOptions {
  /** Its format, where a folder holds several. */
  readonly from?: FormatName;
  /** One part of it; `all` for all. */
  readonly split?: string;
  /** Where the images are. */
  readonly images?: string;
  /** Leave out, and report, what cannot be used. */
  readonly skipBad?: boolean;
}

/** The decoded image of an annotation. Throws DataError where it is not of the size that was labelled. */
async function loadAnnotatedImage({ source, image, annotation }: AnnotatedImage): Promise<LoadedImage> {
  const loaded =
    typeof image === 'string' ? await loadImage(image) : await decodeImage(image, `${source}: imageData`);
  if (loaded.width !== annotation.width || loaded.height !== annotation.height) {
    throw new DataError(
      `${source}: the annotation is for ${annotation.width}x${annotation.height} pixels, but the image has ${loaded.width}x${loaded.height}; use the image that was labelled`,
    );
  }
  return loaded;
}

/** One Labelme file and the image that it names or embeds. */
export async function loadLabelme(file: string): Promise<LabelledImage> {
  const dataset = await openDataset(diskFiles, file, { format: 'labelme' });
  for await (const labelled of dataset.images()) {
    const image = await loadAnnotatedImage(labelled);
    return { name: labelled.name, image, annotation: labelled.annotation };
  }
  throw new DataError(`${file}: contains no annotated image; save it again with Labelme`);
}

/** Objects that were left out because they cannot be used: how many, and the first with its reason. */
export class Skipped {
  count = 0;
  first = '';

  readonly add = (error: DataError): void => {
    if (this.count++ === 0) this.first = error.message;
  };

  /** A line on what was left out; '' where nothing was. */
  get text(): string {
    if (this.count === 0) return '';
    return `skipped ${this.count} object${this.count === 1 ? '' : 's'} that cannot be used; the first: ${this.first}\n`;
  }
}

/** Opens a data set of any format. Throws DataError where it cannot be told which, or nothing is there. */
export function openData(
  path: string,
  { from, split, images, skipBad }: DataOptions,
  skipped: Skipped,
  more: Pick<ReadOptions, 'imagesOptional'> = {},
): Promise<Dataset> {
  return openDataset(
    diskFiles,
    path
      .split(sep)
      .join('/')
      .replace(/(?<=.)\/+$/, ''),
    {
      ...more,
      ...(from === undefined ? {} : { format: from }),
      ...(split === undefined || split === 'all' ? {} : { split }),
      ...(images === undefined ? {} : { imageFolder: images }),
      ...(skipBad ? { onBad: skipped.add } : {}),
    },
  );
}

/**
 * The samples of a data set of any format: every annotation with its image, in their order. Each is shrunk to `maxSide`
 * as soon as it is read, so that many large photographs fit into memory; `change` says what of an annotation is used. Throws
 * DataError where there is none, and UsageError where there are several parts and none is chosen.
 */
export async function loadFolder(
  folder: string,
  maxSide = Infinity,
  options: DataOptions = {},
  change: (annotation: Annotation) => Annotation = (annotation) => annotation,
): Promise<LoadedSample[]> {
  const skipped = new Skipped();
  const dataset = await openData(folder, options, skipped);
  if (dataset.splits.length > 1 && options.split === undefined) {
    throw new UsageError(
      `${folder}: has the parts ${dataset.splits.join(', ')}; choose one with --split, or use --split all`,
    );
  }
  const samples: LoadedSample[] = [];
  for await (const labelled of dataset.images()) {
    const { width, height, channels, data } = await loadAnnotatedImage(labelled);
    const image = { width, height, channels, data };
    const sample = { name: labelled.name, image, annotation: change(labelled.annotation) };
    samples.push({ ...shrinkSample(sample, maxSide), source: labelled.source });
  }
  process.stderr.write(skipped.text);
  return samples;
}
