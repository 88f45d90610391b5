import { numel } from '../../../shape.ts';
import filterAdd from '../../../wgsl/conv/lib/filter_add.wgsl';
import tilesImage from '../../../wgsl/conv/lib/tiles_image.wgsl';
import tilesLevels from '../../../wgsl/conv/lib/tiles_levels.wgsl';
import winograd2 from '../../../wgsl/conv/lib/winograd_2.wgsl';
import ofDy from '../../../wgsl/conv/lib/winograd_dy.wgsl';
import ofX from '../../../wgsl/conv/lib/winograd_x.wgsl';
import outputShader from '../../../wgsl/conv/winograd_filter_output.wgsl';
import inputShader from '../../../wgsl/conv/winograd_input.wgsl';
import filterVec4 from '../../../wgsl/matrix/lib/filter_vec4.wgsl';
import fill from '../../../wgsl/shape/fill.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../../dispatch.ts';
import { levelTable } from '../../levels.ts';
import { matrixProblem, type ProductStrategy } from '../../matrix/strategies/product.ts';
import { ONLY_IF_TIMED, planBy, type Strategy } from '../../strategy.ts';
import { type Conv2dFilterProblem, isConv3x3 } from '../convProblem.ts';
import { tilesOfImage } from './winogradTiles.ts';

const RESULTS = 2;
const POINTS = (RESULTS + 2) ** 2;

/** Bytes of transformed tiles at a time, but tiles enough that adding up their products costs little beside them. */
const CHUNK = 1 << 23;
const FEWEST = 256;

/** Tiles of an image and of all, and how many of them are transformed at a time. */
function tilesOf({ specs: { x, dy }, attrs: { levels } }: Conv2dFilterProblem) {
  const [N, , , O] = dy.shape as [number, number, number, number];
  const perImage = tilesOfImage(RESULTS, dy.shape, levels);
  const tiles = N * perImage.tiles;
  const most = Math.max(FEWEST, Math.floor(CHUNK / (POINTS * (x.shape[3]! + O) * 4)));
  return { perImage, tiles, chunk: Math.ceil(tiles / Math.ceil(tiles / most) / 16) * 16 };
}

/** Channels come in fours, and transformed tiles and their products are one binding each. */
function possible(problem: Conv2dFilterProblem): boolean {
  const { caps, specs, attrs } = problem;
  const { x, dy } = specs;
  const [C, O] = [x.shape[3]!, dy.shape[3]!];
  if (!isConv3x3(attrs.kernelSize, attrs)) return false;
  if (C === 0 || O === 0 || C % 4 !== 0 || O % 4 !== 0 || numel(dy.shape) === 0) return false;
  const largest = Math.max(C * O, tilesOf(problem).chunk * Math.max(C, O));
  return POINTS * largest * 4 <= caps.maxBindingSize;
}

/**
 * Rows of products, and the POINTS loads and 9 stores of every weight, worth 10 to 16 rows each; of 9 rows per pixel.
 * Measured on lavapipe and SwiftShader. Not on GPUs, before tuning has shown it.
 */
function cost(problem: Conv2dFilterProblem): number {
  const { caps, specs } = problem;
  const [C, O] = [specs.x.shape[3]!, specs.dy.shape[3]!];
  const pixels = numel(specs.dy.shape.slice(0, 3));
  const large = C >= 16 && O >= 16 && pixels * C * O >= 1 << 22;
  if (caps.family !== 'subgroup' || !large) return ONLY_IF_TIMED;
  return (POINTS * tilesOf(problem).tiles + 16 * (POINTS + 9)) / (9 * pixels);
}

/**
 * The transpose of F(2x2, 3x3) (Lavin and Gray 2016, §4) to the filter: dw = G^T [sum over tiles of (B^T d B) o
 * (A dy A^T)] G, 16 matrix products over all 2x2 tiles instead of 9 over all pixels, 2.25 times fewer multiplications.
 * Rounds no more than the sum over pixels does: 1e-6 of the largest result.
 */
function planOf(problem: Conv2dFilterProblem, filters: readonly ProductStrategy[]): KernelPlan {
  const { caps, specs, attrs } = problem;
  const { x, dy } = specs;
  const [C, O] = [x.shape[3]!, dy.shape[3]!];
  const { perImage, tiles, chunk } = tilesOf(problem);
  const { levels } = attrs;
  const T = wgslType(x.dtype);
  const types = { T: `vec4<${T}>`, V: 'vec4f' };
  // Tiles are the pixels of a 1x1 convolution whose groups are the points.
  const gemm = {
    ...matrixProblem(chunk, C, O, 'f32'),
    C: POINTS * C,
    O: POINTS * O,
    batch: POINTS,
    x_z: C,
    w_z: O,
    y_z: O,
  } as const;
  const [product] = planBy(filters, { caps, gemm }).dispatches;
  const splits = product!.params!.splits!;
  const products = splits * POINTS * C * O;
  const transform = (input: 'x' | 'dy', output: string, first: number, count: number): Dispatch => {
    const [, H, W, channels] = (input === 'x' ? x : dy).shape as [number, number, number, number];
    const [PH, PW] = input === 'x' ? attrs.padding : [0, 0];
    const total = (count * channels) / 4;
    const layout = { point: channels / 4, tile: (POINTS * channels) / 4 };
    return {
      shader: inputShader,
      snippets: [winograd2, input === 'x' ? ofX : ofDy, levels ? tilesLevels : tilesImage],
      types,
      params: { total, channels: channels / 4, H, W, PH, PW, ...perImage, first, ...layout },
      bind: { x: input, v: output },
      grid: total,
    };
  };
  const dispatches: Dispatch[] = [];
  const add = tiles > chunk;
  if (add) {
    dispatches.push({
      shader: fill,
      types: { T: 'f32' },
      params: { total: products, value: 0 },
      bind: { y: 'products' },
      grid: products,
    });
  }
  for (let first = 0; first < tiles; first += chunk) {
    const count = Math.min(chunk, tiles - first);
    dispatches.push(transform('x', 'tiles', first, count), transform('dy', 'gradients', first, count), {
      ...product!,
      snippets: product!.snippets!.map((text) => (add && text === filterVec4 ? filterAdd : text)),
      params: { ...product!.params, M: count },
      bind: { x: 'tiles', dy: 'gradients', parts: 'products' },
    });
  }
  dispatches.push({
    shader: outputShader,
    snippets: [winograd2],
    types,
    constants: { UNROLLED: caps.family === 'tile' },
    params: { total: (C * O) / 4, columns: O / 4, parts: splits, points: 4 },
    bind: { m: 'products' },
    grid: (C * O) / 4,
  });
  return {
    dispatches,
    ...(levels && { tables: { levels: levelTable(levels) } }),
    scratch: { tiles: POINTS * chunk * C * 4, gradients: POINTS * chunk * O * 4, products: products * 4 },
  };
}

/** Winograd's algorithm for filter gradients, 2x2 results at a time; its products are computed by one of `filters`. */
export const defineWinogradFilter = (filters: readonly ProductStrategy[]): Strategy<Conv2dFilterProblem> => ({
  name: 'winograd2',
  possible,
  cost,
  plan: (problem) => planOf(problem, filters),
});
