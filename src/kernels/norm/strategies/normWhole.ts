import { numel } from '../../../shape.ts';
import across1 from '../../../wgsl/lib/across_1.wgsl';
import across4 from '../../../wgsl/lib/across_4.wgsl';
import channelsApart from '../../../wgsl/norm/lib/channels_apart.wgsl';
import firstDy from '../../../wgsl/norm/lib/first_dy.wgsl';
import firstX from '../../../wgsl/norm/lib/first_x.wgsl';
import finishEach1 from '../../../wgsl/norm/lib/norm_finish_each_1.wgsl';
import finishEach4 from '../../../wgsl/norm/lib/norm_finish_each_4.wgsl';
import wholeChannelSums from '../../../wgsl/norm/lib/whole_channel_sums.wgsl';
import wholeSums from '../../../wgsl/norm/lib/whole_sums.wgsl';
import backwardShader from '../../../wgsl/norm/norm_backward_whole.wgsl';
import forwardShader from '../../../wgsl/norm/norm_whole.wgsl';
import { type Dispatch, foldGrid } from '../../dispatch.ts';
import { readParts } from '../../elementwise/firstParts.ts';
import { DISPATCH, FLOATS, MULTIPROCESSORS } from '../../gpuCosts.ts';
import type { Strategy } from '../../strategy.ts';
import { combineChannels, elementTypes, rowsOf, widthOf } from '../normPlans.ts';
import type { NormBackwardProblem, NormProblem, NormView } from '../normProblem.ts';

/** Invocations of a workgroup, at most. */
export const MOST = 256;
/** Floats that one workgroup reads or writes in a cycle, about: four numbers of each invocation a memory latency. */
export const FLOATS_OF_ONE = 4;

/** Which invocations own what. */
export function layoutOf({ rows, positions, channels, groups }: NormView) {
  const inGroup = channels / groups;
  const apart = inGroup === 1;
  const width = apart ? widthOf(channels) : widthOf(inGroup);
  const depth = apart ? 1 : inGroup / width;
  const perRow = apart ? channels / width : groups;
  const step = Math.max(1, Math.min(Math.floor(MOST / depth), positions));
  return { apart, width, depth, perRow, step, across: step * depth, total: rows * perRow };
}

/** Elements of x. */
export const elementsOf = ({ rows, levels, pixels, channels }: NormView): number =>
  (rows / (levels?.length ?? 1)) * pixels * channels;

/** Cycles with a workgroup for each group (or four channels): those of the multiprocessor that has most of them. */
function wholeCycles(view: NormView, passes: number): number {
  const { total, perRow } = layoutOf(view);
  const lengths = view.levels?.map(numel) ?? [view.positions];
  const turns = Math.ceil(total / lengths.length / MULTIPROCESSORS);
  const positions = lengths.reduce((sum, length) => sum + length);
  return (turns * passes * positions * view.channels) / perRow / FLOATS_OF_ONE;
}

/** Cycles in chunks: so many dispatches, each of which waits for the one before. */
export const chunkCycles = (view: NormView, dispatches: number, passes: number): number =>
  (dispatches - 1) * DISPATCH + (passes * elementsOf(view)) / FLOATS;

/** Parts of what is read first are added up here, where that takes less time than a dispatch of their own. */
const firstIn = (view: NormView, tensor: string, snippet: string): NonNullable<Dispatch['first']> => ({
  tensor,
  pays: (splits) => wholeCycles(view, splits) < DISPATCH,
  of: (dispatch, sum, binding) => readParts(dispatch, tensor, snippet, sum, binding),
});

/** What the dispatches of both directions share: `tensor` is what they read first. */
function wholeOf(view: NormView, tensor: string, snippet: string) {
  const { apart, width, depth, step, across, total, perRow } = layoutOf(view);
  const { channels, groups, dtype } = view;
  const inFours = apart && width === 4;
  const { tables, ...row } = rowsOf(view);
  return {
    width,
    inFours,
    tables,
    snippets: [row.snippet, inFours ? channelsApart : width === 4 ? across4 : across1, wholeSums, snippet],
    dispatch: {
      types: { ...elementTypes(dtype, width), S: inFours ? 'vec4f' : 'f32' },
      constants: { ACROSS: across, ...row.constants },
      first: firstIn(view, tensor, snippet),
      grid: foldGrid(total * 64),
    },
    params: {
      total,
      positions: view.pixels,
      channels: channels / width,
      groups: perRow,
      depth,
      step,
      each: channels / groups,
      splits: 0,
      elements: elementsOf(view) / width,
    },
  };
}

/** `buffers` are bound, and one more with the table of levels. */
export const fits = ({ caps, view }: NormBackwardProblem, buffers: number): boolean =>
  caps.family === 'tile' &&
  elementsOf(view) > 0 &&
  layoutOf(view).depth <= MOST &&
  caps.maxStorageBuffers >= buffers + (view.levels ? 1 : 0);

/** Statistics, and what is normalised by them, in one dispatch: a workgroup has whole groups. */
export const normWhole: Strategy<NormProblem> = {
  name: 'whole',
  possible: (problem) => fits(problem, 4 + problem.finish.buffers),
  cost: ({ view }) => wholeCycles(view, 4) / chunkCycles(view, 3, 3),
  plan({ view, finish }) {
    const { width, inFours, tables, snippets, dispatch, params } = wholeOf(view, 'x', firstX);
    return {
      tables,
      dispatches: [
        {
          ...dispatch,
          shader: forwardShader,
          snippets: [...snippets, finish.snippet, inFours ? finishEach4 : finishEach1],
          constants: { ...dispatch.constants, WIDTH: width },
          params: { ...params, ...finish.params },
          epilogue: width === 4 ? 'vec4f' : 'f32',
        },
      ],
    };
  },
};

/** The gradients likewise, with a second dispatch where there are several rows: it adds up the sums of their channels. */
export const normBackwardWhole: Strategy<NormBackwardProblem> = {
  name: 'whole',
  // With few positions the sums of each row's channels are as large as x.
  possible: (problem) => fits(problem, 8) && (problem.view.rows === 1 || problem.view.positions >= 16),
  cost: ({ view }) => {
    const more = view.rows > 1 ? DISPATCH : 0;
    return (wholeCycles(view, 5) + more) / chunkCycles(view, view.groups === view.channels ? 3 : 4, 5);
  },
  plan({ caps, view: { rows, channels }, view }) {
    const { tables, snippets, dispatch, params } = wholeOf(view, 'dy', firstDy);
    const whole = {
      ...dispatch,
      shader: backwardShader,
      snippets: [...snippets, wholeChannelSums],
      params,
      ...(rows === 1 ? { bind: { sums: 'dbias', sums_xhat: 'dweight' } } : {}),
    };
    if (rows === 1) return { tables, dispatches: [whole] };
    const bytes = rows * channels * 4;
    return {
      tables,
      scratch: { sums: bytes, sums_xhat: bytes },
      dispatches: [whole, combineChannels(caps, channels, rows)],
    };
  },
};
