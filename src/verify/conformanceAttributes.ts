import { ShapeError } from '../errors.ts';
import type { Pair } from '../shape.ts';

// Readers of the attributes in conformance files. Each throws ShapeError for a value of another kind.

/** Attributes as the file has them: JSON, snake_case. */
export type Attrs = Readonly<Record<string, unknown>>;

function wrong(key: string, value: unknown, wanted: string): never {
  throw new ShapeError(`attribute ${key} is ${JSON.stringify(value)}, not ${wanted}`);
}

export function number(attrs: Attrs, key: string, otherwise?: number): number {
  const value = attrs[key] ?? otherwise;
  return typeof value === 'number' ? value : wrong(key, value, 'a number');
}

export function flag(attrs: Attrs, key: string, otherwise = false): boolean {
  const value = attrs[key] ?? otherwise;
  return typeof value === 'boolean' ? value : wrong(key, value, 'true or false');
}

export function text<const T extends string>(
  attrs: Attrs,
  key: string,
  allowed: readonly T[],
  otherwise?: T,
): T {
  const value = attrs[key] ?? otherwise;
  return allowed.includes(value as T) ? (value as T) : wrong(key, value, `one of ${allowed.join(', ')}`);
}

export function numbers(attrs: Attrs, key: string): number[] {
  const value = attrs[key];
  const fine = Array.isArray(value) && value.every((item) => typeof item === 'number');
  return fine ? value : wrong(key, value, 'a list of numbers');
}

/** One number for both axes, or two. */
export function pairOf(attrs: Attrs, key: string, otherwise?: Pair): Pair {
  const value = attrs[key] ?? otherwise;
  if (typeof value === 'number') return value;
  const fine = Array.isArray(value) && value.length === 2 && value.every((item) => typeof item === 'number');
  return fine ? (value as unknown as Pair) : wrong(key, value, 'a number or a pair of numbers');
}

export function lists(attrs: Attrs, key: string): (number | null)[][] {
  const value = attrs[key];
  const fine =
    Array.isArray(value) &&
    value.every(
      (list) => Array.isArray(list) && list.every((item) => item === null || typeof item === 'number'),
    );
  return fine ? value : wrong(key, value, 'a list of lists of numbers');
}
