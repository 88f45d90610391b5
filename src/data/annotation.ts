/**
 * Annotations: every format is read into this form and written from it. Coordinates are in pixels of the image at its full
 * size and continuous: pixel (i, j) covers [i, i+1) x [j, j+1), so an image spans [0, width] x [0, height].
 */
import type { Box, Point } from '../vision/boxes.ts';

/** The pixels of one object, as a window of the image: `data[(j - y) * width + (i - x)]` is 1 inside, 0 outside. */
export interface MaskPatch {
  /** Column of the window's first pixel. */
  readonly x: number;
  /** Row of the window's first pixel. */
  readonly y: number;
  /** Pixels per row of the window. */
  readonly width: number;
  /** Rows of the window. */
  readonly height: number;
  /**
   * 1 inside, 0 outside [height * width], row by row. Not to be changed: that of a large mask may be unpacked when it is read, and freed
   * when nobody uses it.
   */
  readonly data: Uint8Array;
}

/** Flags of an object that some formats have besides its position. A flag that the format does not have is left out. */
export interface ObjectFlags {
  /** A region of many objects that were not annotated one by one (COCO's `iscrowd`). */
  crowd?: boolean;
  /** Hard to recognize: benchmarks ignore it (VOC). */
  difficult?: boolean;
  /** Extends beyond the image or beyond its box (VOC). */
  truncated?: boolean;
  /** Partly hidden by something else (VOC). */
  occluded?: boolean;
}

/** The names of all flags. */
export const OBJECT_FLAGS = ['crowd', 'difficult', 'truncated', 'occluded'] as const;

/**
 * What a file says beyond what is used, such as the keypoints of COCO or the description of a shape in Labelme. It is read with
 * `ReadOptions.extras`, written again in the same format, and counted by the writers of other formats.
 */
export interface Extra {
  /** The format that can write it again. Undefined where none can, for example as coordinates changed since. */
  readonly format?: string;
  /** Values by their keys in the file. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** A shape: one object, or a part of one. A shape without outline and mask is known by its box only. */
export interface AnnotatedShape extends ObjectFlags {
  /** The class of the object. */
  label: string;
  /** Vertices of a polygon; the last one joins the first. */
  points?: Point[];
  /** The box around the shape; x1 < x2 and y1 < y2. */
  box: Box;
  /** The pixels of the shape. */
  mask?: MaskPatch;
  /**
   * Shapes with the same number and label are parts of one object, and each has that object's flags, id and area. Null
   * for an object of one shape.
   */
  groupId: number | null;
  /** Score of a prediction, 0 to 1; shapes drawn by people have none. */
  score?: number;
  /** The object's id in the data set, if the format has one (COCO). */
  id?: number;
  /** The object's area as stated in the file: COCO sorts objects into small, medium and large by it. */
  area?: number;
  /** The object's box as stated in the file, if it differs from the box around its shapes. */
  objectBox?: Box;
  /** What the file says beyond that. */
  extra?: Extra;
}

/**
 * A region that is neither object nor background: an object that was left out, or one that is labelled to be ignored. It counts
 * neither in training nor in evaluation.
 */
export interface IgnoredRegion {
  /** The box around it; x1 < x2 and y1 < y2. */
  readonly box: Box;
  /** Vertices of a polygon, where the region has an outline. */
  readonly points?: Point[];
  /** The pixels of the region, where they are known. */
  readonly mask?: MaskPatch;
  /** What the file says beyond that. */
  readonly extra?: Extra;
}

/** Shapes with this label are regions to ignore, as in Labelme's lists of labels. */
export const IGNORE_LABEL = '__ignore__';

/** The annotation of one image. */
export interface Annotation {
  /** Path of the image relative to the annotation file's folder, with forward slashes. */
  imagePath?: string;
  /** The image's id in the data set, if the format has one (COCO). */
  id?: number;
  /** Width of the image in pixels. */
  width: number;
  /** Height of the image in pixels. */
  height: number;
  /** The labelled shapes, in the order of the file. */
  shapes: AnnotatedShape[];
  /** Pixels that are neither object nor background, such as the border around VOC's objects. */
  unlabelled?: MaskPatch;
  /** Regions that are neither object nor background. */
  ignored?: IgnoredRegion[];
  /** What the file says of the image beyond that. */
  extra?: Extra;
}
