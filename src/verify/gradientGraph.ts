import { FoveaError } from '../errors.ts';
import { grad } from '../graph/backward.ts';
import { gradients } from '../graph/gradients.ts';
import { apply, Tensor } from '../graph/tensor.ts';
import { type Case, fillInputs, normal, randomOf } from './cases/case.ts';

/** A row as a graph: its inputs, the output that is differentiated, and d sum(output · cotangent) / d input. */
export interface GradientGraph {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly output: Tensor;
  readonly cotangent: Tensor;
  readonly grads: readonly (readonly [input: string, gradient: Tensor])[];
}

/** Records the gradients that a row asks for, of its first f32 output. The cotangent is normal, seeded by the name. */
export function gradientGraph(row: Case): GradientGraph {
  const { op, name, attrs = {}, grad: wanted = [] } = row;
  if (!gradients[op]) {
    throw new FoveaError(`${op}: ${name}: a row with grad, but the operation has no gradient rule`);
  }
  const inputs: Record<string, Tensor> = {};
  for (const [input, data] of Object.entries(fillInputs(row))) {
    const { shape, dtype } = row.inputs[input]!;
    inputs[input] = new Tensor({ shape, dtype }, { kind: 'constant', data }, wanted.includes(input));
  }
  const output = Object.values(apply(op, inputs, attrs)).find(({ dtype }) => dtype === 'f32');
  if (!output) throw new FoveaError(`${op}: ${name}: no output to differentiate`);
  const values = normal(output.shape).fill(randomOf(`${op}/${name}/cotangent`), output.size);
  const cotangent = new Tensor(output, { kind: 'constant', data: Float32Array.from(values) });
  const results = grad(
    [output],
    wanted.map((input) => inputs[input]!),
    [cotangent],
  );
  const grads = wanted.map((input, i) => {
    const gradient = results[i];
    if (!gradient) throw new FoveaError(`${op}: ${name}: no gradient arrives at ${input}`);
    return [input, gradient] as const;
  });
  return { inputs, output, cotangent, grads };
}
