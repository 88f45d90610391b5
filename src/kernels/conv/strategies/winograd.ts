import { type Caps, REGISTERS_OF_MOST } from '../../../device/caps.ts';
import { numel, type TensorSpec } from '../../../shape.ts';
import biasLanes from '../../../wgsl/conv/lib/depthwise_bias.wgsl';
import biasNone from '../../../wgsl/conv/lib/depthwise_bias_none.wgsl';
import tilesImage from '../../../wgsl/conv/lib/tiles_image.wgsl';
import tilesLevels from '../../../wgsl/conv/lib/tiles_levels.wgsl';
import winograd2 from '../../../wgsl/conv/lib/winograd_2.wgsl';
import winograd4 from '../../../wgsl/conv/lib/winograd_4.wgsl';
import direct from '../../../wgsl/conv/lib/winograd_direct.wgsl';
import turned from '../../../wgsl/conv/lib/winograd_turned.wgsl';
import ofX from '../../../wgsl/conv/lib/winograd_x.wgsl';
import inputShader from '../../../wgsl/conv/winograd_input.wgsl';
import outputShader from '../../../wgsl/conv/winograd_output.wgsl';
import weightShader from '../../../wgsl/conv/winograd_weight.wgsl';
import epilogueNone from '../../../wgsl/lib/epilogue_none.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../../dispatch.ts';
import { levelTable, type PyramidLevels } from '../../levels.ts';
import { blocksOf, PACKED_COLUMNS, readPacked } from '../../matrix/strategies/fitted.ts';
import { matrixProblem, type ProductStrategy } from '../../matrix/strategies/product.ts';
import type { Size2 } from '../../spatial.ts';
import { ONLY_IF_TIMED, type Purpose, planBy, type Strategy } from '../../strategy.ts';
import { type Conv2dProblem, type ConvTranspose2dProblem, isConv3x3 } from '../convProblem.ts';
import { tilesOfImage } from './winogradTiles.ts';

/** A 3x3 convolution of stride 1 from x [N,H,W,C] to y [N,OH,OW,O]. */
export interface WinogradProblem {
  readonly caps: Caps;
  readonly purpose: Purpose;
  readonly x: TensorSpec;
  readonly y: TensorSpec;
  readonly padding: Size2;
  readonly bias: boolean;
  /** As a transposed convolution: weight [3,3,O,C], turned around. */
  readonly flipped: boolean;
  /** x and y are feature pyramids. */
  readonly levels: PyramidLevels | undefined;
}

function convolution(problem: Conv2dProblem, padding: Size2, flipped: boolean): WinogradProblem | undefined {
  const { caps, purpose, specs, outputs, attrs } = problem;
  const { x, weight, bias } = specs;
  if (!isConv3x3(weight.shape, attrs)) return undefined;
  return { caps, purpose, x, y: outputs.y, padding, bias: bias !== undefined, flipped, levels: attrs.levels };
}

/** The 3x3 convolution that an operation is, where it is one. */
export const convWinograd = (problem: Conv2dProblem) => convolution(problem, problem.attrs.padding, false);

/** Of stride 1 a transposed convolution is a convolution with the filter turned around. */
export function transposedWinograd(problem: ConvTranspose2dProblem) {
  const [top, left] = problem.attrs.padding;
  return Math.max(top, left) > 2 ? undefined : convolution(problem, [2 - top, 2 - left], true);
}

/** Bytes of tiles and products at a time: they stay in the cache of a CPU or a large GPU, and memory stays small. */
const CHUNK = { subgroup: 1 << 22, tile: 1 << 25 };

/** Pixels of y that one tile computes, in each direction. */
export type WinogradSize = 2 | 4;

const pointsOf = (results: WinogradSize): number => (results + 2) ** 2;

/** Tiles of all images. */
const tilesOf = ({ y, levels }: WinogradProblem, results: WinogradSize): number =>
  y.shape[0]! * tilesOfImage(results, y.shape, levels).tiles;

/** Registers that the transforms of a tile need: with fewer, Apple's M1 and Adreno spill. */
const REGISTERS = { 2: 0, 4: 200 };

/** Channels come in fours, and the transformed weights are one binding. */
function fits({ caps, x, y }: WinogradProblem, results: WinogradSize): boolean {
  const [C, O] = [x.shape[3]!, y.shape[3]!];
  if (C === 0 || O === 0 || C % 4 !== 0 || O % 4 !== 0 || numel(y.shape) === 0) return false;
  if ((caps.registers ?? REGISTERS_OF_MOST) < REGISTERS[results]) return false;
  return pointsOf(results) * C * O * 4 <= caps.maxBindingSize;
}

/** What a matrix product computes at a time. */
const ROWS = 16;
const wholeRows = (rows: number): number => Math.ceil(rows / ROWS) * ROWS;

/**
 * Rows of the matrix products; and each weight is transformed by (points + 9) loads and stores, worth 8 rows each, or is
 * there already and read (points instead of 9 times).
 */
function rowsOf(problem: WinogradProblem, results: WinogradSize): number {
  const points = pointsOf(results);
  const rows = points * wholeRows(tilesOf(problem, results));
  return rows + (problem.purpose.fixedWeights ? 2 * (points - 9) : 8 * (points + 9));
}

/**
 * The time in units of `blocksOf`, for 8 lanes. 32 weights come from memory in about 20 of them, packed ones in 10. Measured on
 * lavapipe from 3x3 to 56x56 pixels and 32 to 512 channels.
 */
