import { afterAll, describe, expect, it } from 'vitest';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import type { StrategyName } from '../../src/kernels/strategy.ts';
import { choicesOf } from '../../src/plan/lower.ts';
import type { Case } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { faultsOfProgram, programOf } from './programs.ts';

await loadStrategies(Object.values(operations));

const gpu = await sharedGpu();
afterAll(() => gpu.dispose());

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
    for (const row of rows) failed.push(...(await faultsOfProgram(gpu, row, strategy)));
    expect(failed).toEqual([]);
  });
});
