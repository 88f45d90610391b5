import cdistShader from '../../../wgsl/matrix/cdist.wgsl';
import { foldGrid, wgslType } from '../../kernel.ts';
import type { Strategy } from '../../strategy.ts';
import { type CdistProblem, sumOf } from '../cdistProblem.ts';

/** Rows of a and of b that a workgroup compares. */
const TILE = 32;

/** A workgroup shares tiles of a and of b in memory. */
export const cdistTile: Strategy<CdistProblem> = {
  name: 'tile',
  plan({ specs: { a, b }, attrs }) {
    const [rows, width] = a.shape as [number, number];
    const count = b.shape[0]!;
    const across = Math.ceil(count / TILE);
    const tiles = across * Math.ceil(rows / TILE);
    return {
      dispatches: [
        {
          shader: cdistShader,
          snippets: [sumOf(attrs)],
          types: { T: wgslType(a.dtype) },
          params: { rows, count, width, across, tiles },
          grid: foldGrid(tiles * 64),
          epilogue: 'f32',
        },
      ],
    };
  },
};
