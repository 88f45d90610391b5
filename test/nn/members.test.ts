import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { Linear } from '../../src/nn/layers.ts';
import { Buffer, Module, Parameter } from '../../src/nn/module.ts';

const parameter = () => new Parameter([1], Float32Array.of(1));

class Held extends Module {
  held: unknown;
  last = parameter();

  constructor(held: unknown) {
    super();
    this.held = held;
  }
}

const namesOf = (held: unknown) => [...new Held(held).namedParameters()].map(([name]) => name);

describe('parameters are found', () => {
  it.each([
    ['in an array', [parameter(), parameter()], ['held.0', 'held.1', 'last']],
    ['in a plain object', { a: parameter(), b: { c: parameter() } }, ['held.a', 'held.b.c', 'last']],
    [
      'in an object without prototype',
      Object.assign(Object.create(null), { a: parameter() }),
      ['held.a', 'last'],
    ],
    [
      'in a Map',
      new Map<unknown, unknown>([
        ['a', parameter()],
        [3, [parameter()]],
      ]),
      ['held.a', 'held.3.0', 'last'],
    ],
    ['in a Set', new Set([parameter(), parameter()]), ['held.0', 'held.1', 'last']],
    [
      'of modules in a Map',
      new Map([['head', new Linear(2, 2)]]),
      ['held.head.weight', 'held.head.bias', 'last'],
    ],
    ['of modules in an object', { head: new Linear(2, 2) }, ['held.head.weight', 'held.head.bias', 'last']],
  ])('%s', (_title, held, names) => {
    expect(namesOf(held)).toEqual(names);
  });

  it('with their modules, buffers and states', () => {
    const model = new Held({ heads: new Set([new Linear(2, 2)]), mean: new Buffer([1], Float32Array.of(0)) });
    expect([...model.namedModules()].map(([name]) => name)).toEqual(['', 'held.heads.0']);
    expect(model.eval().held).toMatchObject({ heads: new Set([{ training: false }]) });
    expect(model.namedStates().map(([name]) => name)).toEqual([
      'held.heads.0.weight',
      'held.heads.0.bias',
      'held.mean',
      'last',
    ]);
    expect([...model.namedParameters('net')][0]![0]).toBe('net.held.heads.0.weight');
  });

  it('once for each place, and in what holds what holds it', () => {
    const shared = parameter();
    expect(namesOf([shared, shared])).toEqual(['held.0', 'held.1', 'last']);
    const round: Record<string, unknown> = { own: parameter() };
    round.self = round;
    expect(namesOf(round)).toEqual(['held.own', 'last']);
  });
});

describe('parameters that would be missed are refused', () => {
  class Box {
    weight = parameter();
  }
  it.each([
    ['in an object of another class', new Box(), 'held: an object of class Box holds weight'],
    ['in one in a list', [new Box()], 'held.0: an object of class Box holds weight'],
    ['in a Map with other keys', new Map([[{}, parameter()]]), 'held: a Map of modules or parameters needs'],
  ])('%s', (_title, held, message) => {
    const model = new Held(held);
    for (const call of [() => model.parameters(), () => model.namedStates(), () => model.parameterCount]) {
      expect(call).toThrow(UsageError);
      expect(call).toThrow(message);
    }
  });
});
