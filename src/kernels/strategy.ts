import type { Caps } from '../device/caps.ts';
import { FoveaError } from '../errors.ts';
import type { TensorSpec } from '../shape.ts';
import type { KernelPlan } from './dispatch.ts';

/** What a plan is for. */
export interface Purpose {
  /** Gradients are computed from it or with it, so that rounding matters more. */
  readonly training: boolean;
  /** The weights stay as they are from run to run: what is computed of them alone costs nothing. Default: false. */
  readonly fixedWeights?: boolean;
}

type AnySpecs = Readonly<Record<string, TensorSpec | undefined>>;

/** An operation to compute: on this device, for tensors of these shapes, with these attributes. */
export interface Problem<S = AnySpecs, Y = AnySpecs, A = unknown> {
  readonly caps: Caps;
  readonly specs: S;
  readonly outputs: Y;
  readonly attrs: A;
  readonly purpose: Purpose;
}

/** All names there are. Tuning remembers a strategy by its name, and FOVEA_STRATEGY forces it by its name. */
export const STRATEGY_NAMES = [
  'plain',
  'winograd4',
  'winograd2',
  'columns',
  'turned',
  'strip',
  'depthwise',
  'slide',
  'lanes4',
  'lanes4Narrow',
  'lanes4Flat',
  'lanes8',
  'lanes8Narrow',
  'lanes8Flat',
  'tile',
  'tile128x128',
  'tile128x64',
  'tile64x64',
  'tile64x32',
  'tile32x64',
  'tile32x32',
  'matrix128x128',
  'matrix64x64',
  'survivors',
  'blocks',
  'skipping',
  'bitmask',
  'rows',
  'windows',
  'pairs',
  'pixels',
  'listed',
  'direct',
  'separable',
  'chunks',
  'whole',
] as const;
/**
 * The name of a strategy: one of the ways to compute an operation. See docs/tuning.md.
 *
 * @useDeclaredType
 */
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/** One way to compute an operation, or a part that several operations share (a matrix product). */
export interface Strategy<P = Problem> {
  readonly name: StrategyName;
  /** Whether it can compute the problem on its device, and may be the fastest there. Default: always. */
  possible?(problem: P): boolean;
  /**
   * The expected time, relative to the plain strategy of the same operation, which costs 1. `ONLY_IF_TIMED` where nobody
   * has measured it to be faster. Asked only where it is possible. Default: 1.
   */
  cost?(problem: P): number;
  plan(problem: P): KernelPlan;
}

/** The cost of a strategy that is taken only where tuning has found it the fastest, or where it is asked for by name. */
export const ONLY_IF_TIMED = 1e9;

/**
 * A smaller problem that an operation may come down to, and strategies for that. `reduce` gives the smaller problem, or
 * undefined where the operation does not come down to it. (A method's type, so that one for a particular operation is
 * assignable to one for any.)
 */
export type Part<P, Q> = readonly [
  reduce: { reduce(problem: P): Q | undefined }['reduce'],
  ...lists: readonly (readonly Strategy<Q>[])[],
];

/** Strategies, or a function that loads them when a program first needs them. */
export type StrategiesOption = Strategies | (() => Promise<Strategies>);

/** The strategies of an operation: its own, and those of the smaller problems `Q` that it may come down to. */
export type Strategies<P = Problem, Q = unknown> = readonly (
  | Strategy<P>
  | (Q extends unknown ? Part<P, Q> : never)
)[];

/** A strategy that can compute a problem, with what that costs. */
export interface Candidate {
  readonly name: StrategyName;
  readonly cost: number;
  plan(): KernelPlan;
}

/** The strategies that can compute a problem, in the order of the list. */
export const candidates = <P, Q>(strategies: Strategies<P, Q>, problem: P): Candidate[] =>
  strategies.flatMap((entry) => {
    if ('plan' in entry) {
      if (entry.possible?.(problem) === false) return [];
      return { name: entry.name, cost: entry.cost?.(problem) ?? 1, plan: () => entry.plan(problem) };
    }
    const [reduce, ...lists] = entry;
    const reduced = reduce(problem);
    return reduced ? candidates(lists.flat(), reduced) : [];
  });

/** The one rule by which a strategy is chosen where nothing was timed: the cheapest, of equals the first in the list. */
export const choose = (all: readonly Candidate[]): Candidate =>
  all.reduce((best, next) => (next.cost < best.cost ? next : best));

/** The plan of the strategy that is chosen for a problem. */
export const planBy = <P, Q>(strategies: Strategies<P, Q>, problem: P): KernelPlan =>
  choose(candidates(strategies, problem)).plan();

/** The plan of a kernel on its own. Throws FoveaError for feature pyramids: their strategies load with programs. */
export const planAlone = <S, Y, A, Q>(
  strategies: Strategies<Problem<S, Y, A>, Q>,
  caps: Caps,
  specs: S,
  outputs: Y,
  attrs: A,
): KernelPlan => {
  const all = candidates(strategies, { caps, specs, outputs, attrs, purpose: { training: false } });
  if (all.length === 0) throw new FoveaError('levels: for programs only; use openGpu');
  return choose(all).plan();
};

/** All names in a list, those of smaller problems too. */
export const namesIn = (strategies: Strategies): StrategyName[] =>
  strategies.flatMap((entry) => {
    if ('plan' in entry) return [entry.name];
    const [, ...lists] = entry;
    return lists.flat().map(({ name }) => name);
  });

/** Throws FoveaError for a name that no strategy has. */
export function expectStrategy(doing: string, name: string): StrategyName {
  const known = STRATEGY_NAMES.find((strategy) => strategy === name);
  if (known) return known;
  throw new FoveaError(`${doing}: there is no strategy "${name}"; choose ${STRATEGY_NAMES.join(', ')}`);
}
