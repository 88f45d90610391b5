import { expectOneOf } from '../../options.ts';
import { checkAugment } from './check.ts';
import type { Augment } from './parameters.ts';

const DEFAULT: Augment = [
  { name: 'zoom', scale: [0.75, 1.33] },
  { name: 'crop' },
  { name: 'flip', horizontal: 0.5 },
  { name: 'colorJitter', brightness: 0.2, contrast: 0.2, saturation: 0.2 },
];

/** The name of a ready-made list of transforms. */
export type AugmentPreset = 'none' | 'light' | 'default' | 'aerial' | 'text';

/**
 * Ready-made lists of transforms. `none`: crops only. `light`: mirrored, and scales and colours by a tenth. `default`: mirrored, scales of
 * 0.75 to 1.33, colours by 0.2. `aerial`: the same in all orientations. `text`: never mirrored, turned by 5 degrees at most, colours, and
 * sometimes blurred or noisy.
 */
export const AUGMENT_PRESETS: Readonly<Record<AugmentPreset, Augment>> = {
  none: [{ name: 'crop' }],
  light: [
    { name: 'zoom', scale: [0.9, 1.1] },
    { name: 'crop' },
    { name: 'flip', horizontal: 0.5 },
    { name: 'colorJitter', brightness: 0.1, contrast: 0.1, saturation: 0.1 },
  ],
  default: DEFAULT,
  aerial: [
    { name: 'zoom', scale: [0.75, 1.33] },
    { name: 'rotate90' },
    { name: 'crop' },
    { name: 'flip', horizontal: 0.5, vertical: 0.5 },
    { name: 'colorJitter', brightness: 0.2, contrast: 0.2, saturation: 0.2 },
  ],
  text: [
    { name: 'zoom', scale: [0.75, 1.33] },
    { name: 'crop' },
    { name: 'affine', degrees: 5, shear: 5 },
    { name: 'colorJitter', brightness: 0.2, contrast: 0.2, saturation: 0.2 },
    { name: 'blur', sigma: [0.3, 1], p: 0.2 },
    { name: 'noise', sigma: [0, 0.05], p: 0.2 },
  ],
};

/** The colours of a preset. */
const colors = (by: number) =>
  ({ name: 'colorJitter', brightness: by, contrast: by, saturation: by }) as const;

/**
 * Ready-made lists of transforms for classifiers of whole images. `none`: the middle of the image. `light`, `default`: a part of at least 0.7 or 0.35
 * of the image, mirrored, colours by a tenth or 0.2. `aerial`: as `default`, in all orientations. `text`: never mirrored, a part of at
 * least 0.7, turned by 5 degrees at most, and sometimes blurred or noisy.
 */
export const CLASSIFY_PRESETS: Readonly<Record<AugmentPreset, Augment>> = {
  none: [
    { name: 'resize', fit: 'cover' },
    { name: 'crop', position: 'center' },
  ],
  light: [{ name: 'randomResizedCrop', scale: [0.7, 1] }, { name: 'flip', horizontal: 0.5 }, colors(0.1)],
  default: [{ name: 'randomResizedCrop', scale: [0.35, 1] }, { name: 'flip', horizontal: 0.5 }, colors(0.2)],
  aerial: [
    { name: 'rotate90' },
    { name: 'randomResizedCrop', scale: [0.35, 1] },
    { name: 'flip', horizontal: 0.5, vertical: 0.5 },
    colors(0.2),
  ],
  text: [
    { name: 'randomResizedCrop', scale: [0.7, 1] },
    { name: 'affine', degrees: 5, shear: 5 },
    colors(0.2),
    { name: 'blur', sigma: [0.3, 1], p: 0.2 },
    { name: 'noise', sigma: [0, 0.05], p: 0.2 },
  ],
};

/** A list whose crops show most of their images: one that does not resize them is preceded by a `resize`. */
export const withResize = (list: Augment, fit: 'contain' | 'cover'): Augment =>
  list.some(({ name }) => name === 'resize' || name === 'randomResizedCrop')
    ? list
    : [{ name: 'resize', fit }, ...list];

/** The list of a preset, or the list that is given, checked. Throws UsageError for others. */
export function augmentOf(
  given: Augment | AugmentPreset,
  call: string,
  presets: Readonly<Record<AugmentPreset, Augment>> = AUGMENT_PRESETS,
): Augment {
  if (typeof given !== 'string') return checkAugment(given, call);
  expectOneOf(call, 'augment', given, Object.keys(AUGMENT_PRESETS) as AugmentPreset[]);
  return presets[given];
}
