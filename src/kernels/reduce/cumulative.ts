import { ShapeError } from '../../errors.ts';
import {
  byteLength,
  type DType,
  expectDType,
  expectFloats,
  formatSpec,
  isFloat,
  numel,
  sameShape,
  type TensorSpec,
} from '../../shape.ts';
import cumprodBackwardShader from '../../wgsl/reduce/cumprod_backward.wgsl';
import cumulativeShader from '../../wgsl/reduce/cumulative.wgsl';
import cumulativeTotalsShader from '../../wgsl/reduce/cumulative_totals.wgsl';
import carriedNone from '../../wgsl/reduce/lib/carried_none.wgsl';
import carriedTotals from '../../wgsl/reduce/lib/carried_totals.wgsl';
import combine from '../../wgsl/reduce/lib/combine.wgsl';
import { type Dispatch, defineKernel, type Given, type KernelPlan, wgslType } from '../kernel.ts';

/** Attributes of `cumsum` and `cumprod`. */
export interface CumulativeAttrs {
  /** Counted from the front. */
  readonly dim: number;
  /** From the last element to the first. Default false. */
  readonly reverse: boolean;
}

/** Rows up to this length are walked by one invocation each; of longer ones, each chunk is. */
const SHORT_ROW = 512;

/** Rows along a dimension: `inner` of them lie side by side. */
function rowsOf({ shape }: TensorSpec, dim: number): { rows: number; n: number; inner: number } {
  const inner = numel(shape.slice(dim + 1));
  return { rows: numel(shape.slice(0, dim)) * inner, n: shape[dim]!, inner };
}

function expectDim(op: string, x: TensorSpec, dim: number): void {
  if (Number.isInteger(dim) && dim >= 0 && dim < x.shape.length) return;
  throw new ShapeError(
    `${op}: dim ${dim} must be a whole number from 0 to ${x.shape.length - 1}, a dimension of ${formatSpec('x', x)}`,
  );
}

function planCumulative(product: boolean, x: TensorSpec, { dim, reverse }: CumulativeAttrs): KernelPlan {
  const { rows, n, inner } = rowsOf(x, dim);
  if (n === 0) return { dispatches: [] };
  const value: DType = isFloat(x.dtype) ? 'f32' : x.dtype;
  const chunk = n <= SHORT_ROW ? n : Math.max(64, Math.ceil(Math.sqrt(n)));
  const chunks = Math.ceil(n / chunk);
  const total = rows * chunks;
  const common = {
    types: { T: wgslType(x.dtype), A: wgslType(value) },
    constants: { PRODUCT: product, REVERSE: reverse },
    params: { total, n, inner, chunks, chunk },
    grid: total,
  };
  const walk = (carried: string): Dispatch => ({
    ...common,
    shader: cumulativeShader,
    snippets: [combine, carried],
  });
  if (chunks === 1) return { dispatches: [walk(carriedNone)] };
  const totals = { ...common, shader: cumulativeTotalsShader, snippets: [combine] };
  return {
    dispatches: [totals, walk(carriedTotals)],
    scratch: { totals: byteLength({ shape: [total], dtype: value }) },
  };
}

const cumulativeKernel = <const N extends string>(name: N, product: boolean) =>
  defineKernel({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attributes: ({ dim, reverse = false }: Given<CumulativeAttrs, 'dim'>): CumulativeAttrs => ({
      dim,
      reverse,
    }),
    infer({ x }, { dim }: CumulativeAttrs) {
      expectDType(name, 'x', x, 'f32', 'f16', 'i32');
      expectDim(name, x, dim);
      return { y: x };
    },
    dispatches: (_caps, { x }, _outputs, attrs) => planCumulative(product, x, attrs),
  });

/**
 * Running sums along a dimension: `y[…, j, …] = x[…, 0, …] + … + x[…, j, …]`, inclusive (torch.cumsum). x: any shape of
 * rank 1 or more, f32, f16 or i32; y: as x. Floats are summed in float32 in a fixed order, in chunks of about the square
 * root of a row beyond 512 elements; i32 wraps around. Throws ShapeError for a dim that x does not have.
 */
export const cumsum = cumulativeKernel('cumsum', false);

/** Running products along a dimension, as `cumsum` (torch.cumprod). */
export const cumprod = cumulativeKernel('cumprod', true);

/**
 * The gradient of cumprod to x, from its input, its output and the output's gradient dy, all of one shape and float
 * dtype: exact where there are zeros, since nothing is divided.
 */
export const cumprodBackward = defineKernel({
  name: 'cumprod_backward',
  inputs: ['x', 'y', 'dy'],
  outputs: ['dx'],
  attributes: ({ dim, reverse = false }: Given<CumulativeAttrs, 'dim'>): CumulativeAttrs => ({
    dim,
    reverse,
  }),
  infer({ x, y, dy }, { dim }: CumulativeAttrs) {
    expectFloats('cumprod_backward', { x, y, dy });
    expectDim('cumprod_backward', x, dim);
    if (!sameShape(x.shape, y.shape) || !sameShape(x.shape, dy.shape)) {
      throw new ShapeError(
        `cumprod_backward: ${[formatSpec('x', x), formatSpec('y', y), formatSpec('dy', dy)].join(', ')} must have one shape`,
      );
    }
    return { dx: x };
  },
  dispatches(_caps, { x }, _outputs, { dim, reverse }) {
    const { rows, n, inner } = rowsOf(x, dim);
    if (n === 0) return { dispatches: [] };
    return {
      dispatches: [
        {
          shader: cumprodBackwardShader,
          types: { T: wgslType(x.dtype) },
          constants: { REVERSE: reverse },
          params: { total: rows, n, inner },
          grid: rows,
        },
      ],
    };
  },
});
