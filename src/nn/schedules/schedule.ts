import { UsageError } from '../../errors.ts';

/** The learning rate of step 0, 1, 2, … of a training: `optimizer.lr = schedule(step)`. */
export interface Schedule {
  (step: number): number;
  /** The momentum of a step, where the schedule has one: `optimizer.momentum = schedule.momentum(step)`. */
  readonly momentum?: (step: number) => number;
}

/** A schedule of the momentum too. */
export interface MomentumSchedule extends Schedule {
  /** The momentum of a step. */
  readonly momentum: (step: number) => number;
}

/** Numbers that are to be in a range, by the names of their options. */
type Numbers = Readonly<Record<string, unknown>>;

function expectAll(schedule: string, numbers: Numbers, what: string, fits: (value: number) => boolean): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value === 'number' && Number.isFinite(value) && fits(value)) continue;
    throw new UsageError(`${schedule}: ${name} must be ${what}, got ${String(value)}`);
  }
}

/** Throws UsageError unless each is a finite number above 0. */
export const expectAbove0 = (schedule: string, numbers: Numbers): void =>
  expectAll(schedule, numbers, 'a number above 0', (value) => value > 0);

/** Throws UsageError unless each is a finite number of at least 0. */
export const expectAtLeast0 = (schedule: string, numbers: Numbers): void =>
  expectAll(schedule, numbers, 'a number of at least 0', (value) => value >= 0);

/** Throws UsageError unless each is a number from 0 to 1. */
export const expectShare = (schedule: string, numbers: Numbers): void =>
  expectAll(schedule, numbers, 'a number from 0 to 1', (value) => value >= 0 && value <= 1);

/** Throws UsageError unless each is a number of steps of at least 1. */
export const expectSteps = (schedule: string, numbers: Numbers): void =>
  expectAll(schedule, numbers, 'a number of steps of at least 1', (value) => value >= 1);

/** How a value goes from one to another: along half a cosine, or a line. */
export type Anneal = 'cos' | 'linear';

const clamp01 = (t: number): number => Math.min(Math.max(t, 0), 1);

/** `from` at t = 0 and before, `to` at 1 and after. */
export const between = (anneal: Anneal, from: number, to: number, t: number): number =>
  anneal === 'cos'
    ? to + 0.5 * (from - to) * (1 + Math.cos(Math.PI * clamp01(t)))
    : from + (to - from) * clamp01(t);
