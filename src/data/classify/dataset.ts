import type { ReadOptions } from '../formats/format.ts';

/** How a data set says the classes of its images. */
export const CLASS_FORMATS = ['folders', 'csv'] as const;
/** The name of a way in which a data set says the classes of its images. */
export type ClassFormat = (typeof CLASS_FORMATS)[number];

/** An image file and its class. */
export interface LabelledFile {
  /** The path of the image within the data set, without its extension. */
  readonly name: string;
  /** The file that says the class, and the place in it, or the image itself; for messages. */
  readonly source: string;
  /** The path of the image. */
  readonly image: string;
  /** The class. */
  readonly label: string;
}

/** A data set of images with one class each. */
export interface ClassDataset {
  readonly format: ClassFormat;
  /** The folder or file that was opened. */
  readonly path: string;
  /** The classes of all parts, sorted by their UTF-16 code units. */
  readonly classNames: readonly string[];
  /** The names of the parts that `split` chooses from. */
  readonly splits: readonly string[];
  /** The images, in their order. */
  readonly files: readonly LabelledFile[];
}

/** Options of `openClassDataset`: those of other data sets that apply. */
export interface ClassReadOptions
  extends Pick<
    ReadOptions,
    'split' | 'imageFolder' | 'skipBad' | 'onFault' | 'classes' | 'encoding' | 'allowOutside' | 'signal'
  > {
  /** How the classes are said. Default: a CSV file where the path is one, or its folder has one of images and classes, else folders. */
  readonly format?: ClassFormat;
}

/** The names of parts, as folders and in columns. */
export const SPLITS = ['train', 'training', 'val', 'valid', 'validation', 'test', 'testing'];

/** The names sorted by their UTF-16 code units. */
export const sortedNames = (names: Iterable<string>): string[] => [...new Set(names)].sort();
