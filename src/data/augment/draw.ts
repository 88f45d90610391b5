import type { Box, Point } from '../../vision/boxes.ts';
import type { Random } from '../../vision/random.ts';
import type { Effect } from './effects.ts';
import { compose, type Homography, IDENTITY, rotation, scaling, squareTo, translation } from './matrix.ts';
import type { Around, Augment, Range, Transform } from './parameters.ts';

/** Where in the image a crop is. */
export interface Place {
  /** Fractions of the way along x and y, 0..1. */
  readonly at: readonly [number, number];
  /** Whether the window is anywhere in the image equally likely; else its middle is, and the window is then moved inside. */
  readonly even: boolean;
}

/** A mixing transform that is to happen. */
export type Mixing = Transform<'mixUp' | 'cutMix'>;

/** What a list of transforms has drawn for one crop. */
export interface Draws {
  /** The geometry: from the image, relative to the point at the middle of the crop, to the crop, relative to its middle. */
  readonly linear: Homography;
  /** The same without shifts. */
  readonly still: Homography;
  readonly place: Place;
  readonly fill: number;
  readonly effects: readonly Effect[];
  /** Whether the crop is of a mosaic. */
  readonly mosaic: boolean;
  readonly mixing: readonly Mixing[];
}

type Size = readonly [height: number, width: number];

/**
 * Draws the parameters of one crop: as many numbers per transform, in the order of the list, whether or not it is applied.
 *
 * @param region The part of the image that is read.
 */
export function drawTransforms(augment: Augment, size: Size, region: Box, random: Random): Draws {
  const drawing = new Drawing(size, [region[2] - region[0], region[3] - region[1]], random);
  for (const transform of augment) drawing.draw(transform);
  if (!drawing.place) drawing.draw({ name: 'crop' });
  const { linear, still, place, fill, effects, mosaic, mixing } = drawing;
  return { linear, still, place: place!, fill, effects, mosaic, mixing };
}

const around = (value: Around): Range => (typeof value === 'number' ? [-value, value] : value);
const factors = (value: number | Range): Range =>
  typeof value === 'number' ? [1 - value, 1 + value] : value;
const fixedOr = (value: number | Range): Range => (typeof value === 'number' ? [value, value] : value);

class Drawing {
  linear: Homography = IDENTITY;
  still: Homography = IDENTITY;
  place: Place | undefined;
  fill = 0.5;
  mosaic = false;
  readonly effects: Effect[] = [];
  readonly mixing: Mixing[] = [];
  readonly #size: Size;
  readonly #image: readonly [width: number, height: number];
  readonly #random: Random;

  constructor(size: Size, image: readonly [number, number], random: Random) {
    this.#size = size;
    this.#image = image;
    this.#random = random;
  }

