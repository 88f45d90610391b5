import { expectArguments, shownValue } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { didYouMean, expectNames } from '../../options.ts';
import type { Augment, TransformName, TransformParameters } from './parameters.ts';

/** What a value of a parameter must be. */
interface Rule {
  readonly wanted: string;
  holds(value: unknown): boolean;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isList = (value: unknown, length: number): value is number[] =>
  Array.isArray(value) && value.length === length && value.every(isNumber);

const within = (least: number, most: number, wanted: string): Rule => ({
  wanted,
  holds: (value) => isNumber(value) && value >= least && value <= most,
});
const range = (least: number, most: number, wanted: string): Rule => ({
  wanted,
  holds: (value) =>
    isList(value, 2) && value[0]! >= least && value[1]! >= value[0]! && value[1]! <= most && value[1]! > 0,
});
/** A number from 0 to `reach`, or a range in [-reach, reach]. */
const around = (reach: number, unit: string): Rule => ({
  wanted: `${unit} from 0 to ${reach}, or [least, most] of -${reach} to ${reach}`,
  holds: (value) =>
    isNumber(value)
      ? value >= 0 && value <= reach
      : isList(value, 2) && value[0]! >= -reach && value[1]! >= value[0]! && value[1]! <= reach,
});
const either = (rule: Rule, other: Rule): Rule => ({
  wanted: `${rule.wanted}, or ${other.wanted}`,
  holds: (value) => rule.holds(value) || other.holds(value),
});
const oneOf = (...choices: readonly string[]): Rule => ({
  wanted: choices.join(' or '),
  holds: (value) => typeof value === 'string' && choices.includes(value),
});

const SHARE = within(0, 1, 'a number from 0 to 1');
const POSITIVE = within(1e-6, 1e6, 'a number above 0');
const SCALE = range(1e-3, 1e3, '[smallest, largest] of 0.001 to 1000');
const AREA = range(0, 1, '[smallest, largest] of 0 to 1');
const DEGREES = around(180, 'degrees');
const FACTOR = either(SHARE, range(0, 1e3, '[least, most] factors of at least 0'));
const SIGMA = either(within(0, 1e3, 'a number of at least 0'), range(0, 1e3, '[smallest, largest]'));
/** Sheared by 90 degrees, nothing is left of an image. */
const SHEAR: Rule = {
  wanted: 'degrees from 0 to 80, or [least x, most x] or [least x, most x, least y, most y] of -80 to 80',
  holds: (value) =>
    isList(value, 4)
      ? around(80, '').holds(value.slice(0, 2)) && around(80, '').holds(value.slice(2))
      : around(80, '').holds(value),
};

/** The parameters there are, and what they may be. */
const RULES: {
  readonly [N in TransformName]: { readonly [P in keyof Required<TransformParameters[N]>]: Rule };
} = {
  flip: { horizontal: SHARE, vertical: SHARE },
  rotate: { degrees: DEGREES, p: SHARE },
  rotate90: { p: SHARE },
  affine: {
    degrees: DEGREES,
    translate: {
      wanted: 'fractions [x, y] of 0 to 1',
      holds: (value) => isList(value, 2) && value.every((part) => SHARE.holds(part)),
    },
    scale: SCALE,
    shear: SHEAR,
    p: SHARE,
  },
  perspective: { distortionScale: within(0, 0.99, 'a number from 0 to 0.99'), p: SHARE },
  zoom: { scale: SCALE, p: SHARE },
  resize: { fit: oneOf('cover', 'contain', 'fill') },
  crop: { position: oneOf('random', 'center'), fill: SHARE },
  randomResizedCrop: { scale: AREA, ratio: SCALE, fill: SHARE },
  colorJitter: {
    brightness: FACTOR,
    contrast: FACTOR,
    saturation: FACTOR,
    hue: around(0.5, 'a number'),
    p: SHARE,
  },
  grayscale: { p: SHARE },
  blur: { sigma: SIGMA, p: SHARE },
  noise: { sigma: SIGMA, p: SHARE },
  cutout: {
    count: {
      wanted: 'an integer from 1 to 1000',
      holds: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1000,
    },
    scale: AREA,
    ratio: SCALE,
    fill: SHARE,
    p: SHARE,
  },
  mosaic: { p: SHARE },
  mixUp: { alpha: POSITIVE, p: SHARE },
  cutMix: { alpha: POSITIVE, p: SHARE },
};

/** The names of all transforms. */
export const TRANSFORM_NAMES = Object.keys(RULES) as readonly TransformName[];

const isName = (name: unknown): name is TransformName =>
  typeof name === 'string' && Object.hasOwn(RULES, name);

/** Throws UsageError for what is no transform. `place` begins the message. */
export function checkTransform(place: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    throw new UsageError(
      `${place}: is ${shownValue(value)}; give { name, … } with one of ${TRANSFORM_NAMES.join(', ')}`,
    );
  }
  const name: unknown = Reflect.get(value, 'name');
  if (!isName(name)) {
    const given = typeof name === 'string' ? name : '';
    // What others call gaussianBlur, or RandomHorizontalFlip.
    const within = TRANSFORM_NAMES.find((known) => given.toLowerCase().endsWith(known.toLowerCase()));
    const like = within ? `; did you mean ${within}?` : didYouMean(given, TRANSFORM_NAMES);
    throw new UsageError(
      `${place}: name is ${shownValue(name)}; there are ${TRANSFORM_NAMES.join(', ')}${like}`,
    );
  }
  const rules: Readonly<Record<string, Rule>> = RULES[name];
  const call = place === name ? name : `${place}: ${name}`;
  expectNames(call, value, ['name'], Object.keys(rules), UsageError);
  for (const [parameter, rule] of Object.entries(rules)) {
    const given: unknown = Reflect.get(value, parameter);
    if (given === undefined || rule.holds(given)) continue;
    const shown = Array.isArray(given) ? JSON.stringify(given).slice(0, 60) : shownValue(given);
    throw new UsageError(`${call}: ${parameter} is ${shown}; give ${rule.wanted}`);
  }
}

/** Transforms that place the crop: a list has one at most. */
const PLACING: readonly TransformName[] = ['crop', 'randomResizedCrop'];

/**
 * Checks a list of transforms, such as one read from a file.
 *
 * @param value The list, as plain data.
 * @param place The beginning of messages, such as a file's name. Default `checkAugment`.
 * @returns The same, typed.
 * @throws UsageError for what is no list, unknown names and parameters, impossible values, and two transforms that place the crop.
 */
export function checkAugment(value: unknown, place = 'checkAugment'): Augment {
  expectArguments('checkAugment', { place }, { place: 'text' });
  if (!Array.isArray(value)) {
    throw new UsageError(
      `${place}: is ${shownValue(value)}; give a list of transforms, such as [{ name: 'flip' }]`,
    );
  }
  value.forEach((transform, i) => {
    checkTransform(`${place}[${i}]`, transform);
  });
  const list: Augment = value;
  const placing = list.filter(({ name }) => PLACING.includes(name)).map(({ name }) => name);
  if (placing.length > 1) {
    throw new UsageError(`${place}: has ${placing.join(' and ')}, which both place the crop; leave one out`);
  }
  return list;
}
