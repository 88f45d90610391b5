/**
 * What every annotation format is read into, and written from. Coordinates are in pixels of the image at its
 * full size and continuous: pixel (i, j) covers [i, i+1) x [j, j+1), so an image spans [0, width] x [0, height].
 */
export type Point = [x: number, y: number];
/** x1 < x2 and y1 < y2. */
export type Box = [x1: number, y1: number, x2: number, y2: number];

/** The pixels of one object, cut out of the image's: `data[(j - y) * width + (i - x)]` is 1 inside, 0 outside. */
export interface MaskPatch {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** One object. With neither outline nor mask, only its box is known. */
export interface AnnotatedShape {
  label: string;
  /** A polygon, open: the last point joins the first. */
  points?: Point[];
  box: Box;
  mask?: MaskPatch;
  /** Shapes that share a number are parts of one object. */
  groupId: number | null;
  /** A prediction's, 0 to 1; what a person drew has none. */
  score?: number;
}

export interface Annotation {
  /** Relative to the annotation file's folder, with forward slashes. */
  imagePath?: string;
  width: number;
  height: number;
  shapes: AnnotatedShape[];
}
