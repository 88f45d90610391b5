/** What files say beyond what is used: kept for a writer of the same format, counted by the others. */
import { type Annotation, type Extra, OBJECT_FLAGS } from '../annotation.ts';
import type { DatasetClass, WarningCounts } from './format.ts';

/** Deeper values are not written again, as JSON.stringify cannot write every text that JSON.parse reads. */
const MOST_LEVELS = 32;
/** Of so many different keys each is counted by its name. */
const MOST_NAMES = 50;

type Values = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isShallow = (value: unknown, levels = MOST_LEVELS): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1)));

/** Values that a program writes where it has nothing to say. */
const isTrivial = (value: unknown): boolean =>
  [undefined, null, '', false, 0].some((one) => one === value) ||
  (typeof value === 'object' && Object.keys(value!).length === 0);

/**
 * The values of an object in a file that are not known to its reader; undefined where all are known.
 *
 * @param known The keys that the reader uses.
 * @param more Values that are used in part only: what is left of them. Empty ones are left out.
 */
export function extraOf(
  format: string,
  value: unknown,
  known: ReadonlySet<string>,
  more: Values = {},
): { readonly extra?: Extra } {
  const own = isRecord(value) ? Object.entries(value).filter(([key]) => !known.has(key)) : [];
  const rest = Object.entries(more).filter(([, one]) => !isTrivial(one));
  if (own.length + rest.length === 0) return {};
  const values = Object.fromEntries([...own, ...rest]);
  return { extra: isShallow(values) ? { format, values } : { values } };
}

/** What is left of flags or attributes by name, without those that are read as flags of objects. */
export function otherFlags(flags: unknown, isRead: (value: unknown) => boolean): Values {
  if (!isRecord(flags)) return {};
  const names: readonly string[] = OBJECT_FLAGS;
  return Object.fromEntries(
    Object.entries(flags).filter(([name, value]) => !(names.includes(name) && isRead(value))),
  );
}

/** The values that a writer of this format writes again. */
export const valuesFor = (format: string, extra: Extra | undefined): Values =>
  extra?.format === format ? extra.values : {};

/** The same annotation with coordinates that changed: those in values that nobody reads would no longer fit. */
export function withoutFormats(annotation: Annotation): Annotation {
  const unfit = <T extends { readonly extra?: Extra }>(one: T): T =>
    one.extra ? { ...one, extra: { values: one.extra.values } } : one;
  return {
    ...annotation,
    shapes: annotation.shapes.map(unfit),
    ...(annotation.ignored ? { ignored: annotation.ignored.map(unfit) } : {}),
  };
}

/** Counts what a writer does not write again. */
export class ExtraCounts {
  readonly #format: string;
  readonly #warnings: WarningCounts;
  readonly #names = new Set<string>();

  /** @param format The format that is written. */
  constructor(format: string, warnings: WarningCounts) {
    this.#format = format;
    this.#warnings = warnings;
  }

  /** Counts the values of a data set and of its classes. */
  dataset(classes: readonly DatasetClass[], extra: Extra | undefined): void {
    this.#add('files', extra);
    for (const one of classes) this.#add('classes', one.extra);
  }

  /** Counts the values of an image and of its objects. Parts of one object share them. */
  image({ extra, shapes, ignored = [] }: Annotation): void {
    this.#add('images', extra);
    for (const one of new Set([...shapes, ...ignored].map((shape) => shape.extra))) this.#add('objects', one);
  }

  #add(what: string, extra: Extra | undefined): void {
    if (!extra || extra.format === this.#format) return;
    for (const [key, value] of Object.entries(extra.values)) {
      if ((key === 'flags' || key === 'attributes') && isRecord(value)) {
        const one = key.slice(0, -1);
        for (const [name, inner] of Object.entries(value)) this.#count(what, `the ${one} `, name, inner);
      } else this.#count(what, '', key, value);
    }
  }

  #count(what: string, kind: string, name: string, value: unknown): void {
    if (isTrivial(value)) return;
    const whole = `${what} with ${kind}${JSON.stringify(name.slice(0, 60))}`;
    if (this.#names.size < MOST_NAMES) this.#names.add(whole);
    this.#warnings.count(this.#names.has(whole) ? whole : `values of other names in ${what}`);
  }
}
