import across1 from '../../../wgsl/lib/across_1.wgsl';
import across4 from '../../../wgsl/lib/across_4.wgsl';
import blockSums from '../../../wgsl/norm/lib/block_sums.wgsl';
import channelsApart from '../../../wgsl/norm/lib/channels_apart.wgsl';
import firstDy from '../../../wgsl/norm/lib/first_dy.wgsl';
import firstX from '../../../wgsl/norm/lib/first_x.wgsl';
import finishEach1 from '../../../wgsl/norm/lib/norm_finish_each_1.wgsl';
import finishEach4 from '../../../wgsl/norm/lib/norm_finish_each_4.wgsl';
import wholeChannelSums from '../../../wgsl/norm/lib/whole_channel_sums.wgsl';
import applyShader from '../../../wgsl/norm/norm_block_apply.wgsl';
import backwardApplyShader from '../../../wgsl/norm/norm_block_backward_apply.wgsl';
import backwardMomentsShader from '../../../wgsl/norm/norm_block_backward_moments.wgsl';
import momentsShader from '../../../wgsl/norm/norm_block_moments.wgsl';
import { type Dispatch, foldGrid } from '../../dispatch.ts';
import { readParts } from '../../elementwise/firstParts.ts';
import { DISPATCH, FLOATS } from '../../gpuCosts.ts';
import type { Strategy } from '../../strategy.ts';
import { elementTypes, rowsOf } from '../normPlans.ts';
import type { NormBackwardProblem, NormProblem, NormView } from '../normProblem.ts';
import { chunkCycles, elementsOf, FLOATS_OF_ONE, fits, layoutOf, MOST } from './normWhole.ts';

/** Channels of a block, unless a group has more: neighbouring invocations read 256 bytes, and few partial results are read again. */
const CHANNELS = 64;
/** Floats that caches give in a cycle, for all multiprocessors: twice those of memory, at least. */
const CACHED = 2 * FLOATS;
/** Channels of a group at most, in vectors or numbers. */
const DEEPEST = 64;

/** The largest divisor of n up to this. */
function divisor(n: number, most: number): number {
  let d = Math.max(1, Math.min(n, Math.floor(most)));
  while (n % d !== 0) d--;
  return d;
}

/** Which workgroups own what, but for the chunks. */
function blocksOf(view: NormView) {
  const { apart, width, depth, perRow } = layoutOf(view);
  const lanes = depth * divisor(perRow, CHANNELS / width / depth);
  const slots = Math.max(1, Math.floor(MOST / lanes));
  return { apart, width, depth, lanes, slots, blocks: (perRow * depth) / lanes };
}

/** Cycles with so many chunks of each row: a few workgroups do not fill the device, many read many partial results. */
function cyclesWith(view: NormView, passes: number, chunks: number): number {
  const { width, lanes, blocks } = blocksOf(view);
  const workgroups = view.rows * blocks * chunks;
  const again = 2 * workgroups * chunks * lanes * width;
  return (passes * elementsOf(view)) / Math.min(workgroups * FLOATS_OF_ONE, FLOATS) + again / CACHED;
}

/** The number of chunks that takes the least cycles. */
function chunksOf(view: NormView, passes: number): number {
  const most = Math.ceil(view.positions / blocksOf(view).slots);
  let best = 1;
  for (let chunks = 2; chunks <= Math.min(most, 512); chunks++) {
    if (cyclesWith(view, passes, chunks) < cyclesWith(view, passes, best)) best = chunks;
  }
  return best;
}

/** Of two that take about as long, the one with fewer dispatches: submitting one takes the process time, too. */
const cyclesOf = (view: NormView, passes: number): number =>
  1.5 * DISPATCH + cyclesWith(view, passes, chunksOf(view, passes));

/** What the four dispatches share. */
function shared(view: NormView, passes: number) {
  const { apart, width, depth, lanes, slots, blocks } = blocksOf(view);
  const chunks = chunksOf(view, passes);
  const { snippet, constants, tables } = rowsOf(view);
  const inFours = apart && width === 4;
  const { rows, channels, groups, dtype, pixels } = view;
  const total = rows * blocks * chunks;
  const [A, S] = [width === 4 ? 'vec4f' : 'f32', inFours ? 'vec4f' : 'f32'];
  return {
    width,
    inFours,
    tables: tables ?? {},
    scratch: { partials: rows * chunks * channels * 8 },
    A,
    S,
    snippets: [snippet, blockSums],
    across: inFours ? channelsApart : width === 4 ? across4 : across1,
    dispatch: {
      types: { ...elementTypes(dtype, width), S },
      constants: { ACROSS: lanes * slots, ...constants },
      params: {
        total,
        rows,
        positions: pixels,
        channels: channels / width,
        chunks,
        lanes,
        blocks,
        depth,
        each: channels / groups,
        splits: 0,
        elements: elementsOf(view) / width,
      },
      grid: foldGrid(total * 64),
    },
  };
}

/** Parts of what is read first are added up here, as fast as a dispatch of their own would. */
const firstIn = (tensor: string, snippet: string): NonNullable<Dispatch['first']> => ({
  tensor,
  pays: () => true,
  of: (dispatch, sum, binding) => readParts(dispatch, tensor, snippet, sum, binding),
});

/** With few positions partial results would be as large as x. */
const isLong = ({ view }: NormBackwardProblem): boolean =>
  view.positions >= 16 && layoutOf(view).depth <= DEEPEST;

/** Moments of chunks, which the workgroups that apply them combine themselves: each for its own groups. */
export const normBlocks: Strategy<NormProblem> = {
  name: 'blocks',
  possible: (problem) => fits(problem, 5 + problem.finish.buffers) && isLong(problem),
  cost: ({ view }) => cyclesOf(view, 3) / chunkCycles(view, 3, 3),
  plan({ view, finish }) {
    const { width, inFours, tables, scratch, A, S, snippets, across, dispatch } = shared(view, 3);
    return {
      tables,
      scratch,
      dispatches: [
        {
          ...dispatch,
          shader: momentsShader,
          snippets: [...snippets, firstX],
          types: { ...dispatch.types, Q: A },
          first: firstIn('x', firstX),
        },
        {
          ...dispatch,
          shader: applyShader,
          snippets: [...snippets, across, finish.snippet, inFours ? finishEach4 : finishEach1],
          types: { ...dispatch.types, Q: S },
          constants: { ...dispatch.constants, WIDTH: width },
          params: { ...dispatch.params, ...finish.params },
          epilogue: width === 4 ? 'vec4f' : 'f32',
        },
      ],
    };
  },
};

/** The gradients likewise. */
export const normBackwardBlocks: Strategy<NormBackwardProblem> = {
  name: 'blocks',
  possible: (problem) => fits(problem, 9) && isLong(problem),
  cost: ({ view }) => cyclesOf(view, 5) / chunkCycles(view, view.groups === view.channels ? 3 : 4, 5),
  plan({ view }) {
    const { tables, scratch, A, S, snippets, across, dispatch } = shared(view, 5);
    return {
      tables,
      scratch,
      dispatches: [
        {
          ...dispatch,
          shader: backwardMomentsShader,
          snippets: [...snippets, firstDy],
          types: { ...dispatch.types, Q: A },
          first: firstIn('dy', firstDy),
        },
        {
          ...dispatch,
          shader: backwardApplyShader,
          snippets: [...snippets, across, wholeChannelSums],
          types: { ...dispatch.types, Q: S },
        },
      ],
    };
  },
};
