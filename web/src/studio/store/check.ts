import { StoreError } from './errors.ts';

/**
 * Reads values that somebody else has written. Each function returns the value as the type that it has to have, or throws
 * a StoreError ('corrupt') that names its place: `project.json: pictures[3].width is "wide"; …`.
 */
export class Check {
  /** What is being done, for the errors. */
  readonly did: string;

  constructor(did: string) {
    this.did = did;
  }

  /** Throws. */
  refuse(where: string, value: unknown, want: string): never {
    const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
    const shown = text?.slice(0, 60) ?? 'missing';
    throw new StoreError('corrupt', this.did, `${where} is ${shown}; it must be ${want}`);
  }

  record(value: unknown, where: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.refuse(where, value, 'an object');
    }
    return new Fields(this, value, where);
  }

  list(value: unknown, where: string, most: number): readonly unknown[] {
    if (!Array.isArray(value)) return this.refuse(where, value, 'a list');
    if (value.length > most) this.refuse(`${where}.length`, value.length, `${most} at most`);
    return value;
  }

  /** A string; its length is in UTF-16 units. */
  text(value: unknown, where: string, most: number, least = 0): string {
    if (typeof value !== 'string') return this.refuse(where, value, 'a text');
    if (value.length > most || value.length < least) {
      this.refuse(where, value, `${least} to ${most} characters long`);
    }
    return value;
  }

  matching(value: unknown, where: string, pattern: RegExp, want: string): string {
    return typeof value === 'string' && pattern.test(value) ? value : this.refuse(where, value, want);
  }

  /** A number within these limits, which are finite. */
  number(value: unknown, where: string, least: number, most: number): number {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    return this.refuse(where, value, `a number from ${least} to ${most}`);
  }

  integer(value: unknown, where: string, least: number, most: number): number {
    if (Number.isSafeInteger(value)) return this.number(value, where, least, most);
    return this.refuse(where, value, `a whole number from ${least} to ${most}`);
  }

  flag(value: unknown, where: string): boolean {
    return typeof value === 'boolean' ? value : this.refuse(where, value, 'true or false');
  }

  oneOf<const T extends string>(value: unknown, where: string, names: readonly T[]): T {
    return names.find((name) => name === value) ?? this.refuse(where, value, names.join(', '));
  }
}

/** The fields of an object: its own ones only, whatever they are called. */
export class Fields {
  readonly check: Check;
  readonly where: string;
  /** The object itself, as somebody else has made it. */
  readonly value: object;

  constructor(check: Check, value: object, where: string) {
    this.check = check;
    this.value = value;
    this.where = where;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.value, name) && this.get(name) !== undefined;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.value, name) ? (this.value as Record<string, unknown>)[name] : undefined;
  }

  /** The place of a field, for errors. */
  at(name: string): string {
    return `${this.where}.${name}`;
  }

  text = (name: string, most: number, least = 0) =>
    this.check.text(this.get(name), this.at(name), most, least);
  matching = (name: string, pattern: RegExp, want: string) =>
    this.check.matching(this.get(name), this.at(name), pattern, want);
  number = (name: string, least: number, most: number) =>
    this.check.number(this.get(name), this.at(name), least, most);
  integer = (name: string, least: number, most: number) =>
    this.check.integer(this.get(name), this.at(name), least, most);
  flag = (name: string) => this.check.flag(this.get(name), this.at(name));
  list = (name: string, most: number) => this.check.list(this.get(name), this.at(name), most);
  oneOf = <const T extends string>(name: string, names: readonly T[]) =>
    this.check.oneOf(this.get(name), this.at(name), names);
}
