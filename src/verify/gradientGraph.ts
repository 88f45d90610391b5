import { FoveaError } from '../errors.ts';
import { grad } from '../graph/backward.ts';
import { hostArray } from '../graph/state.ts';
import { type Operation, recordOperation, Tensor, tensor } from '../graph/tensor.ts';
import { isFloat } from '../shape.ts';
import { type CaseRow, fillInputs, normal, randomOf } from './cases/case.ts';
import { inputsInHalves } from './f16.ts';

/** A row as a graph: its inputs, the output that is differentiated, and d sum(output · cotangent) / d input. */
export interface GradientGraph {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly output: Tensor;
  readonly cotangent: Tensor;
  readonly grads: readonly (readonly [input: string, gradient: Tensor])[];
}

/** Records the gradients that a row asks for, of its first float output. The cotangent is normal, seeded by the name. */
export function gradientGraph(
  operation: Operation,
  row: CaseRow,
  dtype: 'f32' | 'f16' = 'f32',
): GradientGraph {
  const { name: op, kernel } = operation;
  const { name, attrs = {}, grad: wanted = [] } = row;
  if (!operation.gradient) {
    throw new FoveaError(`${op}: ${name}: a row with grad, but the operation has no gradient rule`);
  }
  const filled = fillInputs(op, row);
  const given = dtype === 'f16' ? inputsInHalves(kernel, filled) : filled;
  const inputs = Object.fromEntries(
    Object.entries(given).map(([input, { data, ...spec }]) => [
      input,
      new Tensor(spec, { kind: 'constant', data: hostArray(data, spec.dtype) }, wanted.includes(input)),
    ]),
  );
  const output = Object.values(recordOperation(operation, inputs, attrs)).find((value) =>
    isFloat(value.dtype),
  );
  if (!output) throw new FoveaError(`${op}: ${name}: no output to differentiate`);
  const values = normal(output.shape).fill(randomOf(`${op}/${name}/cotangent`), output.size);
  const cotangent = tensor(Float32Array.from(values), output.shape, output.dtype);
  const results = grad(
    [output],
    wanted.map((input) => inputs[input]!),
    [cotangent],
  );
  const grads = wanted.map((input, i) => {
    return [input, results[i]!] as const;
  });
  return { inputs, output, cotangent, grads };
}
