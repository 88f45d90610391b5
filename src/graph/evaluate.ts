import { expectArguments } from '../arguments.ts';
import { FoveaError } from '../errors.ts';
import { fromHalf } from '../half.ts';
import { references } from '../reference/ops.ts';
import type { RefArray, Reference, RefTensor } from '../reference/reference.ts';
import type { HostArray } from '../shape.ts';
import { baseOf, expectTensors, type Operation, type Tensor } from './tensor.ts';

const builtIn: Readonly<Record<string, Reference>> = references;

/** The float64 reference of an operation: its own, or the built-in one of its name. Throws FoveaError where there is none. */
export function referenceOf({ name, reference }: Operation): Reference {
  const found = reference ?? builtIn[name];
  if (!found) throw new FoveaError(`${name} has no reference; give one to defineOperation`);
  return found;
}

/** Values by tensor, in float64, while a graph is evaluated on the CPU. */
export type Values = Map<Tensor, RefArray>;

export function toReference(data: HostArray): RefArray {
  if (data instanceof Int32Array || data instanceof Uint32Array || data instanceof Float64Array) return data;
  return Float64Array.from(data instanceof Uint16Array ? fromHalf(data) : data);
}

/**
 * The values of tensors by the float64 references alone: the same graph as on the GPU, no device. `known` gives
 * values of tensors that are inputs, or overrides constants.
 */
export function evaluate(
  tensors: readonly Tensor[],
  known: ReadonlyMap<Tensor, RefArray> = new Map(),
): RefArray[] {
  expectArguments('evaluate', { tensors, known }, { tensors: ['object'], known: 'map' });
  expectTensors('evaluate', { ...tensors });
  const values: Values = new Map(known);
  return tensors.map((value) => referenceValue(value, values));
}

function referenceValue(value: Tensor, values: Values): RefArray {
  // A stack instead of recursion: networks are deeper than JavaScript's call stack likes.
  const stack = [baseOf(value)];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    if (values.has(top)) {
      stack.pop();
      continue;
    }
    const { origin } = top;
    if (origin.kind === 'op') {
      const { node } = origin;
      const missing = Object.values(node.inputs)
        .map(baseOf)
        .filter((input) => !values.has(input));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      const inputs: Record<string, RefTensor> = {};
      for (const [name, input] of Object.entries(node.inputs)) {
        inputs[name] = { shape: input.shape, dtype: input.dtype, data: values.get(baseOf(input))! };
      }
      const results = referenceOf(node.operation)(inputs, node.attrs, node.outputs);
      for (const [name, output] of Object.entries(node.outputs)) values.set(output, results[name]!);
    } else if (origin.kind === 'constant') {
      values.set(top, toReference(origin.data));
    } else if (origin.kind === 'state') {
      values.set(top, toReference(origin.state.initial));
    } else {
      throw new FoveaError(`evaluate: no value is given for ${origin.kind} ${top.shape}`);
    }
    stack.pop();
  }
  return values.get(baseOf(value))!;
}
