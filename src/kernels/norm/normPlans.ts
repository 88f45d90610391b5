import type { Caps } from '../../device/caps.ts';
import type { DType } from '../../shape.ts';
import across1 from '../../wgsl/lib/across_1.wgsl';
import across4 from '../../wgsl/lib/across_4.wgsl';
import chunkSnippet from '../../wgsl/norm/lib/chunk.wgsl';
import lanesSnippet from '../../wgsl/norm/lib/lanes.wgsl';
import stats1 from '../../wgsl/norm/lib/norm_stats_1.wgsl';
import stats4 from '../../wgsl/norm/lib/norm_stats_4.wgsl';
import sums1 from '../../wgsl/norm/lib/norm_sums_1.wgsl';
import sums4 from '../../wgsl/norm/lib/norm_sums_4.wgsl';
import applyShader from '../../wgsl/norm/norm_apply.wgsl';
import backwardApplyShader from '../../wgsl/norm/norm_backward_apply.wgsl';
import backwardCombineShader from '../../wgsl/norm/norm_backward_combine.wgsl';
import backwardMomentsShader from '../../wgsl/norm/norm_backward_moments.wgsl';
import backwardRowsShader from '../../wgsl/norm/norm_backward_rows.wgsl';
import combineShader from '../../wgsl/norm/norm_combine.wgsl';
import momentsShader from '../../wgsl/norm/norm_moments.wgsl';
import rowMomentsShader from '../../wgsl/norm/norm_row_moments.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../kernel.ts';
import type { NormBackwardProblem, NormProblem, NormView } from './normProblem.ts';

/** Channels that an invocation takes at a time. */
export const widthOf = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);

export const elementTypes = (dtype: DType, width: 1 | 4): Record<string, string> =>
  width === 4 ? { X: `vec4<${wgslType(dtype)}>`, A: 'vec4f' } : { X: wgslType(dtype), A: 'f32' };

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

const interleaved = (caps: Caps): boolean => caps.family === 'tile';

/** Invocations on one result of a combining pass, and its grid. */
function lanes(caps: Caps, results: number, items: number) {
  const LANE_GROUP = caps.family === 'tile' ? 64 : 8;
  let LANES = 1;
  while (caps.family === 'tile' && LANES < LANE_GROUP && LANES * 4 <= items) LANES *= 2;
  const groups = Math.ceil((results * LANES) / LANE_GROUP);
  const folds = Math.max(1, Math.ceil(groups / 65535));
  return {
    constants: { LANES, LANE_GROUP },
    grid: [Math.ceil(groups / folds), groups === 0 ? 0 : folds, 1] as const,
  };
}

/** How sums over positions are computed: a row at a time, or from the moments of chunks of rows. */
export type SumsBy = 'rows' | 'chunks';

/** Positions as an elementwise pass or a sum over channels walks them; where rows are short, over all rows at once. */
function walk({ rows, positions, channels, groups }: NormView, by: SumsBy) {
  const perPosition = by === 'rows' && rows > 1;
  const depth = channels / groups;
  return {
    rows: perPosition ? 1 : rows,
    positions: perPosition ? rows * positions : positions,
    row: Math.max(perPosition ? positions : 1, 1),
    perPosition,
    depth,
    constants: {
      PER_POSITION: perPosition,
      ...(widthOf(channels) === 4 ? { ALIGNED: depth % 4 === 0 } : {}),
    },
  };
}

/** Mean and variance of every group, handed to `finish`. */
function planStatistics({ caps, view, finish }: NormProblem, by: SumsBy): KernelPlan {
  const { rows, positions, channels, groups, dtype } = view;
  const depth = channels / groups;
  const results = rows * groups;
  const bind = finish.bind ? { bind: finish.bind } : {};
  if (by === 'rows') {
    const width = widthOf(depth);
    const { constants, grid } = lanes(caps, results, (positions * depth) / width);
    return {
      dispatches: [
        {
          shader: rowMomentsShader,
          snippets: [width === 4 ? across4 : across1, lanesSnippet, finish.snippet],
          types: elementTypes(dtype, width),
          constants,
          params: {
            total: results,
            positions,
            channels: channels / width,
            groups,
            depth: depth / width,
            count: positions * depth,
            ...finish.params,
          },
          ...bind,
          grid,
        },
      ],
    };
  }
  const width = widthOf(channels);
  const perRow = sumChunks(caps, (rows * channels) / width, positions);
  const total = (rows * perRow * channels) / width;
  const { constants, grid } = lanes(caps, results, perRow * depth);
  const INTERLEAVED = interleaved(caps);
  return {
    scratch: { means: total * width * 4, squares: total * width * 4 },
    dispatches: [
      {
        shader: momentsShader,
        snippets: [chunkSnippet],
        types: elementTypes(dtype, width),
        constants: { INTERLEAVED },
        params: { total, positions, chunks: perRow, channels: channels / width },
        grid: total,
      },
      {
        shader: combineShader,
        snippets: [chunkSnippet, lanesSnippet, finish.snippet],
        constants: { ...constants, INTERLEAVED },
        params: { total: results, positions, chunks: perRow, channels, groups, depth, ...finish.params },
        ...bind,
        grid,
      },
    ],
  };
}

