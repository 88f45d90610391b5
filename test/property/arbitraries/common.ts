import fc from 'fast-check';
import { formatSpec, type Shape } from '../../../src/shape.ts';
import type { Case } from '../../../src/verify/cases/case.ts';

export type Arbitrary = fc.Arbitrary<Case>;

const describe = ({ op, name, inputs, attrs = {} }: Case): string => {
  const shapes = Object.entries(inputs).map(([input, spec]) => formatSpec(input, spec));
  return `${op}: ${name}: ${shapes.join(', ')}, ${JSON.stringify(attrs)}`;
};

/** A case of random shape; its values are seeded by its name, so that shrinking the shape keeps the rest. */
export const caseOf = <T>(
  op: Case['op'],
  shapes: fc.Arbitrary<T>,
  build: (shapes: T) => Omit<Case, 'op' | 'name'>,
): Arbitrary =>
  fc.tuple(fc.nat(99_999), shapes).map(([seed, value]) => {
    const row: Case = { op, name: `seed ${seed}`, ...build(value) };
    return Object.assign(row, { [fc.toStringMethod]: () => describe(row) });
  });

export const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
export const pairOf = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(int(min, max), int(min, max));

/** Sizes of a dimension: many are a multiple of 4 or 16, where kernels take their wide paths. */
export const channels: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: int(1, 9) },
  { weight: 2, arbitrary: fc.constantFrom(4, 8, 12, 16) },
  { weight: 1, arbitrary: fc.constantFrom(20, 32, 33) },
);

export const shapeOf = (minRank: number, maxRank: number, most = 5): fc.Arbitrary<number[]> =>
  fc.array(
    fc.oneof(
      { weight: 30, arbitrary: int(1, most) },
      { weight: 5, arbitrary: fc.constantFrom(8, 12) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    {
      minLength: minRank,
      maxLength: maxRank,
    },
  );

/** Images of a batch; now and then none. */
export const batch: fc.Arbitrary<number> = fc.oneof(
  { weight: 15, arbitrary: int(1, 2) },
  { weight: 1, arbitrary: fc.constant(0) },
);

export const imageShape: fc.Arbitrary<[number, number, number, number]> = fc.tuple(
  batch,
  int(1, 11),
  int(1, 11),
  channels,
);

/** A shape that broadcasts to this one: leading dimensions dropped, others 1. */
export const broadcastTo = (shape: Shape): fc.Arbitrary<number[]> =>
  fc
    .tuple(int(0, shape.length), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), fc.boolean())
    .map(([drop, ones, same]) => {
      if (same) return [...shape];
      return shape.slice(drop).map((size, i) => (ones[i] ? 1 : size));
    });
