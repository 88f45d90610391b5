import { afterAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { hostArray } from '../../src/graph/state.ts';
import { recordOperation, Tensor } from '../../src/graph/tensor.ts';
import type { StrategyName } from '../../src/kernels/strategy.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { choicesOf } from '../../src/plan/lower.ts';
import { type Case, fillInputs } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { gradientGraph } from '../../src/verify/gradientGraph.ts';
import { onBench } from '../../src/verify/poison.ts';
import { repeated } from '../../src/verify/rows.ts';
import { compare, tolerances } from '../../src/verify/runKernel.ts';
import { largestOf } from '../../src/verify/validate.ts';

await loadStrategies(Object.values(operations));

const gpu = await openGpu();
afterAll(() => gpu.dispose());

/** A row as a program: its gradients and the output that they are of, or else its outputs. */
function programOf(row: Case): Readonly<Record<string, Tensor>> {
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

interface Forced {
  readonly op: string;
  readonly strategy: StrategyName;
  readonly rows: Case[];
}

/**
 * The rows of every operation in whose programs a strategy can be forced, operation by operation. Those that are taken
 * anyway are left out: verify.test.ts runs the same rows with these.
 */
function everyForced(): Forced[] {
  const all = new Map<string, Forced>();
  for (const row of cases) {
    const choices = choicesOf(gpu.device.caps, Object.values(programOf(row)), []);
    const names = new Set(
      choices.flatMap(({ candidates, guess }) =>
        candidates.flatMap((candidate) => (candidate === guess ? [] : [candidate.name])),
      ),
    );
    for (const strategy of names) {
      const key = `${row.op} by ${strategy}`;
      const known = all.get(key) ?? { op: row.op, strategy, rows: [] };
      known.rows.push(row);
      all.set(key, known);
    }
  }
  return [...all.values()];
}

describe('programs with every strategy forced in turn, against the references', () => {
  const forced = everyForced();

  it('the table of cases has rows for several', () => {
    expect(new Set(forced.map(({ strategy }) => strategy)).size).toBeGreaterThan(3);
  });

  it.each(forced)('$op by $strategy', async ({ strategy, rows }) => {
    const failed: string[] = [];
    for (const row of rows) {
      const program = programOf(row);
      const [names, tensors] = [Object.keys(program), Object.values(program)];
      const named = <T>(list: readonly T[]) => Object.fromEntries(names.map((name, i) => [name, list[i]!]));
      // Twice, in memory that holds something else: every strategy gives the same bits again.
      const { values, unsteady } = await onBench(gpu, { strategy }, (bench) =>
        repeated(bench, async () => named(await bench.gpu.read(...tensors)), 2),
      );
      const [rtol, atol] = tolerances(row);
      const compared = Object.entries(named(evaluate(tensors))).map(([name, want]) =>
        compare(name, values[name]!, want, rtol, atol * Math.max(1, largestOf(want))),
      );
      for (const { ok, message } of [...compared, ...unsteady]) {
        if (!ok) failed.push(`${row.name}: ${message}`);
      }
    }
    expect(failed).toEqual([]);
  });
});
