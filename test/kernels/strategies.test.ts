import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadStrategies, strategiesOf } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import * as normsAlone from '../../src/kernels/normStrategiesAlone.ts';
import * as table from '../../src/kernels/strategies.ts';
import * as aloneTable from '../../src/kernels/strategiesAlone.ts';
import {
  candidates,
  choose,
  namesIn,
  ONLY_IF_TIMED,
  STRATEGY_NAMES,
  type Strategies,
  type Strategy,
  type StrategyName,
} from '../../src/kernels/strategy.ts';

await loadStrategies(Object.values(operations));

const strategy = <P = number>(name: StrategyName, rest: Partial<Strategy<P>> = {}): Strategy<P> => ({
  name,
  plan: () => ({ dispatches: [] }),
  ...rest,
});
const chosen = <Q>(strategies: Strategies<number, Q>): string => choose(candidates(strategies, 3)).name;

describe('the rule by which a strategy is chosen', () => {
  it('takes the cheapest that is possible', () => {
    const impossible = strategy('tile', { possible: () => false, cost: () => 0 });
    const cheap = strategy('strip', { cost: (n) => 1 / n });
    expect(chosen([impossible, strategy('plain'), cheap])).toBe('strip');
    expect(chosen([strategy('strip', { cost: () => ONLY_IF_TIMED }), strategy('plain')])).toBe('plain');
  });

  it('takes the first of equals', () => {
    expect(chosen([strategy('strip', { cost: () => 1 }), strategy('plain')])).toBe('strip');
    expect(chosen([strategy('plain'), strategy('strip', { cost: () => 1 })])).toBe('plain');
  });

  it('asks the strategies of a smaller problem about that problem, where there is one', () => {
    const halves = strategy<string>('strip', { cost: Number });
    const parts: Strategies<number, string> = [strategy('plain'), [(n) => String(n / 6), [halves]]];
    expect(candidates(parts, 3).map(({ name, cost }) => [name, cost])).toEqual([
      ['plain', 1],
      ['strip', 0.5],
    ]);
    const none: Strategies<number, string> = [strategy('plain'), [() => undefined, [halves]]];
    expect(candidates(none, 3).map(({ name }) => name)).toEqual(['plain']);
  });
});

/** Lists as docs/tuning.md shows them: operation -> names on its own, and what programs have besides. */
function documented(): Map<string, [alone: string[], others: string[]]> {
  const page = readFileSync(join(import.meta.dirname, '../../docs/tuning.md'), 'utf8');
  const rows = page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| ([\w, ]+) \|(?: ([\w, ]+))? \|$/gm);
  const list = (text: string): string[] => text.split(', ').filter((name) => name !== '');
  return new Map(
    [...rows].flatMap(([, ops, alone, others]) =>
      [...ops!.matchAll(/\w+/g)].map(([op]) => [op, [list(alone!), list(others ?? '')]] as const),
    ),
  ) as Map<string, [string[], string[]]>;
}

describe('the table of strategies', () => {
  const several = Object.values(operations).filter(
    (operation) => namesIn(strategiesOf(operation)).length > 1,
  );

  it('has every name that there is, and no other', () => {
    const names = several.flatMap((operation) => namesIn(strategiesOf(operation)));
    expect(new Set(['plain', ...names])).toEqual(new Set(STRATEGY_NAMES));
  });

  it('is used whole, and has no name twice in a list', () => {
    const used = new Set<unknown>(several.map(strategiesOf));
    const lists = Object.entries(table).filter(([name]) => name.endsWith('Strategies'));
    expect(lists.filter(([, list]) => !used.has(list)).map(([name]) => name)).toEqual([]);
    for (const [name, list] of Object.entries(table)) {
      const names = namesIn(list as Strategies);
      expect([name, names.length]).toEqual([name, new Set(names).size]);
    }
  });

  it('is the one in docs/tuning.md', () => {
    const alone: Readonly<Record<string, Strategies>> = {
      conv2d: aloneTable.conv2dAlone as Strategies,
      conv2d_backward_weight: aloneTable.conv2dBackwardWeightAlone as Strategies,
      conv_transpose2d: aloneTable.convTranspose2dAlone as Strategies,
      linear: aloneTable.linearAlone as Strategies,
      matmul: aloneTable.matmulAlone as Strategies,
      cdist: aloneTable.cdistAlone as Strategies,
      nms: table.nmsStrategies.slice(-1),
      batch_norm: normsAlone.batchNormAlone as Strategies,
      batch_norm_backward: normsAlone.batchNormBackwardAlone as Strategies,
      group_norm: normsAlone.groupNormAlone as Strategies,
      group_norm_backward: normsAlone.groupNormBackwardAlone as Strategies,
    };
    const page = documented();
    expect([...page.keys()].sort()).toEqual(several.map(({ name }) => name).sort());
    for (const operation of several) {
      const own = namesIn(alone[operation.name] ?? strategiesOf(operation));
      const all = namesIn(strategiesOf(operation));
      expect(all).toEqual(expect.arrayContaining(own));
      const [ownOnPage, othersOnPage] = page.get(operation.name)!;
      expect(ownOnPage.toSorted()).toEqual(own.toSorted());
      expect(othersOnPage.toSorted()).toEqual(all.filter((name) => !own.includes(name)).toSorted());
    }
  });
});
