/** A number r for a value drawn uniformly from [-r, r], or the two ends of the range. */
export type Around = number | readonly [least: number, most: number];

/** The two ends of a range from which a value is drawn uniformly. */
export type Range = readonly [smallest: number, largest: number];

/** The parameters of each transform. The function of the same name says what they mean. */
export interface TransformParameters {
  /** See `flip`. */
  flip: { readonly horizontal?: number; readonly vertical?: number };
  /** See `rotate90`. */
  rotate90: { readonly p?: number };
  /** See `rotate`. */
  rotate: { readonly degrees?: Around; readonly p?: number };
  /** See `affine`. */
  affine: {
    readonly degrees?: Around;
    readonly translate?: readonly [x: number, y: number];
    readonly scale?: Range;
    readonly shear?: Around | readonly [leastX: number, mostX: number, leastY: number, mostY: number];
    readonly p?: number;
  };
  /** See `perspective`. */
  perspective: { readonly distortionScale?: number; readonly p?: number };
  /** See `zoom`. */
  zoom: { readonly scale?: Range; readonly p?: number };
  /** See `resize`. */
  resize: { readonly fit?: 'cover' | 'contain' | 'fill' };
  /** See `crop`. */
  crop: { readonly position?: 'random' | 'center'; readonly fill?: number };
  /** See `randomResizedCrop`. */
  randomResizedCrop: { readonly scale?: Range; readonly ratio?: Range; readonly fill?: number };
  /** See `colorJitter`. */
  colorJitter: {
    readonly brightness?: number | Range;
    readonly contrast?: number | Range;
    readonly saturation?: number | Range;
    readonly hue?: Around;
    readonly p?: number;
  };
  /** See `grayscale`. */
  grayscale: { readonly p?: number };
  /** See `blur`. */
  blur: { readonly sigma?: number | Range; readonly p?: number };
  /** See `noise`. */
  noise: { readonly sigma?: number | Range; readonly p?: number };
  /** See `cutout`. */
  cutout: {
    readonly count?: number;
    readonly scale?: Range;
    readonly ratio?: Range;
    readonly fill?: number;
    readonly p?: number;
  };
  /** See `mosaic`. */
  mosaic: { readonly p?: number };
  /** See `mixUp`. */
  mixUp: { readonly alpha?: number; readonly p?: number };
  /** See `cutMix`. */
  cutMix: { readonly alpha?: number; readonly p?: number };
}

/** The name of a transform. */
export type TransformName = keyof TransformParameters;

/** A transform: its name and parameters, as plain JSON data. The function of the same name makes it. */
export type Transform<N extends TransformName = TransformName> = {
  [K in N]: { readonly name: K } & TransformParameters[K];
}[N];

/**
 * How training samples are varied at random: a list of transforms, as plain JSON data. Those of geometry become one map of points, in
 * their order, by which the image is read once; those of colours then change the crop, in their order.
 */
export type Augment = readonly Transform[];
