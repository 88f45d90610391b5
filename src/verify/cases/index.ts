import { boxCases } from './boxes.ts';
import type { Case } from './case.ts';
import { convCases } from './conv.ts';
import { cumulativeCases } from './cumulative.ts';
import { elementwiseCases } from './elementwise.ts';
import { fusionCases } from './fusion.ts';
import { gatherCases } from './gather.ts';
import { indexingCases } from './indexing.ts';
import { lossCases } from './losses.ts';
import { normCases } from './norm.ts';
import { optimizerCases } from './optimizers.ts';
import { panopticCases } from './panoptic.ts';
import { poolCases } from './pool.ts';
import { reduceCases } from './reduce.ts';
import { resampleCases } from './resample.ts';
import { roiCases } from './roi.ts';
import { shapeCases } from './shape.ts';
import { sortCases } from './sort.ts';
import { zeroCases } from './zero.ts';

/** One table for all operations: it drives correctness, gradient checks and benchmarks. */
export const cases: readonly Case[] = [
  ...elementwiseCases,
  ...convCases,
  ...gatherCases,
  ...indexingCases,
  ...sortCases,
  ...boxCases,
  ...fusionCases,
  ...lossCases,
  ...poolCases,
  ...resampleCases,
  ...roiCases,
  ...panopticCases,
  ...reduceCases,
  ...cumulativeCases,
  ...normCases,
  ...shapeCases,
  ...optimizerCases,
  ...zeroCases,
];
