import { describe, expect, it } from 'vitest';
import { FoveaError, ShapeError } from '../../src/errors.ts';
import * as graph from '../../src/graph/index.ts';
import { boxesRows } from './rows/boxes.ts';
import type { Faults } from './rows/common.ts';
import { creationRows } from './rows/creation.ts';
import { elementwiseRows } from './rows/elementwise.ts';
import { imageRows } from './rows/image.ts';
import { lossesRows } from './rows/losses.ts';
import { reduceRows } from './rows/reduce.ts';
import { shapeRows } from './rows/shape.ts';

const table: Record<string, Faults> = {
  ...elementwiseRows,
  ...creationRows,
  ...reduceRows,
  ...shapeRows,
  ...imageRows,
  ...boxesRows,
  ...lossesRows,
};

const snake = (name: string) =>
  name.replace(/[A-Z]+/g, (capital, at) => `${at > 0 ? '_' : ''}${capital.toLowerCase()}`);

/** Not operations: they have tests of their own. */
const others = [
  'State',
  'Tensor',
  'apply',
  'assign',
  'autocast',
  'backward',
  'checkpoint',
  'defineOperation',
  'elementwiseOperation',
  'evaluate',
  'grad',
  'noGrad',
];

describe('wrong inputs are typed errors before anything runs', () => {
  it('of every public function', () => {
    const functions = Object.keys(graph).filter((name) => !others.includes(name));
    const missing = functions.filter((name) => !(name in table));
    expect(missing.map((name) => `test/faults/rows has no ${name}`)).toEqual([]);
    expect(Object.keys(table).filter((name) => !functions.includes(name))).toEqual([]);
  });

  it.each(Object.entries(table))('%s', (name, { op = snake(name), good, bad }) => {
    expect(good).not.toThrow();
    const missed: string[] = [];
    for (const [call, names] of bad) {
      let error: unknown;
      try {
        call();
      } catch (thrown) {
        error = thrown;
      }
      const message = error instanceof FoveaError ? error.message : String(error);
      const named = typeof names === 'string' ? message.includes(names) : names.test(message);
      const begins = typeof op === 'string' ? message.startsWith(`${op}: `) : op.test(message.split(':')[0]!);
      if (!(error instanceof ShapeError) || !named || !begins) missed.push(`${call} -> ${message}`);
    }
    expect(missed).toEqual([]);
  });
});
