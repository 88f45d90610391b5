import { byteLength, numel, type TensorSpec } from '../../shape.ts';
import convDirect from '../../wgsl/conv/lib/conv_direct.wgsl';
import convPhases from '../../wgsl/conv/lib/conv_phases.wgsl';
import transposeWeight from '../../wgsl/conv/transpose_weight.wgsl';
import { type Dispatch, wgslType } from '../dispatch.ts';
import { type GemmProblem, type Product, planAround } from '../matrix/strategies/product.ts';
import { type ConvTranspose2dAttrs, type ConvTranspose2dProblem, isDepthwise } from './convProblem.ts';

export const TRANSPOSED = 'transposed weight';

/**
 * The weight [kh,kw,OG,C] with its last two turned round and zeros up to a number of fours, or of `multiple`: the GEMM's
 * columns are neighbours in memory.
 */
export function transposedWeight(
  { shape, dtype }: TensorSpec,
  multiple = 4,
): { spec: TensorSpec; dispatch: Dispatch } {
  const [kh, kw, OG, C] = shape as [number, number, number, number];
  const blocks = (Math.ceil(OG / multiple) * multiple) / 4;
  const chunks = Math.ceil(C / 16);
  const total = kh * kw * chunks * blocks * 16;
  return {
    spec: { shape: [kh, kw, C, blocks * 4], dtype },
    dispatch: {
      shader: transposeWeight,
      types: { T: wgslType(dtype) },
      params: { total, channels: C, chunks, results: OG, blocks },
      bind: { y: TRANSPOSED },
      grid: total,
    },
  };
}

/** With so few rows the weight is read so seldom that turning it round costs more than it saves. */
const FEW_ROWS = 64;

/** The tiles of GPUs turn such weights while they load them. Matrix units read what lies in memory. */
const readsTurned = ({ caps, gemm: { C, IG, dtype } }: Product): boolean =>
  caps.family === 'tile' && !(caps.matrixUnits && dtype === 'f16') && C % 4 === 0 && IG % 4 === 0;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The implicit GEMM from x to y over the weight [kh,kw,OG,C]. */
function gemmOf(weight: TensorSpec, x: TensorSpec, y: TensorSpec, attrs: ConvTranspose2dAttrs): GemmProblem {
  const [KH, KW, OG] = weight.shape as [number, number, number];
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const { groups, stride, padding, dilation } = attrs;
  const common = {
    H,
    W,
    C,
    IG: C / groups,
    O,
    OG,
    KH,
    KW,
    SH: 1,
    SW: 1,
    w_tap: OG * C,
    w_i: 1,
    w_c: C,
    x_z: C / groups,
    w_z: C / groups,
    y_z: OG,
    batch: groups,
    dtype: x.dtype,
  };
  // Source pixel and result pixel go together, and taps go backwards: with stride 1 a convolution with both negated.
  if (stride[0] === 1 && stride[1] === 1) {
    return {
      ...common,
      RH: OH,
      RW: OW,
      UH: 1,
      UW: 1,
      tap_h: KW || 1,
      tap_w: 1,
      M: N * OH * OW,
      OH,
      OW,
      PH: -padding[0],
      PW: -padding[1],
      DH: -dilation[0],
      DW: -dilation[1],
      gather: convDirect,
    };
  }
  // Of the pixels of y only every stride-th uses the same taps: phases, each a convolution with stride 1.
  const shared = [gcd(stride[0], dilation[0]), gcd(stride[1], dilation[1])] as const;
  const result = [Math.ceil(OH / stride[0]), Math.ceil(OW / stride[1])] as const;
  return {
    ...common,
    M: N * result[0] * result[1],
    OH: result[0],
    OW: result[1],
    PH: padding[0],
    PW: padding[1],
    DH: -dilation[0] / shared[0],
    DW: -dilation[1] / shared[1],
    RH: OH,
    RW: OW,
    UH: stride[0],
    UW: stride[1],
    tap_h: (stride[0] / shared[0]) * (KW || 1),
    tap_w: stride[1] / shared[1],
    gather: convPhases,
  };
}

/**
 * The product that a transposed convolution is, unless it is depthwise. The weight is turned round first, where it is read
 * often enough and fits.
 */
export function transposedProduct(problem: ConvTranspose2dProblem): Product | undefined {
  if (isDepthwise(problem) || problem.attrs.levels) return undefined;
  return transposedGemm(problem);
}

export function transposedGemm(problem: ConvTranspose2dProblem): Product {
  const { caps, specs, outputs, attrs } = problem;
  const { x, weight, bias } = specs;
  const { y } = outputs;
  const product = { caps, gemm: gemmOf(weight, x, y, attrs), bias: bias !== undefined };
  const { spec, dispatch } = transposedWeight(weight);
  const bytes = byteLength(spec);
  const few = numel(y.shape.slice(0, 3)) <= FEW_ROWS || bytes > caps.maxBindingSize;
  if (few || readsTurned(product)) return product;
  const [, , C, columns] = spec.shape as [number, number, number, number];
  const { gemm } = product;
  return {
    ...product,
    gemm: { ...gemm, w_tap: C * columns, w_i: columns, w_c: 1, w_z: gemm.IG * columns },
    around: (plan) => planAround(plan, { weight: TRANSPOSED }, [dispatch], { [TRANSPOSED]: bytes }),
  };
}
