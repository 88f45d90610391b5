import type { FormatName } from 'fovea/data';

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
  /** Where everything that is bad is written to, as JSON. Without `skipBad` all of it is read first, and then refused. */
  readonly reportBad?: string;
  /** Cut boxes and outlines at the border of the image. */
  readonly clip?: boolean;
  /** Scale or turn annotations for images of another size, where it is clear how. */
  readonly fixSizes?: boolean;
  /** The encoding of text files that state none. */
  readonly encoding?: string;
  /** Allow images outside of the folder that contains the data set. */
  readonly allowOutside?: boolean;
  /** The most pixels of an image. */
  readonly maxPixels?: number;
}
