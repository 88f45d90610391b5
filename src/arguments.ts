import { type FoveaError, UsageError } from './errors.ts';

/** Tests of arguments by kind. `values`: numbers in a list or a typed array. */
const KINDS = {
  number: (value: unknown) => typeof value === 'number',
  label: (value: unknown) => typeof value === 'number' || typeof value === 'string',
  text: (value: unknown) => typeof value === 'string',
  function: (value: unknown) => typeof value === 'function',
  object: (value: unknown) => typeof value === 'object' && value !== null,
  map: (value: unknown) => value instanceof Map,
  bytes: (value: unknown) => value instanceof Uint8Array,
  box: (value: unknown) => isNumbers(value, 4),
  pair: (value: unknown) => isNumbers(value, 2),
  values: (value: unknown) =>
    (ArrayBuffer.isView(value) && !(value instanceof DataView)) ||
    (Array.isArray(value) && value.every(isPlain)),
} as const;

const WANTED: Readonly<Record<keyof typeof KINDS, string>> = {
  number: 'a number',
  label: 'a text or number',
  text: 'a text',
  function: 'a function',
  object: 'an object',
  map: 'a Map',
  bytes: 'a Uint8Array',
  box: 'a box [x1, y1, x2, y2]',
  pair: 'two numbers',
  values: 'a list of numbers',
};

const isPlain = (value: unknown): boolean => typeof value === 'number' || typeof value === 'boolean';
const isNumbers = (value: unknown, length: number): boolean =>
  (Array.isArray(value) || ArrayBuffer.isView(value)) &&
  (value as unknown as ArrayLike<unknown>).length === length &&
  Array.prototype.every.call(value, (item) => typeof item === 'number');

/** A kind; `[kind]` for a list of it; an object for one with these fields, where `field?` may be left out. */
export type Kind = keyof typeof KINDS | readonly [Kind] | { readonly [field: string]: Kind };

/** A `Gpu`. */
export const GPU = { device: { caps: 'object' } } as const;

/** A size in pixels. */
export const SIZE = { width: 'number', height: 'number' } as const;

function check(
  fail: (place: string, value: unknown, wanted: string) => never,
  place: string,
  value: unknown,
  kind: Kind,
): void {
  if (typeof kind === 'string') {
    if (!KINDS[kind](value)) fail(place, value, WANTED[kind]);
  } else if (Array.isArray(kind)) {
    if (!Array.isArray(value)) fail(place, value, 'a list');
    const [item] = kind as readonly [Kind];
    for (let i = 0; i < value.length; i++) check(fail, `${place}[${i}]`, value[i], item);
  } else {
    if (Object(value) !== value) fail(place, value, `an object with ${Object.keys(kind).join(', ')}`);
    for (const [name, field] of Object.entries(kind)) {
      const optional = name.endsWith('?');
      const key = optional ? name.slice(0, -1) : name;
      const given: unknown = Reflect.get(value as object, key);
      if (given !== undefined || !optional) check(fail, `${place}.${key}`, given, field);
    }
  }
}

/**
 * Throws UsageError (or `Failure`) for an argument that is not of its kind: `rleArea: rle.counts is undefined; give a list of
 * numbers`.
 */
export function expectArguments<Names extends string>(
  call: string,
  given: Readonly<Record<Names, unknown>>,
  kinds: Readonly<Record<Names, Kind>>,
  Failure: new (message: string) => FoveaError = UsageError,
): void {
  const fail = (place: string, value: unknown, wanted: string): never => {
    const shown =
      typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? 'a list' : String(value);
    throw new Failure(`${call}: ${place} is ${shown.slice(0, 60)}; give ${wanted}`);
  };
  for (const name of Object.keys(kinds) as Names[]) check(fail, name, given[name], kinds[name]);
}
