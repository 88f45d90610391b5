import type { Operator, Operators } from '../operator.ts';
import { elementwise } from './elementwise.ts';
import { images } from './images.ts';
import { reduction } from './reduction.ts';
import { shapes } from './shapes.ts';

/** Every operation of TensorFlow that there is, by its name. */
const operators: Operators = { ...elementwise, ...images, ...reduction, ...shapes };

/** The operation of a name; of one that there is none of, nothing. */
export function operatorNamed(name: string): Partial<Operator> {
  if (!Object.hasOwn(operators, name)) return {};
  const entry = operators[name]!;
  return typeof entry === 'function' ? { run: entry } : entry;
}