function timeOn8Lanes(problem: WinogradProblem, results: WinogradSize): { own: number; direct: number } {
  const { x, y, purpose } = problem;
  const [C, O] = [x.shape[3]!, y.shape[3]!];
  const points = pointsOf(results);
  const tiles = tilesOf(problem, results);
  const product = (rows: number, stream: number) => ((blocksOf(rows).time + stream) * C * O) / 32;
  const transforms = 1.25 * (2 * tiles * C * points + tiles * O * (points + results ** 2));
  const weights = purpose.fixedWeights ? 0 : 0.4 * C * O * (points + 9);
  return {
    own: points * product(tiles, 10) + transforms + weights,
    direct: 9 * product(numel(y.shape) / O, purpose.fixedWeights ? 10 : 20),
  };
}

/**
 * For few products the dispatches cost more than they save, and on four lanes the transform of the weights: measured on lavapipe
 * and SwiftShader. Not on GPUs, before tuning has shown it. On four lanes: rows of products, of as many as 9 products of all
 * pixels have.
 */
function costOf(problem: WinogradProblem, results: WinogradSize): number {
  const { caps, purpose, x, y } = problem;
  const [C, O] = [x.shape[3]!, y.shape[3]!];
  const eight = caps.subgroupSize === 8;
  // Tiles are f32: for small halves they take more memory than autocast saves.
  const small = x.dtype === 'f32' && (eight || purpose.fixedWeights);
  const least = small ? 1 << 20 : 1 << 22;
  const large = C >= 16 && O >= 16 && numel(y.shape) * C >= least;
  if (caps.family !== 'subgroup' || !large) return ONLY_IF_TIMED;
  if (!eight) return rowsOf(problem, results) / (9 * wholeRows(numel(y.shape) / O));
  const { own, direct } = timeOn8Lanes(problem, results);
  return own / direct;
}

/**
 * F(results x results, 3x3) (Lavin and Gray 2016, §4): (results + 2)^2 matrix products of all tiles at once instead
 * of 9 of all pixels; 2.25 times fewer multiplications for results = 2, 4 times for results = 4. Rounding errors
 * relative to the largest result are about 2e-6 and 1e-5.
 */
function planOf(
  problem: WinogradProblem,
  results: WinogradSize,
  products: readonly ProductStrategy[],
): KernelPlan {
  const { caps, x, y, padding, bias, flipped, levels } = problem;
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const points = pointsOf(results);
  const perImage = tilesOfImage(results, y.shape, levels);
  const tiles = N * perImage.tiles;
  const places = levels ? tilesLevels : tilesImage;
  const chunks = Math.ceil((tiles * points * (C + O) * 4) / CHUNK[caps.family]);
  const chunk = Math.ceil(tiles / chunks / 16) * 16;
  // Only lanes8 reads weights that are packed.
  const packed = caps.subgroupSize === 8 && O % PACKED_COLUMNS === 0;
  const T = wgslType(x.dtype);
  const transforms = results === 2 ? winograd2 : winograd4;
  const pairs = (Math.ceil(C / 16) * 16 * O) / 4;
  const weight: Dispatch = {
    shader: weightShader,
    snippets: [transforms, flipped ? turned : direct],
    types: { T, V: 'vec4f' },
    constants: { PACKED: packed },
    params: { total: pairs, channels: C, columns: O / 4, block: (packed ? PACKED_COLUMNS : O) / 4 },
    grid: pairs,
  };
  const dispatches: Dispatch[] = [weight];
  for (let first = 0; first < tiles; first += chunk) {
    const count = Math.min(chunk, tiles - first);
    const tiling = { ...perImage, first };
    const gemm = { caps, gemm: matrixProblem(count, C, O, 'f32', points) };
    const [plain] = planBy(products, gemm).dispatches as [Dispatch];
    const { epilogue, ...product } = packed ? readPacked(plain, C) : plain;
    dispatches.push(
      {
        shader: inputShader,
        snippets: [transforms, ofX, places],
        types: { T: `vec4<${T}>`, V: 'vec4f' },
        params: {
          total: (count * C) / 4,
          channels: C / 4,
          H,
          W,
          PH: padding[0],
          PW: padding[1],
          point: (count * C) / 4,
          tile: C / 4,
          ...tiling,
        },
        bind: { v: 'tiles' },
        grid: (count * C) / 4,
      },
      {
        ...product,
        snippets: [epilogueNone, ...(product.snippets ?? [])],
        types: { ...product.types, V: epilogue! },
        bind: { x: 'tiles', weight: 'u', y: 'products' },
      },
      {
        shader: outputShader,
        snippets: [transforms, places, bias ? biasLanes : biasNone],
        types: { T: `vec4<${T}>` },
        constants: { UNROLLED: caps.family === 'tile' },
        params: {
          total: (count * O) / 4,
          channels: O / 4,
          H: OH,
          W: OW,
          ...tiling,
          points: results + 2,
          results,
        },
        bind: { m: 'products', bias_values: 'bias' },
        epilogue: 'vec4f',
        channels: O,
        grid: (count * O) / 4,
      },
    );
  }
  return {
    dispatches,
    ...(levels && { tables: { levels: levelTable(levels) } }),
    scratch: { u: points * C * O * 4, tiles: points * chunk * C * 4, products: points * chunk * O * 4 },
  };
}

/**
 * Winograd's algorithm for tiles of so many results in each direction; its products are computed by one of these strategies.
 * The larger tiles round more: not for gradients.
 */
export const defineWinograd = (
  results: WinogradSize,
  ...products: readonly (readonly ProductStrategy[])[]
): Strategy<WinogradProblem> => ({
  name: `winograd${results}`,
  possible: (problem) => (results === 2 || !problem.purpose.training) && fits(problem, results),
  cost: (problem) => costOf(problem, results),
  plan: (problem) => planOf(problem, results, products.flat()),
});
