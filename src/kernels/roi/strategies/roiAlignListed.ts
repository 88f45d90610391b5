import { numel } from '../../../shape.ts';
import axis from '../../../wgsl/roi/lib/roi_align_axis.wgsl';
import weight from '../../../wgsl/roi/lib/roi_align_weight.wgsl';
import roiAlignListedShader from '../../../wgsl/roi/roi_align_listed.wgsl';
import roiAlignListsShader from '../../../wgsl/roi/roi_align_lists.wgsl';
import type { KernelPlan } from '../../dispatch.ts';
import { lanesOf, laneTypes, laneValue } from '../../spatial.ts';
import type { Strategy } from '../../strategy.ts';
import { LIST_BYTES } from '../roi.ts';
import type { RoiAlignProblem } from '../roiAlignProblem.ts';

/** The plan, or undefined where the lists or the grid do not hold it. */
function planOf({ specs: { x, rois }, outputs: { y }, attrs }: RoiAlignProblem): KernelPlan | undefined {
  const { outputSize, spatialScale, samplingRatio, aligned } = attrs;
  const [images, height, width, c] = x.shape as [number, number, number, number];
  const [pooledH, pooledW] = outputSize;
  const lanes = lanesOf(c);
  const channels = c / lanes;
  const COLUMNS = Math.min(64, 2 ** Math.ceil(Math.log2(Math.max(channels, 1))));
  const ROWS = 64 / COLUMNS;
  const regions = numel(y.shape) === 0 ? 0 : rois.shape[0]!;
  const fours = Math.ceil(pooledW / 4);
  // A sample touches two cells. Two rows share an entry.
  const touched = (size: number, bins: number) =>
    samplingRatio > 0 ? Math.min(size, 2 * samplingRatio * bins) : size;
  const rowRoom = Math.ceil(touched(height, 1) / 2);
  const columnRoom = touched(width, 4);
  const lists = regions * (pooledH + fours);
  const scratch = {
    words: (lists + regions * fours * columnRoom) * 4,
    rows: regions * pooledH * rowRoom * 16,
    columns: regions * fours * columnRoom * 16,
  };
  const grid = [Math.ceil(channels / COLUMNS), Math.ceil(regions / ROWS), pooledH * fours] as const;
  if (Math.max(...grid) > 65535 || Math.max(...Object.values(scratch)) > LIST_BYTES) return undefined;
  const shape = { pooled_h: pooledH, pooled_w: pooledW, fours, row_room: rowRoom, column_room: columnRoom };
  return {
    scratch,
    dispatches: [
      {
        shader: roiAlignListsShader,
        snippets: [axis, weight],
        constants: { ALIGNED: aligned },
        params: {
          total: lists,
          images,
          height,
          width,
          scale: spatialScale,
          samples: samplingRatio,
          ...shape,
        },
        grid: lists,
      },
      {
        shader: roiAlignListedShader,
        types: laneTypes(lanes, x),
        constants: { LANES: lanes, COLUMNS, ROWS },
        params: { regions, channels, below: width * channels, ...shape },
        bind: { src: 'x', dst: 'y' },
        grid,
        epilogue: laneValue(lanes),
      },
    ],
  };
}

/** For software adapters: cells and weights are listed first, so that no invocation works them out again. */
export const listed: Strategy<RoiAlignProblem> = {
  name: 'listed',
  possible: (problem) => problem.caps.family === 'subgroup' && planOf(problem) !== undefined,
  // Less than 1 since it has always been preferred where it fits; how much faster it is was not recorded.
  cost: () => 0.5,
  plan: (problem) => planOf(problem)!,
};
