import type { Caps } from '../../device/caps.ts';
import type { DType } from '../../shape.ts';
import across1 from '../../wgsl/lib/across_1.wgsl';
import across4 from '../../wgsl/lib/across_4.wgsl';
import chunkSnippet from '../../wgsl/norm/lib/chunk.wgsl';
import lanesSnippet from '../../wgsl/norm/lib/lanes.wgsl';
import stats1 from '../../wgsl/norm/lib/norm_stats_1.wgsl';
import stats4 from '../../wgsl/norm/lib/norm_stats_4.wgsl';
import storeChannels from '../../wgsl/norm/lib/norm_store_channels.wgsl';
import storeGroups from '../../wgsl/norm/lib/norm_store_groups.wgsl';
import sums1 from '../../wgsl/norm/lib/norm_sums_1.wgsl';
import sums4 from '../../wgsl/norm/lib/norm_sums_4.wgsl';
import sumsChannels from '../../wgsl/norm/lib/norm_sums_channels.wgsl';
import rowEqual from '../../wgsl/norm/lib/row_equal.wgsl';
import rowLevels from '../../wgsl/norm/lib/row_levels.wgsl';
import applyShader from '../../wgsl/norm/norm_apply.wgsl';
import backwardApplyShader from '../../wgsl/norm/norm_backward_apply.wgsl';
import backwardCombineShader from '../../wgsl/norm/norm_backward_combine.wgsl';
import backwardMomentsShader from '../../wgsl/norm/norm_backward_moments.wgsl';
import backwardRowsShader from '../../wgsl/norm/norm_backward_rows.wgsl';
import combineShader from '../../wgsl/norm/norm_combine.wgsl';
import momentsShader from '../../wgsl/norm/norm_moments.wgsl';
import rowMomentsShader from '../../wgsl/norm/norm_row_moments.wgsl';
import { type Dispatch, foldGrid, type KernelPlan, wgslType } from '../dispatch.ts';
import { levelTable } from '../levels.ts';
import type { Finish, NormBackwardProblem, NormProblem, NormView } from './normProblem.ts';

/** Channels that an invocation takes at a time. */
export const widthOf = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);

export const elementTypes = (dtype: DType, width: 1 | 4): Record<string, string> =>
  width === 4 ? { X: `vec4<${wgslType(dtype)}>`, A: 'vec4f' } : { X: wgslType(dtype), A: 'f32' };

interface Rows extends Pick<KernelPlan, 'tables'> {
  readonly snippet: string;
  readonly constants?: { readonly LEVELS: number };
}

/** How shaders find the positions of a row. */
export const rowsOf = ({ levels }: NormView): Rows =>
  levels
    ? { snippet: rowLevels, constants: { LEVELS: levels.length }, tables: { levels: levelTable(levels) } }
    : { snippet: rowEqual, tables: {} };

/** Every chunk holds at least one position, whichever way a length is split. */
function chunks(length: number, wanted: number): number {
  if (length === 0) return 1;
  const size = Math.ceil(length / Math.max(1, Math.min(wanted, length)));
  return Math.ceil(length / size);
}

/**
 * Into how many chunks sums over positions are split, `others` invocations running beside each: enough work
 * for all cores (GPUs want far more invocations than a software adapter), chunks of 16 to 1024 positions.
 */
function sumChunks(caps: Caps, others: number, positions: number): number {
  const invocations = caps.family === 'tile' ? 65536 : 2048;
  const wanted = Math.ceil(invocations / Math.max(others, 1));
  return chunks(
    positions,
    Math.max(Math.min(wanted, Math.ceil(positions / 16)), Math.ceil(positions / 1024)),
  );
}

/**
 * Chunks of an elementwise pass: what an invocation loads first is paid for by its positions. On two software
 * cores 64 took 0.9 of the time of 16, as long as every core has work; GPUs hide the loads behind invocations.
 */
function applyChunks(caps: Caps, others: number, positions: number): number {
  const most = Math.max(4, Math.min(64, Math.floor((others * positions) / 1024)));
  return chunks(positions, Math.ceil(positions / (caps.family === 'tile' ? 4 : most)));
}

/** Invocations on one result of a combining pass, and its grid. */
function lanes(caps: Caps, results: number, items: number) {
  const LANE_GROUP = caps.family === 'tile' ? 64 : 8;
  let LANES = 1;
  while (caps.family === 'tile' && LANES < LANE_GROUP && LANES * 4 <= items) LANES *= 2;
  return {
    constants: { LANES, LANE_GROUP },
    grid: foldGrid(Math.ceil((results * LANES) / LANE_GROUP) * 64),
  };
}

/** What the dispatches of a plan share. With sums by rows, which are short then, they walk the positions of all rows at once. */
function walk({ caps, view }: NormBackwardProblem, byRows = false) {
  const { channels, groups, dtype } = view;
  const perPosition = byRows && view.rows > 1;
  const [rows, positions] = perPosition ? [1, view.rows * view.positions] : [view.rows, view.positions];
  const width = widthOf(channels);
  const depth = channels / groups;
  const { snippet, constants, tables } = rowsOf(view);
  const others = (rows * channels) / width;
  return {
    perPosition,
    width,
    depth,
    others,
    positions,
    tables,
    snippets: [snippet, chunkSnippet],
    constants: {
      PER_POSITION: perPosition,
      INTERLEAVED: caps.family === 'tile',
      ALIGNED: depth % 4 === 0,
      ...constants,
    },
    types: elementTypes(dtype, width),
    /** So many chunks of each row. */
    over: (perRow: number) => ({
      params: {
        total: others * perRow,
        positions: perPosition ? positions : view.pixels,
        chunks: perRow,
        channels: channels / width,
        groups,
        depth,
        row: view.positions,
      },
      grid: others * perRow,
    }),
  };
}

