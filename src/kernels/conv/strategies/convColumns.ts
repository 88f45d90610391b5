import { byteLength, numel } from '../../../shape.ts';
import columnsShader from '../../../wgsl/conv/conv_columns.wgsl';
import biasSnippet from '../../../wgsl/lib/bias.wgsl';
import biasNone from '../../../wgsl/lib/bias_none.wgsl';
import epilogueNone from '../../../wgsl/lib/epilogue_none.wgsl';
import type { Dispatch, KernelPlan } from '../../dispatch.ts';
import { matrixProblem, type ProductStrategy } from '../../matrix/strategies/product.ts';
import { ONLY_IF_TIMED, planBy, type Strategy } from '../../strategy.ts';
import type { ConvTranspose2dProblem } from '../convProblem.ts';
import { TRANSPOSED, transposedWeight } from '../transposedProblem.ts';

/**
 * The weight as the matrix [C, taps * O], which it is but for the order of its axes. In whole cache lines: threads that
 * write to the two halves of one wait for each other (measured: a fifth of the time).
 */
function matrixOf({ specs: { weight } }: ConvTranspose2dProblem) {
  const [kh, kw, O, C] = weight.shape as [number, number, number, number];
  return transposedWeight({ shape: [1, 1, kh * kw * O, C], dtype: weight.dtype }, 16);
}

const columnsOf = (problem: ConvTranspose2dProblem): number => matrixOf(problem).spec.shape[3]!;
const bytesOf = (problem: ConvTranspose2dProblem): number =>
  numel(problem.specs.x.shape.slice(0, 3)) * columnsOf(problem) * 4;

/** An invocation holds all channels of a pixel; and in halves the products would be rounded before they are added. */
function possible(problem: ConvTranspose2dProblem): boolean {
  const { caps, specs, outputs, attrs } = problem;
  const [{ x }, { y }] = [specs, outputs];
  const { groups, dilation, levels } = attrs;
  const simple = !levels && groups === 1 && dilation[0] === 1 && dilation[1] === 1 && x.dtype === 'f32';
  const some = numel(y.shape) > 0 && numel(x.shape) > 0 && y.shape[3]! <= 8;
  return simple && some && bytesOf(problem) <= caps.maxBindingSize;
}

/**
 * Measured on lavapipe and SwiftShader: faster than the kernels for few columns; but with fewer source channels the products
 * are not worth storing in between.
 */
const cost = ({ caps, specs: { x }, outputs: { y } }: ConvTranspose2dProblem): number =>
  caps.family === 'subgroup' && y.shape[3]! <= 4 && x.shape[3]! >= 32 ? 1 / 8 : ONLY_IF_TIMED;

/** Sums that an invocation keeps, at most. */
const MOST = 16;

function planOf(problem: ConvTranspose2dProblem, products: readonly ProductStrategy[]): KernelPlan {
  const { caps, attrs } = problem;
  const { x, weight, bias } = problem.specs;
  const { y } = problem.outputs;
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const columns = columnsOf(problem);
  const [stride, padding, taps] = [attrs.stride[1], attrs.padding[1], weight.shape[1]!];
  const width = stride * O <= MOST ? stride : 1;
  const across = Math.floor((OW - 1 + padding) / width) - Math.floor(padding / width) + 1;
  const { spec, dispatch } = matrixOf(problem);
  const gemm = { caps, gemm: matrixProblem(N * H * W, C, columns, 'f32') };
  const [{ epilogue, ...product }] = planBy(products, gemm).dispatches as [Dispatch];
  return {
    dispatches: [
      dispatch,
      {
        ...product,
        snippets: [epilogueNone, ...product.snippets!],
        types: { ...product.types, V: epilogue! },
        bind: { weight: TRANSPOSED, y: 'columns' },
      },
      {
        shader: columnsShader,
        snippets: [bias ? biasSnippet : biasNone],
        types: { T: 'f32' },
        constants: { CHANNELS: O, WIDTH: width, COUNT: width * O, TAIL: (taps % width) * O },
        params: {
          total: N * OH * across,
          across,
          columns,
          H,
          W,
          OH,
          OW,
          KH: weight.shape[0]!,
          KW: weight.shape[1]!,
          SH: attrs.stride[0],
          SW: attrs.stride[1],
          PH: attrs.padding[0],
          PW: attrs.padding[1],
        },
        bind: { m: 'columns', bias_values: 'bias' },
        epilogue: 'f32',
        grid: N * OH * across,
      },
    ],
    scratch: { [TRANSPOSED]: byteLength(spec), columns: bytesOf(problem) },
  };
}

/**
 * A transposed convolution to few channels as one matrix product, from all source channels to all results of all taps,
 * and the sum over the taps that meet in a pixel: no lane is idle where the channels alone would leave most so.
 */
export const defineColumns = (products: readonly ProductStrategy[]): Strategy<ConvTranspose2dProblem> => ({
  name: 'columns',
  possible,
  cost,
  plan: (problem) => planOf(problem, products),
});
