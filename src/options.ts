import { shownValue } from './arguments.ts';
import { type FoveaError, ShapeError, UsageError } from './errors.ts';

/** The name among those known that a misspelt one is most like, as `; did you mean padding?`; of none alike, nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  // Pairs of neighbouring letters that both have.
  const alike = (other: string) => [...name].filter((_, i) => other.includes(name.slice(i, i + 2))).length;
  const [best = ''] = known.toSorted((a, b) => alike(b) - alike(a));
  return alike(best) * 2 > name.length ? `; did you mean ${best}?` : '';
}

/**
 * Throws where what is given lacks a name that is needed, or has one that is neither needed nor optional:
 * `conv2d: takes [stride,padding], got [paddding]; did you mean padding?`. What is undefined is not given. Throws for what is
 * no object, too.
 */
export function expectNames(
  call: string,
  given: object,
  needed: readonly string[],
  optional: readonly string[],
  Failure: new (message: string) => FoveaError = ShapeError,
): void {
  const known = [...needed, ...optional];
  // What is no object is a name that nobody knows.
  const names =
    Object(given) === given
      ? Object.keys(given).filter((name) => given[name as never] !== undefined)
      : [`${given}`];
  const stray = names.find((name) => !known.includes(name)) ?? '';
  if (!stray && needed.every((name) => names.includes(name))) return;
  throw new Failure(`${call}: takes [${known}], got [${names}]${didYouMean(stray, known)}`);
}

/** Throws UsageError (or `Failure`) for an option that is not among those known, and for what is no object. */
export function expectOptions<Options extends object>(
  call: string,
  given: Options,
  known: readonly (keyof Options & string)[],
  Failure: new (message: string) => FoveaError = UsageError,
): void {
  if (Object(given) !== given) {
    throw new Failure(`${call}: options are ${given}; give an object with ${known.join(', ')}`);
  }
  expectNames(call, given, [], known, Failure);
}

/** Throws UsageError (or `Failure`) for a value that is none of those there are: `exportOnnx: nms is "none"; choose inside, outside`. */
export function expectOneOf<Choice extends string>(
  call: string,
  option: string,
  value: Choice,
  choices: readonly Choice[],
  Failure: new (message: string) => FoveaError = UsageError,
): void {
  if (choices.includes(value)) return;
  throw new Failure(`${call}: ${option} is ${shownValue(value)}; choose ${choices.join(', ')}`);
}

/** Options with their defaults filled in: those whose default is undefined may be so still. */
export type Filled<Options, Defaults> = {
  readonly [K in keyof Required<Options>]: undefined extends Defaults[K & keyof Defaults]
    ? Options[K]
    : Exclude<Options[K], undefined>;
};

/**
 * The options that are given, with defaults for those that are undefined. `defaults` has every option there is, so that it
 * also says which there are: throws UsageError (or `Failure`) for an unknown one, and for what is no object.
 */
export function withDefaults<
  Options extends object,
  const Defaults extends { readonly [K in keyof Required<Options>]: Options[K] },
>(
  call: string,
  given: Options,
  defaults: Defaults,
  Failure: new (message: string) => FoveaError = UsageError,
): Filled<Options, Defaults> {
  expectOptions(call, given, Object.keys(defaults) as never, Failure);
  const filled = Object.entries({ ...defaults, ...given }).flatMap(([name, value]) => {
    const own = value === undefined ? defaults[name as never] : value;
    return own === undefined ? [] : [[name, own] as const];
  });
  return Object.fromEntries(filled) as Filled<Options, Defaults>;
}

/** A parameter that is an object, to take apart. Throws UsageError (or `Failure`) for anything else. */
export function objectOf<T extends object>(
  call: string,
  value: T,
  Failure: new (message: string) => FoveaError = UsageError,
): T {
  if (Object(value) === value) return value;
  throw new Failure(`${call}: options are ${String(value)}; give an object`);
}
