import type { Caps } from '../../../device/caps.ts';
import { numel, type TensorSpec } from '../../../shape.ts';
import filterAdd from '../../../wgsl/conv/lib/filter_add.wgsl';
import winograd2 from '../../../wgsl/conv/lib/winograd_2.wgsl';
import ofDy from '../../../wgsl/conv/lib/winograd_dy.wgsl';
import ofX from '../../../wgsl/conv/lib/winograd_x.wgsl';
import outputShader from '../../../wgsl/conv/winograd_filter_output.wgsl';
import inputShader from '../../../wgsl/conv/winograd_input.wgsl';
import filterVec4 from '../../../wgsl/matrix/lib/filter_vec4.wgsl';
import fill from '../../../wgsl/shape/fill.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../../kernel.ts';
import { filterPlan, matrixProblem } from '../../matrix/strategies/gemm.ts';
import type { Size2 } from '../../spatial.ts';

/** The filter gradient [3,3,C,O] of a 3x3 convolution of stride 1 from x [N,H,W,C] to y, whose gradient is dy. */
export interface WinogradFilterProblem {
  readonly x: TensorSpec;
  readonly dy: TensorSpec;
  readonly padding: Size2;
}

const RESULTS = 2;
const POINTS = (RESULTS + 2) ** 2;

/** Bytes of transformed tiles at a time, but tiles enough that adding up their products costs little beside them. */
const CHUNK = 1 << 23;
const FEWEST = 256;

/** Tiles of all images, and how many of them are transformed at a time. */
function tilesOf({ x, dy }: WinogradFilterProblem) {
  const [N, OH, OW, O] = dy.shape as [number, number, number, number];
  const [up, across] = [Math.ceil(OH / RESULTS), Math.ceil(OW / RESULTS)];
  const tiles = N * up * across;
  const most = Math.max(FEWEST, Math.floor(CHUNK / (POINTS * (x.shape[3]! + O) * 4)));
  return { up, across, tiles, chunk: Math.ceil(tiles / Math.ceil(tiles / most) / 16) * 16 };
}

/** Channels come in fours, and transformed tiles and their products are one binding each. */
export function winogradFilterPossible(caps: Caps, problem: WinogradFilterProblem): boolean {
  const [C, O] = [problem.x.shape[3]!, problem.dy.shape[3]!];
  if (C === 0 || O === 0 || C % 4 !== 0 || O % 4 !== 0 || numel(problem.dy.shape) === 0) return false;
  const largest = Math.max(C * O, tilesOf(problem).chunk * Math.max(C, O));
  return POINTS * largest * 4 <= caps.maxBindingSize;
}

/**
 * Measured on lavapipe and SwiftShader: the rows of products that are saved must pay for the POINTS loads and 9 stores of
 * every weight, worth 10 to 16 rows each. Not on GPUs, before tuning has shown it.
 */
export function winogradFilterPays(caps: Caps, problem: WinogradFilterProblem): boolean {
  const [C, O] = [problem.x.shape[3]!, problem.dy.shape[3]!];
  const pixels = numel(problem.dy.shape.slice(0, 3));
  const saved = 9 * pixels - POINTS * tilesOf(problem).tiles;
  const large = C >= 16 && O >= 16 && pixels * C * O >= 1 << 22;
  return caps.family === 'subgroup' && large && saved >= 16 * (POINTS + 9);
}

/**
 * The transpose of F(2x2, 3x3) (Lavin and Gray 2016, §4) to the filter: dw = G^T [sum over tiles of (B^T d B) o
 * (A dy A^T)] G, 16 matrix products over all 2x2 tiles instead of 9 over all pixels, 2.25 times fewer multiplications.
 * Rounds no more than the sum over pixels does: 1e-6 of the largest result.
 */
export function winogradFilterPlan(caps: Caps, problem: WinogradFilterProblem): KernelPlan {
  const { x, dy, padding } = problem;
  const [C, O] = [x.shape[3]!, dy.shape[3]!];
  const { up, across, tiles, chunk } = tilesOf(problem);
  const T = wgslType(x.dtype);
  const types = { T: `vec4<${T}>`, V: 'vec4f' };
  // Tiles are the pixels of a 1x1 convolution whose groups are the points.
  const [product] = filterPlan(caps, {
    ...matrixProblem(chunk, C, O, 'f32'),
    C: POINTS * C,
    O: POINTS * O,
    batch: POINTS,
    batchStrides: [C, O, O],
  }).dispatches;
  const splits = product!.params!.splits!;
  const products = splits * POINTS * C * O;
  const transform = (input: 'x' | 'dy', output: string, first: number, count: number): Dispatch => {
    const [, H, W, channels] = (input === 'x' ? x : dy).shape as [number, number, number, number];
    const [PH, PW] = input === 'x' ? padding : [0, 0];
    const total = (count * channels) / 4;
    const layout = { point: channels / 4, tile: (POINTS * channels) / 4 };
    return {
      shader: inputShader,
      snippets: [winograd2, input === 'x' ? ofX : ofDy],
      types,
      params: { total, channels: channels / 4, H, W, PH, PW, tiles_h: up, tiles_w: across, first, ...layout },
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
    params: { total: (C * O) / 4, columns: O / 4, parts: splits },
    bind: { m: 'products' },
    grid: (C * O) / 4,
  });
  return {
    dispatches,
    scratch: { tiles: POINTS * chunk * C * 4, gradients: POINTS * chunk * O * 4, products: products * 4 },
  };
}
