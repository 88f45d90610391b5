import type { Strategy } from '../../strategy.ts';
import { dimsOf, type ResampleProblem } from '../resampleProblem.ts';
import { planPasses } from './resamplePasses.ts';

/** Both axes at once. */
export const resampleDirect: Strategy<ResampleProblem> = {
  name: 'direct',
  plan: (problem) =>
    planPasses(problem, [{ dims: dimsOf(problem.from[1]), rows: problem.rows, columns: problem.columns }]),
};
