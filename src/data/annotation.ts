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

/** What some formats say of an object besides where it is. Left out where they say nothing. */
export interface ObjectFlags {
  /** A region with many objects that nobody told apart (COCO's `iscrowd`). */
  crowd?: boolean;
  /** Hard to make out: benchmarks do not ask for it (VOC). */
  difficult?: boolean;
  /** Reaches past the image's border, or past what its box shows (VOC). */
  truncated?: boolean;
  /** Partly hidden by something else (VOC). */
  occluded?: boolean;
}

export const OBJECT_FLAGS = ['crowd', 'difficult', 'truncated', 'occluded'] as const;

/** One object. With neither outline nor mask, only its box is known. */
export interface AnnotatedShape extends ObjectFlags {
  label: string;
  /** A polygon, open: the last point joins the first. */
  points?: Point[];
  box: Box;
  mask?: MaskPatch;
  /** Shapes that share a number are parts of one object; what is said of the object stands at each. */
  groupId: number | null;
  /** A prediction's, 0 to 1; what a person drew has none. */
  score?: number;
  /** The object's number in the data set, where the format has one (COCO). */
  id?: number;
  /** The object's area as the file states it: COCO sorts objects into small, medium and large by it. */
  area?: number;
  /** The object's box as the file states it, where that is not the box around its shapes. */
  objectBox?: Box;
}

export interface Annotation {
  /** Relative to the annotation file's folder, with forward slashes. */
  imagePath?: string;
  /** The image's number in the data set, where the format has one (COCO). */
  id?: number;
  width: number;
  height: number;
  shapes: AnnotatedShape[];
  /** Pixels that nobody labelled, such as the border around VOC's objects: neither an object nor background. */
  unlabelled?: MaskPatch;
}