  draw(transform: Transform): void {
    const random = this.#random;
    const between = ([a, b]: Range): number => random.range(a, b);
    // Where it is certain, no number is drawn.
    const applied = (p: number): boolean => p === 1 || random.uniform() < p;
    const [h, w] = this.#size;
    const [width, height] = this.#image;
    switch (transform.name) {
      case 'flip': {
        const { horizontal = 0.5, vertical = 0 } = transform;
        const [x, y] = [random.uniform() < horizontal, random.uniform() < vertical];
        this.#apply(scaling(x ? -1 : 1, y ? -1 : 1));
        return;
      }
      case 'rotate90': {
        const does = applied(transform.p ?? 1);
        // Clockwise.
        const turns = random.integer(4);
        if (does) this.#apply(rotation(-90 * turns));
        return;
      }
      case 'rotate': {
        const { degrees = 10, p = 1 } = transform;
        const does = applied(p);
        const angle = between(around(degrees));
        if (does) this.#apply(rotation(angle));
        return;
      }
      case 'affine': {
        const { degrees = 0, translate = [0, 0], scale = [1, 1], shear = 0, p = 1 } = transform;
        const does = applied(p);
        const angle = between(around(degrees));
        const factor = between(scale);
        const shears: readonly number[] = typeof shear === 'number' ? [-shear, shear] : shear;
        const [x1 = 0, x2 = 0, y1 = 0, y2 = 0] = shears;
        const [shearX, shearY] = [between([x1, x2]), between([y1, y2])].map(tangent);
        const shift = translate.map((part, i) => between([-part, part]) * [w, h][i]!);
        if (!does) return;
        // Source: torchvision's affine: rotation, shear along y, shear along x, scale, the last one first.
        this.#apply(scaling(factor, factor));
        if (shearX !== 0 || shearY !== 0) {
          this.#apply([1, -shearX!, 0, 0, 1, 0, 0, 0, 1]);
          this.#apply([1, 0, 0, -shearY!, 1, 0, 0, 0, 1]);
        }
        this.#apply(rotation(angle));
        this.linear = compose(translation(shift[0]!, shift[1]!), this.linear);
        return;
      }
      case 'perspective': {
        const { distortionScale = 0.5, p = 1 } = transform;
        const does = applied(p);
        const inwards = (x: number, y: number): Point => [
          (x * w * (1 - distortionScale * random.uniform())) / 2,
          (y * h * (1 - distortionScale * random.uniform())) / 2,
        ];
        const to = [inwards(-1, -1), inwards(1, -1), inwards(1, 1), inwards(-1, 1)] as const;
        if (does) this.#apply(squareTo([-w / 2, -h / 2, w / 2, h / 2], to));
        return;
      }
      case 'zoom': {
        const { scale = [0.75, 1.33], p = 1 } = transform;
        const does = applied(p);
        const factor = between(scale);
        if (does) this.#apply(scaling(factor, factor));
        return;
      }
      case 'resize': {
        const { fit = 'cover' } = transform;
        const [x, y] = [w / width, h / height];
        const both = fit === 'cover' ? Math.max(x, y) : Math.min(x, y);
        this.#apply(fit === 'fill' ? scaling(x, y) : scaling(both, both));
        return;
      }
      case 'crop': {
        const { position = 'random', fill = 0.5 } = transform;
        const at = [random.uniform(), random.uniform()] as const;
        this.place = { at: position === 'center' ? [0.5, 0.5] : at, even: false };
        this.fill = fill;
        return;
      }
      case 'randomResizedCrop': {
        const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], fill = 0.5 } = transform;
        const area = between(scale) * width * height;
        const shape = Math.exp(random.range(Math.log(ratio[0]), Math.log(ratio[1])));
        const [x, y] = [Math.min(width, Math.sqrt(area * shape)), Math.min(height, Math.sqrt(area / shape))];
        this.#apply(scaling(w / Math.max(x, 1), h / Math.max(y, 1)));
        this.place = { at: [random.uniform(), random.uniform()], even: true };
        this.fill = fill;
        return;
      }
      case 'mosaic':
        this.mosaic = applied(transform.p ?? 1);
        return;
      case 'mixUp':
      case 'cutMix':
        if (applied(transform.p ?? 1)) this.mixing.push(transform);
        return;
      default: {
        const effect = drawnEffect(transform, this.#size, random, applied);
        if (effect) this.effects.push(effect);
      }
    }
  }

  #apply(map: Homography): void {
    this.linear = compose(map, this.linear);
    this.still = compose(map, this.still);
  }
}

const tangent = (degrees: number): number => Math.tan((degrees * Math.PI) / 180);

type Coloring = Transform<'colorJitter' | 'grayscale' | 'blur' | 'noise' | 'cutout'>;

/** What changes the colours of the crop; undefined where it is not applied. */
function drawnEffect(
  transform: Coloring,
  [h, w]: Size,
  random: Random,
  applied: (p: number) => boolean,
): Effect | undefined {
  const between = ([a, b]: Range): number => random.range(a, b);
  const does = applied(transform.p ?? (transform.name === 'grayscale' ? 0.1 : 1));
  switch (transform.name) {
    case 'colorJitter': {
      const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = transform;
      const effect: Effect = {
        name: 'colorJitter',
        brightness: between(factors(brightness)),
        contrast: between(factors(contrast)),
        saturation: between(factors(saturation)),
        hue: between(around(hue)),
      };
      return does ? effect : undefined;
    }
    case 'grayscale':
      return does ? { name: 'grayscale' } : undefined;
    case 'blur': {
      const sigma = between(fixedOr(transform.sigma ?? [0.1, 2]));
      return does ? { name: 'blur', sigma } : undefined;
    }
    case 'noise': {
      const sigma = between(fixedOr(transform.sigma ?? 0.1));
      const seed = random.integer(2 ** 32);
      return does ? { name: 'noise', sigma, seed } : undefined;
    }
    case 'cutout': {
      const { count = 1, scale = [0.02, 0.33], ratio = [0.3, 3.3], fill = 0.5 } = transform;
      const boxes = Array.from({ length: count }, (): Box => {
        const area = between(scale) * w * h;
        const shape = Math.exp(random.range(Math.log(ratio[0]), Math.log(ratio[1])));
        const width = Math.min(w, Math.round(Math.sqrt(area * shape)));
        const height = Math.min(h, Math.round(Math.sqrt(area / shape)));
        const [x, y] = [random.integer(w - width + 1), random.integer(h - height + 1)];
        return [x, y, x + width, y + height];
      });
      return does ? { name: 'cutout', boxes, fill } : undefined;
    }
  }
}
