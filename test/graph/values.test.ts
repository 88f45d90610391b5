import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.ts';
import * as g from '../../src/graph/index.ts';

const seed = g.tensor(Int32Array.of(1));
const ints = g.tensor(Int32Array.of(1, 2));

/** A list that holds itself. */
function cyclic(): unknown[] {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe('tensor', () => {
  it('takes the largest numbers, and infinities that are given', async () => {
    const largest = 3.4028234663852886e38;
    const x = g.tensor([largest, 3.40282356e38, Number.POSITIVE_INFINITY, Number.NaN]);
    expect([...(await x.data())]).toEqual([largest, largest, Number.POSITIVE_INFINITY, Number.NaN]);
    expect(() => g.tensor([65520], [1], 'f16')).toThrow('tensor: 65520 is out of the range of f16');
    expect(() => g.full([2], 1e39)).toThrow('full: 1e+39 is out of the range of f32');
    expect(() => g.add(g.tensor([1]), 1e39)).toThrow('add: 1e+39 is out of the range of f32');
    expect([...(await g.tensor([65519, -65504], [2], 'f16').data())]).toEqual([65504, -65504]);
  });

  it('takes the shape of nested lists, and of a number none', async () => {
    const matrix = g.tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(matrix.shape).toEqual([2, 3]);
    expect([...(await matrix.data())]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(g.tensor([[[1], [2]]], undefined, 'i32').shape).toEqual([1, 2, 1]);
    expect(g.tensor([[1, 2]], [2, 1]).shape).toEqual([2, 1]);
    expect(g.tensor(3).shape).toEqual([]);
    expect([...(await g.tensor(3, undefined, 'u32').data())]).toEqual([3]);
    expect(g.tensor([]).shape).toEqual([0]);
    expect(g.tensor([[], []]).shape).toEqual([2, 0]);
    expect(g.tensor(new Uint8Array([1, 255]) as never).dtype).toBe('f32');
  });

  it.each([
    ['a boolean', true, 'tensor: true is no number; give numbers'],
    ['booleans in a list', [true, false], 'tensor: true is no number'],
    ['a string', '12', 'tensor: 12 is no number'],
    ['nothing', undefined, 'tensor: undefined is no number'],
    ['null in a list', [1, null], 'tensor: null is no number'],
    ['what f32 would make infinite', [1, 1e300], 'tensor: 1e+300 is out of the range of f32'],
    ['the same in doubles', Float64Array.of(-1e39), 'tensor: -1e+39 is out of the range of f32'],
    ['a list in itself', cyclic(), 'tensor: lists in lists more than 64 deep'],
    ['lists that are 20,000 deep', nested(20_000), 'tensor: lists in lists more than 64 deep'],
    ['big integers', new BigInt64Array(2), 'is no number'],
    [
      'rows of different lengths',
      [[1, 2], [3]],
      'tensor: a list of 1 at depth 1 of lists that begin with shape [2,2]',
    ],
    ['a number beside a row', [[1, 2], 3], 'tensor: a number at depth 1'],
    [
      'a row beside a number',
      [1, [2, 3]],
      'tensor: a list of 2 at depth 1 of lists that begin with shape [2]',
    ],
  ])('refuses %s', (_title, data, message) => {
    expect(() => g.tensor(data as never)).toThrow(ShapeError);
    expect(() => g.tensor(data as never)).toThrow(message);
  });
});

describe('a dtype that does not exist', () => {
  it.each([
    ['tensor', () => g.tensor([1], [1], 'f64' as never)],
    ['tensor', () => g.tensor([1], [1], { dtype: 'int64' as never })],
    ['full', () => g.full([1], 1, 'f64' as never)],
    ['full', () => g.zeros([1], 'bool' as never)],
    ['arange', () => g.arange(3, { dtype: 'f64' as never })],
    ['eye', () => g.eye(3, 3, 'f64' as never)],
    ['cast', () => g.cast(g.tensor([1]), 'f64' as never)],
  ])('is refused by %s, by name', (op, call) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(new RegExp(`^${op}: no dtype "(f64|bool|int64)"`));
    expect(call).toThrow('choose f32, f16, i32, u32');
  });
});

describe('a number that a dtype does not hold', () => {
  it.each([
    ['tensor', () => g.tensor([2 ** 31], [1], 'i32')],
    ['tensor', () => g.tensor([-1], [1], 'u32')],
    ['tensor', () => g.tensor([1.5], [1], 'i32')],
    ['tensor', () => g.tensor(Float32Array.of(Number.NaN), [1], 'i32')],
    ['tensor', () => g.tensor(Uint32Array.of(2 ** 32 - 1), [1], 'i32')],
    ['full', () => g.full([2], 3e9, 'i32')],
    ['full', () => g.full([2], -1, 'u32')],
    ['arange', () => g.arange(2 ** 31 - 1, 2 ** 31 + 1, { dtype: 'i32' })],
    ['randint', () => g.randint(2 ** 31 - 1, 2 ** 31 + 1, [2], seed)],
    ['randint', () => g.randint(-(2 ** 31) - 1, -(2 ** 31), [2], seed)],
    ['add', () => g.add(ints, 3e9)],
    ['mul', () => g.mul(-3e9, ints)],
    ['add', () => g.add(ints, 0.5)],
  ])('throws in %s instead of wrapping', (op, call) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(new RegExp(`^${op}: .* is no [iu]32; use whole numbers from`));
  });

  it('and those at the ends of the range are held', async () => {
    const ends = [-(2 ** 31), 2 ** 31 - 1];
    expect([...(await g.tensor(ends, [2], 'i32').data())]).toEqual(ends);
    expect([...(await g.full([1], 2 ** 32 - 1, 'u32').data())]).toEqual([2 ** 32 - 1]);
  });
});

it('linspace refuses ends that are not finite', () => {
  for (const end of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]) {
    expect(() => g.linspace(0, end, 3)).toThrow(ShapeError);
    expect(() => g.linspace(end, 0, 3)).toThrow(`linspace: start is ${end}; give a finite number`);
  }
});
