import type { Row, Sizes } from '../workload.ts';
import { convRows } from './conv.ts';
import { detectionRows } from './detection.ts';
import { gemmRows } from './gemm.ts';
import { layerRows } from './layers.ts';
import { lossRows } from './losses.ts';
import { networkRows } from './networks.ts';
import { optimizerRows } from './optimizer.ts';
import { pyramidRows } from './pyramid.ts';

/** Every workload, in the order of the table. */
export const allRows = (sizes: Sizes): Row[] => [
  ...gemmRows(sizes),
  ...convRows(sizes),
  ...layerRows(sizes),
  ...lossRows(sizes),
  ...detectionRows(sizes),
  ...pyramidRows(sizes),
  ...optimizerRows(sizes),
  ...networkRows(sizes),
];
