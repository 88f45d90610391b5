import type { Caps } from '../../../device/caps.ts';
import { byteLength, numel, type TensorSpec } from '../../../shape.ts';
import columnsShader from '../../../wgsl/conv/conv_columns.wgsl';
import biasSnippet from '../../../wgsl/lib/bias.wgsl';
import biasNone from '../../../wgsl/lib/bias_none.wgsl';
import epilogueNone from '../../../wgsl/lib/epilogue_none.wgsl';
import type { KernelPlan } from '../../kernel.ts';
import { gemmDispatch, matrixProblem } from '../../matrix/strategies/gemm.ts';
import { type ConvTranspose2dAttrs, TRANSPOSED, transposedWeight } from '../convTranspose2d.ts';

/** A transposed convolution from x [N,H,W,C] to y [N,OH,OW,O] with weight [kh,kw,O,C]. */
export interface ColumnsProblem {
  readonly x: TensorSpec;
  readonly weight: TensorSpec;
  readonly y: TensorSpec;
  readonly bias: boolean;
  readonly attrs: ConvTranspose2dAttrs;
}

/**
 * The weight as the matrix [C, taps * O], which it is but for the order of its axes. In whole cache lines: threads that
 * write to the two halves of one wait for each other (measured: a fifth of the time).
 */
function matrixOf({ weight }: ColumnsProblem) {
  const [kh, kw, O, C] = weight.shape as [number, number, number, number];
  return transposedWeight({ shape: [1, 1, kh * kw * O, C], dtype: weight.dtype }, 16);
}

const columnsOf = (problem: ColumnsProblem): number => matrixOf(problem).spec.shape[3]!;
const bytesOf = (problem: ColumnsProblem): number =>
  numel(problem.x.shape.slice(0, 3)) * columnsOf(problem) * 4;

/** An invocation holds all channels of a pixel; and in halves the products would be rounded before they are added. */
export function columnsPossible(caps: Caps, problem: ColumnsProblem): boolean {
  const { x, y, attrs } = problem;
  const { groups, dilation } = attrs;
  const simple = groups === 1 && dilation[0] === 1 && dilation[1] === 1 && x.dtype === 'f32';
  const some = numel(y.shape) > 0 && numel(x.shape) > 0 && y.shape[3]! <= 8;
  return simple && some && bytesOf(problem) <= caps.maxBindingSize;
}

/** Measured on lavapipe and SwiftShader: with fewer source channels the products are not worth to be stored in between. */
export const columnsPays = (caps: Caps, { x, y }: ColumnsProblem): boolean =>
  caps.family === 'subgroup' && y.shape[3]! <= 4 && x.shape[3]! >= 32;

/** Sums that an invocation keeps, at most. */
const MOST = 16;

/**
 * A transposed convolution to few channels as one matrix product, from all source channels to all results of all taps,
 * and the sum over the taps that meet in a pixel: no lane is idle where the channels alone would leave most so.
 */
export function columnsPlan(caps: Caps, problem: ColumnsProblem): KernelPlan {
  const { x, weight, y, bias, attrs } = problem;
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const columns = columnsOf(problem);
  const [stride, padding, taps] = [attrs.stride[1], attrs.padding[1], weight.shape[1]!];
  const width = stride * O <= MOST ? stride : 1;
  const across = Math.floor((OW - 1 + padding) / width) - Math.floor(padding / width) + 1;
  const { spec, dispatch } = matrixOf(problem);
  const { epilogue, ...product } = gemmDispatch(caps, matrixProblem(N * H * W, C, columns, 'f32'), false);
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
