import type { Annotation, Extra } from '../annotation.ts';
import type { DataFault } from '../faults.ts';

/** An image in rows of interleaved channels; their number is `data.length / (width * height)`. */
export interface DecodedPng {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Channels [height, width, channels], interleaved. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Decodes a PNG: sharp does it in Node, createImageBitmap and a canvas in a browser. */
export type DecodePng = (bytes: Uint8Array) => Promise<DecodedPng>;

/** The names of all annotation formats. */
export const FORMAT_NAMES = ['coco', 'voc', 'yolo', 'labelme', 'masks'] as const;
/** The name of an annotation format. */
export type FormatName = (typeof FORMAT_NAMES)[number];

/**
 * The file system as readers need it: Node's on the command line, a chosen folder in a page. Paths have forward
 * slashes.
 */
export interface DataFiles {
  /** Returns what is at a path; undefined if nothing is. */
  kind(path: string): Promise<'file' | 'folder' | undefined>;
  /**
   * Lists the files and folders in a folder, by name in the order of UTF-16 code units, without pipes, sockets and devices. Throws
   * DataError if it is not a folder.
   */
  list(folder: string): Promise<FolderEntry[]>;
  /** Reads a whole file as bytes. Throws DataError if it cannot be read, or is a pipe, a socket or a device. */
  bytes(path: string): Promise<Uint8Array>;
  /** Opens a file to read parts of, with the errors of `bytes`. Whoever opens it closes it. */
  open(path: string): Promise<OpenFile>;
  /**
   * Reads the size of an image as it is shown, that is, after the rotation in its EXIF data. Throws DataError, which begins with
   * the path or with `name`, if it is missing or not an image that can be decoded.
   *
   * @param image The path, or the bytes of a file.
   * @param name What errors call an image of bytes.
   */
  imageSize(image: string | Uint8Array, name: string): Promise<ImageInfo>;
  /** Returns the path without symbolic links, absolute. Default: there are no links. */
  realPath?(path: string): Promise<string>;
  /** Decodes the masks of Labelme. */
  readonly decodePng: DecodePng;
}

/** The contents of a folder. */
export interface FolderEntry {
  /** The name within the folder. */
  readonly name: string;
  /** Whether it is a folder, or a link that leads to one. */
  readonly folder: boolean;
  /** Whether it is a symbolic link. Default false. */
  readonly link?: boolean;
}

/** The header of an image. */
export interface ImageInfo {
  /** Pixels per row, as it is shown. */
  readonly width: number;
  /** Rows, as it is shown. */
  readonly height: number;
  /** The orientation in its EXIF data, 1 to 8; 5 to 8 exchange rows and columns. Default 1. */
  readonly orientation?: number;
}

/** A file that is open for reading. */
export interface OpenFile {
  /** Reads bytes from a position: fewer at the end of the file, none after it. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** Closes the file. */
  close(): Promise<void>;
}

/** One image of a data set, with its annotation. */
export interface AnnotatedImage {
  /** The image's path within the data set, without its extension: no two images share one. */
  readonly name: string;
  /** The file that the annotation was read from, and the place in it; for messages. */
  readonly source: string;
  /** The path of the image, or its bytes if the annotation file contains them. */
  readonly image: string | Uint8Array;
  /** The extension for copies of an image whose path has none that images have, with its dot. Default: such an image is not written. */
  readonly extension?: string;
  /**
   * For writers: the path by which annotation files name an image that stays where it is. Nothing is copied then, and files are named by
   * `name`, folders included; no two names may be the same. Default: the image is written, under a name without folders.
   */
  readonly leftAt?: string;
  /** The labelled objects of the image. */
  readonly annotation: Annotation;
}

/** A class of a data set. */
export interface DatasetClass {
  /** The label that annotations use. */
  readonly name: string;
  /** The number of the category in COCO: any whole number. */
  readonly id?: number;
  /** The name of a group of classes, as in COCO. */
  readonly supercategory?: string;
  /** What the file says of the class beyond that. */
  readonly extra?: Extra;
}

/** Options of reading a data set. */
export interface ReadOptions {
  /** The part of the data set to read (`train`, `val` …), if it has parts. Default: all of it. */
  readonly split?: string;
  /** The folder of the images, for formats that do not say it (COCO). */
  readonly imageFolder?: string;
  /**
   * Allows annotations without their images, if the format does: `image` is then the path where the image would be.
   * Default: a missing image is an error.
   */
  readonly imagesOptional?: boolean;
  /**
   * Leaves out what cannot be used, and goes on: parts of objects, objects, annotations and images. An object that is left out
   * becomes a region to ignore. Default false: the first fault is an error.
   */
  readonly skipBad?: boolean;
  /** Called for everything that is left out (with `skipBad`) or was changed and then used. */
  readonly onFault?: (fault: DataFault) => void;
  /**
   * The classes of a model that the data are read for. An object of another class is a fault; with `skipBad` it becomes a region to
   * ignore. Default: all classes.
   */
  readonly classes?: readonly string[];
  /** Cuts boxes and outlines at the border of the image. Default false: more than a pixel outside is an error. */
  readonly clip?: boolean;
  /**
   * Scales or turns annotations that were made for another size of the image, where it is clear how: by the rotation in its EXIF
   * data, by one factor, or because width and height were exchanged. Default false: a size that differs is an error.
   */
  readonly fixSizes?: boolean;
  /** The encoding of text files that state none, by its name in the Encoding Standard (`gb18030`, `shift_jis`). Default UTF-8. */
  readonly encoding?: string;
  /**
   * Allows absolute paths of images, links, and paths that lead out of the folder that contains the data set. Default false.
   */
  readonly allowOutside?: boolean;
  /** The most pixels of an image that is read. Default 2^28 (16,384 x 16,384). */
  readonly maxPixels?: number;
  /** Keeps what files say beyond what is used, for a writer. Default false. */
  readonly extras?: boolean;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal;
}

/** The names of `ReadOptions`. */
export const READ_OPTIONS = Object.keys({
  ...{ split: 0, imageFolder: 0, imagesOptional: 0, skipBad: 0, onFault: 0, clip: 0, fixSizes: 0 },
  ...{ classes: 0, encoding: 0, allowOutside: 0, maxPixels: 0, extras: 0, signal: 0 },
} satisfies Record<keyof ReadOptions, 0>) as (keyof ReadOptions)[];

/** An opened data set: what is known without reading all of it. */
export interface Dataset {
  /** The format that the data set is in. */
  readonly format: FormatName;
  /** The folder or file that was opened. */
  readonly path: string;
  /** The classes in the order of the format, if it lists them. */
  readonly classes?: readonly DatasetClass[];
  /** What the file of a data set says beyond classes, images and annotations. */
  readonly extra?: Extra;
  /** The names of the parts that `ReadOptions.split` chooses from. */
  readonly splits: readonly string[];
  /** Reads one image after another; the data set is never in memory as a whole. Throws DataError at the first fault. */
  images(): AsyncGenerator<AnnotatedImage>;
}

/** Where a writer's files go. Paths are relative to the folder of the data set. */
export interface DataSink {
  /** Writes a whole file. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Appends to a file; the first call creates it. */
  append(path: string, text: string): Promise<void>;
  /** Writes the image. Returns the path by which annotations refer to it, relative to the folder of the data set. */
  image(from: AnnotatedImage, path: string): Promise<void>;
}

/** Writes the image of an annotation, unless it is left where it is. */
export async function writeImage(sink: DataSink, image: AnnotatedImage, path: string): Promise<void> {
  if (image.leftAt === undefined) await sink.image(image, path);
}

/** What a writer writes beyond what data sets to train on have. */
export interface WriteOptions {
  /** YOLO: the score of each box that has one, at the end of its line (Ultralytics' save_conf). Outlines have none. Default false. */
  readonly scores?: boolean;
  /** Masks: SegmentationObject/ beside masks/, with the number of the object of each pixel. Default false. */
  readonly objects?: boolean;
}

/** Writes a data set in one format. */
export interface DatasetWriter {
  /** Adds an image with its annotation. */
  add(image: AnnotatedImage): Promise<void>;
  /** Writes what remains. Call it once, after the last image. */
  end(): Promise<void>;
  /** Counts of what the format could not express: `crowds, left out` → 3. */
  readonly warnings: ReadonlyMap<string, number>;
}

/** The reading options that are needed to recognize a format. */
export type DetectOptions = Pick<ReadOptions, 'encoding' | 'allowOutside'>;

/** An annotation format: how it is recognized, read and written. */
export interface DatasetFormat {
  /** The name in options, for example `coco`. */
  readonly name: FormatName;
  /** The name as people write it, for example `Pascal VOC`. */
  readonly title: string;
  /** Says in words why a folder or file looks like this format; undefined if it does not. Uses `encoding` and `allowOutside` of the options. */
  detect(files: DataFiles, path: string, options?: DetectOptions): Promise<string | undefined>;
  /** Opens a data set of this format. Throws DataError if it cannot be read. */
  open(files: DataFiles, path: string, options: ReadOptions): Promise<Dataset>;
  /** Makes a writer for images with these classes, of a data set with this `extra`. */
  create(
    sink: DataSink,
    classes: readonly DatasetClass[],
    extra?: Extra,
    options?: WriteOptions,
  ): DatasetWriter;
}

/** Counts what a writer could not express. */
export class WarningCounts extends Map<string, number> {
  /** Counts regions that are neither object nor background, for formats that have no way to say so. */
  countIgnored({ unlabelled, ignored = [] }: Pick<Annotation, 'unlabelled' | 'ignored'>): void {
    if (unlabelled) this.count('regions that nobody labelled, which became background');
    this.count('regions to ignore, which became background', ignored.length);
  }

  count(what: string, times = 1): void {
    if (times > 0) this.set(what, (this.get(what) ?? 0) + times);
  }
}
