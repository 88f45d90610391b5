import type { TensorSpec } from '../../shape.ts';
import type { Problem } from '../strategy.ts';

export type CdistProblem = Problem<
  { readonly a: TensorSpec; readonly b: TensorSpec },
  { readonly y: TensorSpec }
>;
