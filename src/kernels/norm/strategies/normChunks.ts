import type { Strategy } from '../../strategy.ts';
import { planBackward, planForward } from '../normPlans.ts';
import type { NormBackwardProblem, NormProblem } from '../normProblem.ts';

/** Partial moments of chunks of rows, and then their combination. */
export const normChunks: Strategy<NormProblem> = {
  name: 'chunks',
  possible: ({ view: { positions } }) => positions > 0,
  plan: planForward,
};

export const normBackwardChunks: Strategy<NormBackwardProblem> = {
  name: 'chunks',
  plan: planBackward,
};
