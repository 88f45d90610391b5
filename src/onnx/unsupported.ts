import { FoveaError } from '../errors.ts';

/** An operation that a model needs and that there is none of here, with the nodes that need it. */
export interface MissingOperation {
  /** ONNX's name, after its domain where that is not ONNX's own: `com.microsoft.FusedConv`. */
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
