// Runs steps one after the other within a budget of time, and tells after each what is known by then.
import { boundOf, LEAST } from './budget.mjs';

/** @typedef {import('./budget.mjs').Share} Share */
/** @typedef {import('./child.mjs').Ended} Ended */

/**
 * @typedef {object} Outcome
 * @property {'waiting' | 'running' | 'done' | 'failed' | 'time' | 'left out'} status `time`: its time was up before it was done.
 * @property {string} [why]
 * @property {number | string} [exit]
 * @property {number} [bound] Seconds that it had.
 * @property {number} [seconds] Seconds that it took.
 */

/** A step that has itself left out something because its time was up exits with this. */
export const OUT_OF_TIME = 3;

/**
 * @param {object} run
 * @param {readonly (Share & { command(seconds: number): readonly string[] | string })[]} run.steps `command`: what to run in so many
 *     seconds, or in words why there is nothing to run.
 * @param {number} run.budget Seconds.
 * @param {() => number} run.now Seconds since some moment.
 * @param {(name: string, words: readonly string[], seconds: number) => Promise<Ended>} run.launch
 * @param {(outcomes: Record<string, Outcome>) => void} run.tell Called before and after each step.
 * @param {() => boolean} [run.stopped] Whether somebody has ended the run.
 * @returns {Promise<Record<string, Outcome>>}
 */
export async function runSteps({ steps, budget, now, launch, tell, stopped = () => false }) {
  /** @type {Record<string, Outcome>} */
  const outcomes = Object.fromEntries(steps.map(({ name }) => [name, { status: 'waiting' }]));
  const start = now();
  for (const [i, step] of steps.entries()) {
    const begin = now();
    const left = budget - (begin - start);
    const bound = boundOf(steps, i, left);
    const words = step.command(bound);
    if (stopped()) outcomes[step.name] = { status: 'left out', why: 'the run was ended' };
    else if (typeof words === 'string') outcomes[step.name] = { status: 'left out', why: words };
    else if (bound < LEAST) outcomes[step.name] = { status: 'left out', why: 'no time was left' };
    else {
      outcomes[step.name] = { status: 'running', bound };
      tell(outcomes);
      const { exit, expired } = await launch(step.name, words, bound);
      const status = expired || exit === OUT_OF_TIME ? 'time' : exit === 0 ? 'done' : 'failed';
      outcomes[step.name] = { status: stopped() ? 'failed' : status, exit, bound, seconds: now() - begin };
    }
    tell(outcomes);
  }
  return outcomes;
}

/**
 * 0 where all is done, 1 where something has failed, 3 where nothing has but time was short.
 *
 * @param {Record<string, Outcome>} outcomes
 */
export function exitCodeOf(outcomes) {
  const all = Object.values(outcomes);
  if (all.some(({ status }) => status === 'failed')) return 1;
  /** @param {Outcome} outcome */
  const short = ({ status, why = '' }) =>
    status === 'time' || (status === 'left out' && /time|ended/.test(why));
  return all.some(short) ? OUT_OF_TIME : 0;
}
