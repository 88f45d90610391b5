import cdistShader from '../../../wgsl/matrix/cdist_subgroup8.wgsl';
import turnShader from '../../../wgsl/matrix/cdist_turn.wgsl';
import { type Dispatch, wgslType } from '../../dispatch.ts';
import type { Strategy } from '../../strategy.ts';
import type { CdistProblem } from '../cdistProblem.ts';
import { foldBlocks } from './product.ts';

/** Rows of a and of b that a subgroup compares. */
const ROWS = 16;
const COLUMNS = 32;

/**
 * On software adapters with 8 lanes: the rows of b are turned into columns first, and subgroups do the rest without shared memory.
 */
export const cdistLanes8: Strategy<CdistProblem> = {
  name: 'lanes8',
  possible: ({ caps, outputs: { y }, specs: { a } }) =>
    caps.subgroupSize === 8 && y.shape[0]! * y.shape[1]! * a.shape[1]! > 0,
  // Measured on lavapipe, 512 x 20,000 rows of 784 values.
  cost: () => 1 / 6,
  plan({ specs: { a, b } }) {
    const [rows, width] = a.shape as [number, number];
    const count = b.shape[0]!;
    const stride = Math.ceil(count / 4) * 4;
    const across = Math.ceil(count / COLUMNS);
    const tiles = across * Math.ceil(rows / ROWS);
    const total = width * stride;
    const types = { T: wgslType(a.dtype) };
    const turn: Dispatch = {
      shader: turnShader,
      types,
      params: { total, count, width, stride },
      grid: total,
    };
    const compare: Dispatch = {
      shader: cdistShader,
      enable: ['subgroups'],
      types,
      params: { rows, count, width, stride, across, tiles },
      grid: foldBlocks(tiles, 1),
      epilogue: 'f32',
    };
    return {
      scratch: { turned: total * (a.dtype === 'f16' ? 2 : 4) },
      dispatches: [turn, compare],
    };
  },
};
