import { FoveaError } from '../errors.ts';

/** An operation that a model needs and that there is none of here, with the nodes that need it. */
export interface MissingOperation {
  /** The name that the format gives it; of ONNX after its domain where that is not ONNX's own: `com.microsoft.FusedConv`. */
  readonly operation: string;
  /** The names of the nodes. */
  readonly nodes: readonly string[];
}

/**
 * A model, or a node of it, that Fovea does not run: an operation that is missing, or a form of one (five dimensions, an
 * attribute's value). Thrown before anything runs.
 */
export class UnsupportedError extends FoveaError {
  /** All that is missing; empty where an operation is there but not in this form. */
  readonly missing: readonly MissingOperation[];

  constructor(message: string, missing: readonly MissingOperation[] = []) {
    super(message);
    this.missing = missing;
  }
}

/** A text of a file as messages show it: on one line, and not endless, whatever the file has. */
export const shown = (text: string): string => text.slice(0, 200).replace(/[\p{Cc}\u2028\u2029]/gu, '?');

const listed = (names: readonly string[]): string => {
  const few = names.slice(0, 4).map(shown).join(', ');
  return names.length > 4 ? `${few} and ${names.length - 4} more` : few;
};

/** Throws UnsupportedError that lists operations with the names of their nodes, where there are any. `what` they are: `operations`. */
export function expectNothingMissing(found: ReadonlyMap<string, readonly string[]>, what: string): void {
  if (found.size === 0) return;
  const missing = [...found].map(([operation, nodes]) => ({ operation, nodes }));
  const list = missing.map(({ operation, nodes }) => `${shown(operation)} (${listed(nodes)})`);
  throw new UnsupportedError(`${what} that are not supported: ${list.join('; ')}`, missing);
}
