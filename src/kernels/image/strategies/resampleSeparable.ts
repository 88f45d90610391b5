import type { Strategy } from '../../strategy.ts';
import type { ResampleProblem } from '../resampleProblem.ts';
import { planPasses, separableCost, separablePasses } from './resamplePasses.ts';

/** One axis after the other, in the order that reads less. */
export const resampleSeparable: Strategy<ResampleProblem> = {
  name: 'separable',
  cost: separableCost,
  plan: (problem) => planPasses(problem, separablePasses(problem)),
};
