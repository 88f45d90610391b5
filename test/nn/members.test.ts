import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { tensor } from '../../src/graph/tensor.ts';
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
    [
      'as tensors that require a gradient',
      [tensor([1], [1], { requiresGrad: true })],
      'held.0: a tensor that requires a gradient is no parameter',
    ],
    ['in a Map with other keys', new Map([[{}, parameter()]]), 'held: a Map of modules or parameters needs'],
  ])('%s', (_title, held, message) => {
    const model = new Held(held);
    for (const call of [() => model.parameters(), () => model.namedStates(), () => model.parameterCount]) {
      expect(call).toThrow(UsageError);
      expect(call).toThrow(message);
    }
  });
});

describe('a parameter of one’s own', () => {
  it('takes numbers, and is refused where they do not fit its shape', () => {
    expect(Array.from(new Parameter([2, 2], [1, 2, 3, 4]).state.initial)).toEqual([1, 2, 3, 4]);
    expect(new Buffer([2], [1, 2]).state.initial).toBeInstanceOf(Float32Array);
    const wrong = [() => new Parameter([3], [1, 2]), () => new Buffer([3], [1, 2])];
    for (const make of wrong) expect(make).toThrow(ShapeError);
    expect(() => new Parameter(tensor([1]) as never, undefined as never)).toThrow(ShapeError);
    expect(() => new Parameter([2], undefined as never)).toThrow(
      'no values for shape [2]; give new Parameter',
    );
  });
});
