import type { Strategy } from '../../strategy.ts';
import { planBackward, planForward } from '../normPlans.ts';
import type { NormBackwardProblem, NormProblem } from '../normProblem.ts';

/** For rows of few positions: the partial moments of chunks would be as large as x. */
const isShort = ({ view: { positions, levels } }: NormBackwardProblem): boolean => positions < 16 && !levels;

export const normRows: Strategy<NormProblem> = {
  name: 'rows',
  possible: isShort,
  cost: () => 1 / 2,
  plan: (problem) => planForward(problem, true),
};

export const normBackwardRows: Strategy<NormBackwardProblem> = {
  name: 'rows',
  possible: (problem) => isShort(problem) && problem.view.rows > 1,
  cost: () => 1 / 2,
  plan: (problem) => planBackward(problem, true),
};