/** A sum over each group of each row, where rows are short. */
function sumRows(
  { caps, view }: NormBackwardProblem,
  shader: string,
  { snippet, params }: Partial<Finish> & Pick<Finish, 'snippet'>,
): Dispatch {
  const { rows, positions, channels, groups, dtype } = view;
  const total = rows * groups;
  const count = (positions * channels) / groups;
  const width = widthOf(channels / groups);
  return {
    shader,
    snippets: [width === 4 ? across4 : across1, lanesSnippet, snippet],
    types: elementTypes(dtype, width),
    params: {
      total,
      positions,
      channels: channels / width,
      groups,
      depth: channels / groups / width,
      count,
      ...params,
    },
    ...lanes(caps, total, count / width),
  };
}

/** Mean and variance of every group, handed to `finish`. */
function planStatistics(problem: NormProblem, byRows = false): KernelPlan {
  const { caps, view, finish } = problem;
  if (byRows) return { dispatches: [sumRows(problem, rowMomentsShader, finish)] };
  const { width, depth, others, positions, snippets, constants, types, over } = walk(problem);
  const perRow = sumChunks(caps, others, positions);
  const { params, grid } = over(perRow);
  const { channels, groups, rows } = view;
  const total = rows * groups;
  const split = lanes(caps, total, perRow * depth);
  return {
    scratch: { means: grid * width * 4, squares: grid * width * 4 },
    dispatches: [
      { shader: momentsShader, snippets, types, constants, params, grid },
      {
        shader: combineShader,
        snippets: [...snippets, lanesSnippet, finish.snippet],
        constants: { ...constants, ...split.constants },
        params: { ...params, total, channels, ...finish.params },
        grid: split.grid,
      },
    ],
  };
}

/**
 * y, after the statistics: outputs `mean` and `invstd` hold them. Sums over positions are computed `byRows`, or from the moments
 * of chunks of rows.
 */
export function planForward(problem: NormProblem, byRows = false): KernelPlan {
  const { width, others, positions, tables, snippets, constants, types, over } = walk(problem, byRows);
  const { scratch = {}, dispatches } = planStatistics(problem, byRows);
  return {
    scratch,
    tables,
    dispatches: [
      ...dispatches,
      {
        shader: applyShader,
        snippets: [...snippets, width === 4 ? stats4 : stats1],
        types,
        constants: { ...constants, WIDTH: width },
        ...over(applyChunks(problem.caps, others, positions)),
        epilogue: width === 4 ? 'vec4f' : 'f32',
      },
    ],
  };
}

/** Adds up the sums of chunks: of each channel, or, weighted, of each group. */
function combine(
  caps: Caps,
  WEIGHTED: boolean,
  { rows, chunks, channels, groups }: { rows: number; chunks: number; channels: number; groups: number },
): Dispatch {
  const depth = channels / Math.max(groups, 1);
  const { constants, grid } = lanes(caps, rows * groups, chunks * depth);
  return {
    shader: backwardCombineShader,
    snippets: [lanesSnippet, WEIGHTED ? storeGroups : storeChannels],
    constants: { ...constants, WEIGHTED },
    params: { total: rows * groups, chunks, channels, groups, depth },
    grid,
  };
}

/** Gradients of bias and weight from the sums of so many chunks of each channel. */
export const combineChannels = (caps: Caps, channels: number, chunks: number): Dispatch =>
  combine(caps, false, { rows: 1, chunks, channels, groups: channels });

/** dx, dweight and dbias from dy, x, weight and the statistics. */
export function planBackward(problem: NormBackwardProblem, byRows = false): KernelPlan {
  const { caps, view } = problem;
  const { rows, channels, groups } = view;
  const { perPosition, width, depth, others, positions, tables, types, constants, over, ...walked } = walk(
    problem,
    byRows,
  );
  const snippets = [...walked.snippets, width === 4 ? stats4 : stats1];
  const chunks = sumChunks(caps, others, positions);
  const moments = over(chunks);
  const bytes = moments.grid * width * 4;
  // In batch norm a group is a channel of the only row, and dbias and dweight are the sums that dx needs.
  const CHANNEL_SUMS = rows === 1 && depth === 1;
  return {
    tables,
    scratch: {
      sums: bytes,
      sums_xhat: bytes,
      ...(CHANNEL_SUMS ? {} : { group_sums: rows * groups * 8 }),
    },
    dispatches: [
      { shader: backwardMomentsShader, snippets, types, constants, ...moments },
      combineChannels(caps, channels, perPosition ? chunks : rows * chunks),
      ...(perPosition
        ? [sumRows(problem, backwardRowsShader, { snippet: storeGroups })]
        : CHANNEL_SUMS
          ? []
          : [combine(caps, true, { rows, chunks, channels, groups })]),
      {
        shader: backwardApplyShader,
        snippets: [...snippets, CHANNEL_SUMS ? sumsChannels : width === 4 ? sums4 : sums1],
        types,
        constants: { ...constants, CHANNEL_SUMS },
        ...over(applyChunks(caps, others, positions)),
      },
    ],
  };
}
