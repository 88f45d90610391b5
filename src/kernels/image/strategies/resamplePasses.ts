import resampleShader from '../../../wgsl/image/resample.wgsl';
import epilogueNone from '../../../wgsl/lib/epilogue_none.wgsl';
import type { Dispatch, KernelPlan } from '../../dispatch.ts';
import { wgslType } from '../../kernel.ts';
import { blocksOf, lanesOf, laneType, laneValue } from '../../spatial.ts';
import { type Dims, dimsOf, type ResampleProblem, type Windows, windowsOf } from '../resampleProblem.ts';

const same: Windows = windowsOf(1, () => [[0, 1]]);
const average = ({ size, weights }: Windows): number => weights.length / Math.max(size, 1);

/** What one invocation does besides its taps (indices, table words, the store), counted in taps. */
const OVERHEAD = 4;
/** Windows larger than this are split even at some cost, so that no invocation walks a whole feature map. */
const LONG = 256;

/** A pass over images of these sizes. Along one axis only, it sees the other as batch or as channels. */
export interface Pass {
  readonly dims: Dims;
  readonly rows: Windows;
  readonly columns: Windows;
}

/** Taps of both axes at once, and of one axis after the other: columns first, and rows first. */
function costs({ from: [, x], rows, columns }: ResampleProblem) {
  const [, h, w] = dimsOf(x);
  const [a, b] = [average(rows), average(columns)];
  return {
    direct: rows.size * columns.size * (a * b + OVERHEAD),
    columnsFirst: h * columns.size * (b + OVERHEAD) + rows.size * columns.size * (a + OVERHEAD),
    rowsFirst: rows.size * w * (a + OVERHEAD) + rows.size * columns.size * (b + OVERHEAD),
    long: a * b > LONG,
  };
}

/** The cost of one axis after the other, relative to both at once. */
export function separableCost(problem: ResampleProblem): number {
  const { direct, columnsFirst, rowsFirst, long } = costs(problem);
  if (direct === 0) return 1;
  return Math.min(columnsFirst, rowsFirst) / direct / (long ? 2 : 1);
}

export function separablePasses(problem: ResampleProblem): readonly [Pass, Pass] {
  const { rows, columns } = problem;
  const [n, h, w, c] = dimsOf(problem.from[1]);
  const { columnsFirst, rowsFirst } = costs(problem);
  // Rows first, where it is the same: width and channels together come in fours more often than channels.
  if (columnsFirst < rowsFirst) {
    return [
      { dims: [n * h, 1, w, c], rows: same, columns },
      { dims: [n, h, 1, columns.size * c], rows, columns: same },
    ];
  }
  return [
    { dims: [n, h, 1, w * c], rows, columns: same },
    { dims: [n * rows.size, 1, w, c], rows: same, columns },
  ];
}

/** (first, begin, end) of every window, rows before columns, and their weights one after the other. */
function tablesOf({ rows, columns }: Pass): { windows: Uint32Array; weights: Float32Array } {
  const windows = new Uint32Array(3 * (rows.size + columns.size));
  let at = 0;
  for (const [axis, shift] of [
    [rows, 0],
    [columns, rows.weights.length],
  ] as const) {
    for (let o = 0; o < axis.size; o++, at += 3) {
      windows.set([axis.first[o]!, axis.begin[o]! + shift, axis.begin[o + 1]! + shift], at);
    }
  }
  return { windows, weights: Float32Array.from([...rows.weights, ...columns.weights]) };
}

/** The plan of one or two passes; between two is a buffer of f32. */
export function planPasses({ caps, from, to }: ResampleProblem, passes: readonly Pass[]): KernelPlan {
  const [[source, x], [target, y]] = [from, to];
  const tables: Record<string, Uint32Array | Float32Array> = {};
  const scratch: Record<string, number> = {};
  const dispatches = passes.map((pass, k): Dispatch => {
    const [n, height, width, channels] = pass.dims;
    const last = k === passes.length - 1;
    // A fused epilogue counts on four lanes being four channels of one pixel.
    const elements = n * pass.rows.size * pass.columns.size * channels;
    const blocks = blocksOf(caps, elements, channels, lanesOf(last ? x.shape[3]! : channels));
    const { lanes, snippet, total } = blocks;
    const { windows, weights } = tablesOf(pass);
    tables[`windows${k}`] = windows;
    tables[`weights${k}`] = weights;
    if (!last) scratch.between = elements * 4;
    return {
      shader: resampleShader,
      snippets: last ? [snippet] : [epilogueNone, snippet],
      ...(last ? { epilogue: laneValue(lanes) } : {}),
      types: {
        T: laneType(lanes, k === 0 ? wgslType(x.dtype) : 'f32'),
        U: laneType(lanes, last ? wgslType(y.dtype) : 'f32'),
        ...(last ? {} : { V: laneValue(lanes) }),
      },
      constants: { LANES: lanes },
      params: {
        total,
        height,
        width,
        channels: blocks.channels,
        gap: blocks.gap,
        out_height: pass.rows.size,
        out_width: pass.columns.size,
      },
      bind: {
        src: k === 0 ? source : 'between',
        dst: last ? target : 'between',
        windows: `windows${k}`,
        weights: `weights${k}`,
      },
      grid: total,
    };
  });
  return { dispatches, tables, scratch };
}
