import { ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';

/** The options of a function on tensors with their defaults, as `withDefaults`. Throws ShapeError for unknown ones. */
export const optionsOf: typeof withDefaults = (op, given, defaults) =>
  withDefaults(op, given, defaults, ShapeError);
