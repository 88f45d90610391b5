import { UsageError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** A key of a Map as part of a name. */
function nameOf(place: string, key: unknown): string {
  if (typeof key === 'string' || typeof key === 'number') return String(key);
  throw new UsageError(
    `${place}: a Map of modules or parameters needs strings or numbers as keys, got ${String(key)}`,
  );
}

/** The members of what `walk` looks into, by name: those of arrays and Sets by their index, of Maps by their keys. */
function entriesOf(place: string, value: object): [string, unknown][] {
  if (value instanceof Map) return [...value].map(([key, item]) => [nameOf(place, key), item]);
  return Object.entries(value instanceof Set ? [...value] : value);
}

/**
 * Everything below a module that `isMember`, by its full name: in fields, arrays, plain objects, Maps and Sets, one in another.
 * `isOpen` says what else to look into: modules. Throws UsageError where an object of another class holds a member or a
 * module, which would be missed.
 */
export function* walk<Member extends object>(
  root: object,
  isMember: (value: object) => value is Member,
  isOpen: (value: object) => boolean,
): Generator<[string, Member]> {
  // What is being looked into now: an object may hold what holds it, such as a parent.
  const around = new Set<object>();
  function* visit(place: string, value: unknown): Generator<[string, Member]> {
    if (typeof value !== 'object' || value === null || around.has(value)) return;
    if (value instanceof Tensor && value.requiresGrad && value.origin.kind === 'constant') {
      throw new UsageError(
        `${place}: a tensor that requires a gradient is no parameter, and would not be found; make it new Parameter(shape, values)`,
      );
    }
    if (place !== '' && isMember(value)) yield [place, value];
    const searched =
      isOpen(value) || Array.isArray(value) || value instanceof Map || value instanceof Set || isPlain(value);
    if (!searched) {
      const found = ArrayBuffer.isView(value)
        ? undefined
        : Object.entries(value).find(
            ([, item]) => typeof item === 'object' && item !== null && (isMember(item) || isOpen(item)),
          );
      if (found && !isMember(value)) {
        throw new UsageError(
          `${place}: an object of class ${value.constructor.name} holds ${found[0]}, a module or parameter, where it is not found; make it a Module, or keep that in a field, an array, an object, a Map or a Set`,
        );
      }
      return;
    }
    around.add(value);
    for (const [name, item] of entriesOf(place, value)) yield* visit(place ? `${place}.${name}` : name, item);
    around.delete(value);
  }
  yield* visit('', root);
}
