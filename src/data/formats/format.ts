import type { DataError } from '../../errors.ts';
import type { Annotation } from '../annotation.ts';
import type { DecodePng } from './labelme/labelme.ts';

/** The names of all annotation formats. */
export const FORMAT_NAMES = ['coco', 'voc', 'yolo', 'labelme'] as const;
/** The name of an annotation format. */
export type FormatName = (typeof FORMAT_NAMES)[number];

/** What readers need of a file system: Node's on the command line, a chosen folder in a page. Paths have forward slashes. */
export interface DataFiles {
  /** What a path leads to; undefined where there is nothing. */
  kind(path: string): Promise<'file' | 'folder' | undefined>;
  /** What is in a folder, by name in the order of UTF-16 code units. Throws DataError where it is none. */
  list(folder: string): Promise<{ readonly name: string; readonly folder: boolean }[]>;
  /** Whole files. Throw DataError where there is none, or it cannot be read. */
  text(path: string): Promise<string>;
  /** Reads a whole file as bytes. Throws DataError if it cannot be read. */
  bytes(path: string): Promise<Uint8Array>;
  /** A file to read parts of. Closed by who opened it. */
  open(path: string): Promise<OpenFile>;
  /** Of an image as it is shown, so after the turn that its EXIF data asks for. Throws DataError. */
  imageSize(path: string): Promise<{ readonly width: number; readonly height: number }>;
  /** For the masks of Labelme. */
  readonly decodePng: DecodePng;
}

/** A file that is open for reading. */
export interface OpenFile {
  /** Fewer bytes at the file's end, none behind it. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** Closes the file. */
  close(): Promise<void>;
}

/** One image of a data set with what is labelled in it. */
export interface AnnotatedImage {
  /** The image's path within the data set, without its extension: no two images share one. */
  readonly name: string;
  /** The file that the annotation was read from, and the place in it: for messages. */
  readonly source: string;
  /** The image's path, or the image itself where the annotation file holds it. */
  readonly image: string | Uint8Array;
  /** What is labelled in the image. */
  readonly annotation: Annotation;
}

/** A class of a data set. */
export interface DatasetClass {
  /** The label that annotations use. */
  readonly name: string;
  /** As COCO numbers categories: any whole numbers. */
  readonly id?: number;
  /** The name of a group of classes, as in COCO. */
  readonly supercategory?: string;
}

/** Options of reading a data set. */
export interface ReadOptions {
  /** One part of the data set (`train`, `val` …), where it has parts. Default: all of it. */
  readonly split?: string;
  /** The folder of the images, where the format does not say (COCO). */
  readonly imageFolder?: string;
  /**
   * Annotations may do without their images, where the format allows for it: `image` is then where it would be. Default: an
   * image that is not there is an error.
   */
  readonly imagesOptional?: boolean;
  /** Called for each object that cannot be used, which is then left out. Default: such an object is an error. */
  readonly onBad?: (error: DataError) => void;
}

/** A data set that has been opened: what can be told without reading it all. */
export interface Dataset {
  /** The format that the data set is in. */
  readonly format: FormatName;
  /** The folder or file that was opened. */
  readonly path: string;
  /** In their own order, where the format lists them. */
  readonly classes?: readonly DatasetClass[];
  /** The parts that `ReadOptions.split` chooses from. */
  readonly splits: readonly string[];
  /** One image after another: the data set is never in memory as a whole. Throws DataError at the first fault. */
  images(): AsyncGenerator<AnnotatedImage>;
}

/** Where a writer's files go. Paths are relative to the data set's folder. */
export interface DataSink {
  /** Writes a whole file. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Adds to the end of a file, which the first call makes. */
  append(path: string, text: string): Promise<void>;
  /** Puts the image there; gives the path that annotations name it by, from the data set's folder. */
  image(from: AnnotatedImage, path: string): Promise<void>;
}

/** Writes a data set in one format. */
export interface DatasetWriter {
  /** Adds an image with its annotation. */
  add(image: AnnotatedImage): Promise<void>;
  /** Writes what remains. Call it once, after the last image. */
  end(): Promise<void>;
  /** What the format could not express, and how many times: `crowds, left out` → 3. */
  readonly warnings: ReadonlyMap<string, number>;
}

/** An annotation format: how it is recognized, read and written. */
export interface DatasetFormat {
  /** The name in options, for example `coco`. */
  readonly name: FormatName;
  /** As people call it. */
  readonly title: string;
  /** What of a folder (or a file) speaks for this format, in words; undefined where nothing does. */
  detect(files: DataFiles, path: string): Promise<string | undefined>;
  /** Opens a data set of this format. Throws DataError if it cannot be read. */
  open(files: DataFiles, path: string, options: ReadOptions): Promise<Dataset>;
  /** A writer for images with these classes. */
  create(sink: DataSink, classes: readonly DatasetClass[]): DatasetWriter;
}

/** Counts what a writer could not express. */
export class WarningCounts extends Map<string, number> {
  count(what: string, times = 1): void {
    if (times > 0) this.set(what, (this.get(what) ?? 0) + times);
  }
}
