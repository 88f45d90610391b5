import { type FoveaError, UsageError } from './errors.ts';

/** Tests of arguments by kind. `values`: numbers in a list or a typed array. */
const KINDS = {
  number: (value: unknown) => typeof value === 'number',
  label: (value: unknown) => typeof value === 'number' || typeof value === 'string',
  text: (value: unknown) => typeof value === 'string',
  flag: (value: unknown) => typeof value === 'boolean',
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
  flag: 'true or false',
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

/** A value as messages show it: texts quoted, and not endless. */
export function shownValue(value: unknown): string {
  const shown =
    typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? 'a list' : String(value);
  return shown.slice(0, 60);
}

/** Throws UsageError for a record in which a value is no text: `exportOnnx: metadata.a is 3; give a text`. */
export function expectTexts(call: string, name: string, given: Readonly<Record<string, string>>): void {
  expectArguments(call, { [name]: given }, { [name]: 'object' });
  for (const [key, text] of Object.entries(given)) {
    expectArguments(call, { [`${name}.${key}`]: text }, { [`${name}.${key}`]: 'text' });
  }
}

/** What of a value is not of a kind: its place in the value, what is there, and what is wanted. */
type Fault = readonly [place: string, value: unknown, wanted: string];

/** The first fault of a value. Its place is put together only where there is one: lists are long. */
function faultOf(value: unknown, kind: Kind): Fault | undefined {
  if (typeof kind === 'string') return KINDS[kind](value) ? undefined : ['', value, WANTED[kind]];
  if (Array.isArray(kind)) {
    if (!Array.isArray(value)) return ['', value, 'a list'];
    const [item] = kind as readonly [Kind];
    for (let i = 0; i < value.length; i++) {
      const fault = faultOf(value[i], item);
      if (fault) return [`[${i}]${fault[0]}`, fault[1], fault[2]];
    }
    return undefined;
  }
  if (Object(value) !== value) return ['', value, `an object with ${Object.keys(kind).join(', ')}`];
  for (const [name, field] of Object.entries(kind)) {
    const optional = name.endsWith('?');
    const key = optional ? name.slice(0, -1) : name;
    const given: unknown = Reflect.get(value as object, key);
    const fault = given === undefined && optional ? undefined : faultOf(given, field);
    if (fault) return [`.${key}${fault[0]}`, fault[1], fault[2]];
  }
  return undefined;
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
  for (const name of Object.keys(kinds) as Names[]) {
    const fault = faultOf(given[name], kinds[name]);
    if (!fault) continue;
    const [place, value, wanted] = fault;
    throw new Failure(`${call}: ${name}${place} is ${shownValue(value)}; give ${wanted}`);
  }
}
