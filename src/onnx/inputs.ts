import { shownValue } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';
import type { DType } from '../shape.ts';
import { shown } from './unsupported.ts';

/** An input of a model that was read from a file. */
export interface InputPort {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes; a name or null for one that may vary. Undefined where not even the rank is known. */
  readonly shape: readonly (number | string | null)[] | undefined;
}

/** What an input must be: `[N,3,224,224] f32`. */
export const portText = ({ shape, dtype }: InputPort): string =>
  `[${(shape ?? ['…']).map((size) => shown(String(size ?? '?')))}] ${dtype}`;

/**
 * The tensors that a model is called with, in the order of its inputs. Their shapes are not compared.
 *
 * @param caller What messages call the method.
 * @throws ShapeError where `given` is no record of tensors, and where one is missing or has an unknown name.
 */
export function tensorsFor(caller: string, ports: readonly InputPort[], given: unknown): Tensor[] {
  if (typeof given !== 'object' || given === null || given instanceof Tensor) {
    const wanted = ports.map((port) => `${shown(port.name)}: Tensor ${portText(port)}`);
    throw new ShapeError(
      `${caller}: takes its inputs by name, got ${shownValue(given)}; give { ${wanted.join(', ')} }`,
    );
  }
  const values = new Map<string, unknown>(Object.entries(given));
  const names = ports.map(({ name }) => name);
  if (values.size !== names.length || !names.every((name) => values.has(name))) {
    throw new ShapeError(
      `${caller}: takes tensors named ${JSON.stringify(names)}, got ${JSON.stringify([...values.keys()])}`,
    );
  }
  return ports.map((port) => {
    const value = values.get(port.name);
    if (value instanceof Tensor) return value;
    throw new ShapeError(
      `${caller}: ${shown(port.name)} is ${shownValue(value)}; give a Tensor ${portText(port)}`,
    );
  });
}
