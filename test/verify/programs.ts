// Rows of the table of cases as programs: what the graph makes of them, lowered for a device, against the references.
import type { Caps } from '../../src/device/caps.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { hostArray } from '../../src/graph/state.ts';
import { recordOperation, Tensor } from '../../src/graph/tensor.ts';
import { workgroupsOf } from '../../src/kernels/dispatch.ts';
import { shaderOf } from '../../src/kernels/kernel.ts';
import type { StrategyName } from '../../src/kernels/strategy.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { type Case, fillInputs } from '../../src/verify/cases/case.ts';
import { gradientGraph } from '../../src/verify/gradientGraph.ts';
import { onBench } from '../../src/verify/poison.ts';
import { repeated } from '../../src/verify/rows.ts';
import { attributesOf, compare, tolerances } from '../../src/verify/runKernel.ts';
import { subjectOf } from '../../src/verify/subject.ts';
import { largestOf } from '../../src/verify/validate.ts';

/** A row as a program: its gradients and the output that they are of, or else its outputs. */
export function programOf(row: Case): Readonly<Record<string, Tensor>> {
  if (row.grad && row.grad.length > 0) {
    const { output, grads } = gradientGraph(operations[row.op], row);
    return { output, ...Object.fromEntries(grads.map(([input, gradient]) => [`d ${input}`, gradient])) };
  }
  const inputs = Object.entries(fillInputs(row.op, row)).map(
    ([name, { data, ...spec }]): [string, Tensor] => [
      name,
      new Tensor(spec, { kind: 'constant', data: hostArray(data, spec.dtype) }),
    ],
  );
  return recordOperation(operations[row.op], Object.fromEntries(inputs), row.attrs);
}

/**
 * Runs a row's program twice, in memory that holds something else, where operations take a strategy wherever they can.
 *
 * @returns What is wrong: values beside the references', and bits that differ from run to run. Empty where all is well.
 */
export async function faultsOfProgram(gpu: Gpu, row: Case, strategy: StrategyName): Promise<string[]> {
  const program = programOf(row);
  const [names, tensors] = [Object.keys(program), Object.values(program)];
  const named = <T>(list: readonly T[]) => Object.fromEntries(names.map((name, i) => [name, list[i]!]));
  const { values, unsteady } = await onBench(gpu, { strategy }, (bench) =>
    repeated(bench, async () => named(await bench.gpu.read(...tensors)), 2),
  );
  const [rtol, atol] = tolerances(row);
  const compared = Object.entries(named(evaluate(tensors))).map(([name, want]) =>
    compare(name, values[name]!, want, rtol, atol * Math.max(1, largestOf(want))),
  );
  return [...compared, ...unsteady].flatMap(({ ok, message }) => (ok ? [] : [`${row.name}: ${message}`]));
}

/** The shaders of a row's kernel on its own, on a device of such capabilities, and their grids. */
export function shadersOf(row: Case, caps: Caps): string {
  const { kernel } = subjectOf(operations[row.op]);
  const attrs = attributesOf(kernel, row.attrs);
  const alone = kernel.dispatches(caps, row.inputs, kernel.infer(row.inputs, attrs), attrs).dispatches;
  return JSON.stringify(alone.map((dispatch) => [shaderOf(dispatch).code, workgroupsOf(dispatch)]));
}
