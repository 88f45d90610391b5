/**
 * How images of any size are prepared for a network: shrunk to a longest side, or brought to the network's own size; or as
 * torchvision does it, resized by the detector itself, or to a shorter side,
 * of which classifiers see the middle.
 */
export type Preprocessing =
  | ShrinkPreprocessing
  | FixedPreprocessing
  | ModelPreprocessing
  | ShorterSidePreprocessing
  | CropPreprocessing;

/** Images are shrunk, if they are too large, and padded at the right and the bottom to what the network needs. */
export interface ShrinkPreprocessing {
  /** Images whose longer side exceeds this number of pixels are shrunk to it. */
  readonly maxSide: number;
}

/** Images are brought to one size, as other programs do that models come from. */
export interface FixedPreprocessing {
  /** Height and width in pixels. */
  readonly size: readonly [height: number, width: number];
  /**
   * `letterbox`: as large as fits, in the middle of a grey image, as Darknet does it. `stretch`: both sides on their own, as
   * OpenCV's blobFromImage does it.
   */
  readonly fit: 'letterbox' | 'stretch';
}

/** The detector takes images of any size and resizes them itself, by the `resize` of its configuration. */
export interface ModelPreprocessing {
  /** Who resizes. */
  readonly resize: 'model';
}

/** Images are resized to a shorter side, as by torchvision's presets of segmenters, and not padded. */
export interface ShorterSidePreprocessing {
  /** The length of the shorter side in pixels. */
  readonly minSide: number;
}

/** The middle of an image whose shorter side is resized, as by torchvision's presets of classifiers. */
export interface CropPreprocessing {
  /** The length of the shorter side after resizing, in pixels: at least `cropSize`. */
  readonly resizeSize: number;
  /** The side of the square that is cut from the middle, in pixels. */
  readonly cropSize: number;
}

/**
 * Returns how a classifier that was trained on crops of a side prepares images: as torchvision's presets, which resize to 256 for crops of 224.
 *
 * @param cropSize The side in pixels.
 */
export const cropPreprocessing = (cropSize: number): CropPreprocessing => ({
  resizeSize: Math.round((cropSize * 256) / 224),
  cropSize,
});

/** `with a shorter side of 256, cut to 224x224`, for descriptions. */
export const describeCrop = ({ resizeSize, cropSize }: CropPreprocessing): string =>
  `with a shorter side of ${resizeSize}, cut to ${cropSize}x${cropSize}`;