/** y, after the statistics: outputs `mean` and `invstd` hold them. */
export function planForward(problem: NormProblem, by: SumsBy): KernelPlan {
  const { caps, view } = problem;
  const { channels, groups, dtype } = view;
  const width = widthOf(channels);
  const statistics = planStatistics(problem, by);
  const { rows, positions, row, depth, constants } = walk(view, by);
  const perRow = applyChunks(caps, (rows * channels) / width, positions);
  const total = positions === 0 ? 0 : (rows * perRow * channels) / width;
  return {
    scratch: statistics.scratch ?? {},
    dispatches: [
      ...statistics.dispatches,
      {
        shader: applyShader,
        snippets: [chunkSnippet, width === 4 ? stats4 : stats1],
        types: elementTypes(dtype, width),
        constants: { ...constants, WIDTH: width, INTERLEAVED: interleaved(caps) },
        params: { total, positions, chunks: perRow, channels: channels / width, groups, depth, row },
        epilogue: width === 4 ? 'vec4f' : 'f32',
        grid: total,
      },
    ],
  };
}

/** Adds up the sums of chunks: of each channel, or, weighted, of each group. */
function combine(
  caps: Caps,
  weighted: boolean,
  { rows, chunks, channels, groups }: { rows: number; chunks: number; channels: number; groups: number },
): Dispatch {
  const split = lanes(caps, rows * groups, (chunks * channels) / Math.max(groups, 1));
  return {
    shader: backwardCombineShader,
    snippets: [lanesSnippet],
    constants: { ...split.constants, WEIGHTED: weighted },
    params: { total: rows * groups, chunks, channels, groups, depth: channels / Math.max(groups, 1) },
    bind: {
      sums: 'partial_sums',
      sums_xhat: 'partial_sums_xhat',
      ...(weighted ? { first: 'sums', second: 'sums_xhat' } : { first: 'dbias', second: 'dweight' }),
    },
    grid: split.grid,
  };
}

/** Gradients of bias and weight from the sums of so many chunks of each channel. */
export const combineChannels = (caps: Caps, channels: number, chunks: number): Dispatch =>
  combine(caps, false, { rows: 1, chunks, channels, groups: channels });

/** dx, dweight and dbias from dy, x, weight and the statistics. */
export function planBackward({ caps, view }: NormBackwardProblem, by: SumsBy): KernelPlan {
  const { channels, groups, dtype } = view;
  const width = widthOf(channels);
  const types = elementTypes(dtype, width);
  const { rows, positions, row, perPosition, depth, constants } = walk(view, by);
  const INTERLEAVED = interleaved(caps);
  const snippets = [chunkSnippet, width === 4 ? stats4 : stats1];

  const perRow = sumChunks(caps, (rows * channels) / width, positions);
  const partials = (rows * perRow * channels) / width;
  const dispatches: Dispatch[] = [
    {
      shader: backwardMomentsShader,
      snippets,
      types,
      constants: { ...constants, INTERLEAVED },
      params: { total: partials, positions, chunks: perRow, channels: channels / width, groups, depth, row },
      bind: { sums: 'partial_sums', sums_xhat: 'partial_sums_xhat' },
      grid: partials,
    },
  ];
  dispatches.push(combineChannels(caps, channels, rows * perRow));

  // In batch norm a group is a channel of the only row, and dbias and dweight are the sums that dx needs.
  const channelSums = view.rows === 1 && depth === 1;
  if (perPosition) {
    const rowWidth = widthOf(depth);
    const results = view.rows * groups;
    const split = lanes(caps, results, (view.positions * depth) / rowWidth);
    dispatches.push({
      shader: backwardRowsShader,
      snippets: [rowWidth === 4 ? across4 : across1, lanesSnippet],
      types: elementTypes(dtype, rowWidth),
      constants: split.constants,
      params: {
        total: results,
        positions: view.positions,
        channels: channels / rowWidth,
        groups,
        depth: depth / rowWidth,
      },
      grid: split.grid,
    });
  } else if (!channelSums) {
    dispatches.push(combine(caps, true, { rows, chunks: perRow, channels, groups }));
  }

  const applied = applyChunks(caps, (rows * channels) / width, positions);
  const total = positions === 0 ? 0 : (rows * applied * channels) / width;
  dispatches.push({
    shader: backwardApplyShader,
    snippets: [...snippets, width === 4 ? sums4 : sums1],
    types,
    constants: { ...constants, INTERLEAVED, CHANNEL_SUMS: channelSums },
    params: {
      total,
      positions,
      chunks: applied,
      channels: channels / width,
      groups,
      depth,
      row,
      count: view.positions * depth,
    },
    ...(channelSums ? { bind: { sums: 'dbias', sums_xhat: 'dweight' } } : {}),
    grid: total,
  });
  return {
    dispatches,
    scratch: {
      partial_sums: partials * width * 4,
      partial_sums_xhat: partials * width * 4,
      ...(channelSums ? {} : { sums: view.rows * groups * 4, sums_xhat: view.rows * groups * 4 }),
    },
  };
}
