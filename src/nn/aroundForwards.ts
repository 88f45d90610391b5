/** Stands in for the `forward` of a part: gets the inputs of a call, and `run`, which runs it. What it returns is the output. */
export type Around<Part> = (part: Part, inputs: readonly unknown[], run: () => unknown) => unknown;

type Forward = (...inputs: unknown[]) => unknown;

/** Calls fn while `around` stands in for the `forward` of each part that has one. Afterwards all is as it was. */
export function aroundForwards<Part extends object, R>(
  parts: Iterable<Part>,
  around: Around<Part>,
  fn: () => R,
): R {
  const changed: [Part, PropertyDescriptor | undefined][] = [];
  try {
    for (const part of new Set(parts)) {
      const forward = (part as { forward?: Forward }).forward;
      if (typeof forward !== 'function') continue;
      const value: Forward = (...inputs) => around(part, inputs, () => forward.apply(part, inputs));
      // A class may have its `forward` as a field; and who watches may be watched.
      changed.push([part, Object.getOwnPropertyDescriptor(part, 'forward')]);
      Object.defineProperty(part, 'forward', { value, configurable: true, writable: true });
    }
    return fn();
  } finally {
    for (const [part, own] of changed) {
      if (own) Object.defineProperty(part, 'forward', own);
      else Reflect.deleteProperty(part, 'forward');
    }
  }
}
