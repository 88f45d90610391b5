import fc from 'fast-check';
import type { ElementwiseName } from '../../../src/kernels/ops.ts';
import type { Shape } from '../../../src/shape.ts';
import {
  type Case,
  distinct,
  type InputSpec,
  integers,
  normal,
  uniform,
} from '../../../src/verify/cases/case.ts';
import { type Arbitrary, broadcastTo, caseOf, shapeOf } from './common.ts';

type Fill = (shape: Shape) => InputSpec;

interface Plan {
  /** Arguments in order, and how each is filled. */
  readonly fills: Readonly<Record<string, Fill>>;
  readonly grad?: readonly string[];
  readonly attrs?: fc.Arbitrary<object>;
  /** Also on i32: the fills there. */
  readonly integers?: Readonly<Record<string, Fill>>;
  readonly rtol?: number;
  readonly atol?: number;
}

const wholes: Fill = (shape) => integers(shape, -9, 10);
const positives: Fill = (shape) => integers(shape, 1, 8);
const ties: Fill = (shape) => integers(shape, -2, 3, 'f32');
const far: Fill = (shape) => uniform(shape, 0.5, 4);
const spread: Fill = (shape) => distinct(shape, -4, 4.1);
const between: Fill = (shape) => distinct(shape, -3.97, 4.03);
const wide: Fill = (shape) => normal(shape, 3);
const bits: Fill = (shape) => integers(shape, 0, 2, 'f32');
/** NaN and infinities among finite numbers. */
const awkward: Fill = (shape) => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from(
      { length },
      () =>
        [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1.5][
          Math.floor(6 * random())
        ]!,
    ),
});
const unary = (fill: Fill, more: Partial<Plan> = {}): Plan => ({ fills: { x: fill }, grad: ['x'], ...more });
const binary = (a: Fill, b: Fill, more: Partial<Plan> = {}): Plan => ({
  fills: { a, b },
  grad: ['a', 'b'],
  ...more,
});
/** Whole numbers: what is left of a division jumps where a quotient is one. */
const modulo: Plan = {
  fills: { a: (s) => integers(s, -20, 20, 'f32'), b: (s) => integers(s, 1, 8, 'f32') },
  integers: { a: wholes, b: positives },
};
/** Few values: each is written into the shader, and every other one compiles anew. */
const some = fc.constantFrom<number[]>;

const plans: Record<ElementwiseName, Plan> = {
  relu: unary(spread),
  leaky_relu: unary(spread, { attrs: fc.record({ negative_slope: some(0, 0.01, 0.3, 1) }) }),
  silu: unary(wide),
  gelu: unary(wide),
  sigmoid: unary(wide),
  tanh: unary(wide),
  hardswish: unary(spread),
  hardsigmoid: unary(spread),
  hardtanh: unary(spread, { attrs: fc.record({ min_val: some(-1, 0), max_val: some(0.5, 6) }) }),
  softplus: unary(wide),
  sin: unary(wide),
  cos: unary(wide),
  // Away from the poles, where a last digit of x is worth thousands.
  tan: unary((s) => uniform(s, -1.3, 1.3)),
  atan: unary(wide),
  exp: unary(normal),
  expm1: unary(normal),
  log: unary(far),
  log1p: unary((s) => uniform(s, -0.8, 4)),
  erf: unary(normal),
  sqrt: unary(far),
  rsqrt: unary(far),
  abs: unary(spread, { integers: { x: wholes } }),
  neg: unary(normal, { integers: { x: wholes } }),
  floor: { fills: { x: wide } },
  ceil: { fills: { x: wide } },
  trunc: { fills: { x: wide } },
  round: { fills: { x: wide } },
  sign: { fills: { x: ties }, integers: { x: wholes } },
  affine: unary(normal, { attrs: fc.record({ scale: some(-2.5, 0, 1e-3, 3), shift: some(-4, 0, 0.75) }) }),
  clamp: unary(spread, { attrs: fc.record({ low: some(-1.7, 0), high: some(0.3, 2) }) }),
  add: binary(normal, normal, { integers: { a: wholes, b: wholes } }),
  sub: binary(normal, normal, { integers: { a: wholes, b: wholes } }),
  mul: binary(normal, normal, { integers: { a: wholes, b: wholes } }),
  div: binary(normal, far, { integers: { a: wholes, b: positives } }),
  fmod: modulo,
  remainder: modulo,
  maximum: binary(spread, between, { integers: { a: wholes, b: wholes } }),
  minimum: binary(spread, between, { integers: { a: wholes, b: wholes } }),
  pow: binary((s) => uniform(s, 0.2, 3), normal),
  equal: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  not_equal: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  greater: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  greater_equal: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  logical_and: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  logical_or: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  logical_xor: { fills: { a: ties, b: ties }, integers: { a: wholes, b: wholes } },
  isnan: { fills: { x: awkward } },
  isinf: { fills: { x: awkward } },
  isfinite: { fills: { x: awkward } },
  where: {
    fills: { condition: ties, a: normal, b: normal },
    grad: ['a', 'b'],
    integers: { condition: (s) => integers(s, 0, 2), a: wholes, b: wholes },
  },
  binary_cross_entropy_with_logits: {
    fills: { x: wide, target: bits, pos_weight: far },
    grad: ['x'],
  },
  sigmoid_focal_loss: {
    fills: { x: wide, target: bits },
    grad: ['x'],
    attrs: fc.record({ alpha: fc.constantFrom(-1, 0.25, 0.6), gamma: fc.constantFrom(0, 1.5, 2) }),
  },
  smooth_l1_loss: {
    fills: { x: spread, target: between },
    grad: ['x', 'target'],
    attrs: fc.record({ beta: some(0.1, 1, 1.7) }),
  },
  l1_loss: { fills: { x: spread, target: between }, grad: ['x', 'target'] },
  mse_loss: { fills: { x: normal, target: normal }, grad: ['x', 'target'] },
};

/** Arguments of random shapes that broadcast to one another, f32 or, where there is a way, i32. */
function arbitraryOf(op: ElementwiseName, plan: Plan): Arbitrary {
  const names = Object.keys(plan.fills);
  const shapes = shapeOf(0, 6, 4).chain((shape) =>
    fc.record({
      shapes: fc.tuple(...names.map(() => broadcastTo(shape))),
      attrs: plan.attrs ?? fc.constant({}),
      whole: plan.integers ? fc.nat(3) : fc.constant(1),
    }),
  );
  return caseOf(op, shapes, ({ shapes, attrs, whole }) => {
    const fills = whole === 0 ? plan.integers! : plan.fills;
    const inputs = Object.fromEntries(names.map((name, k) => [name, fills[name]!(shapes[k]!)]));
    const { rtol, atol = 2e-5 } = plan;
    const more: Partial<Case> = {
      ...(plan.grad && whole !== 0 ? { grad: plan.grad } : {}),
      ...(rtol === undefined ? {} : { rtol }),
    };
    return { inputs, attrs, atol, ...more };
  });
}

export const elementwise = Object.fromEntries(
  Object.entries(plans).map(([op, plan]) => [op, arbitraryOf(op as ElementwiseName, plan)]),
) as Record<ElementwiseName, Arbitrary>;
