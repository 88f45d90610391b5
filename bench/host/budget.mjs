// How a run on a GPU host divides its time among its steps.

/**
 * @typedef {object} Share
 * @property {string} name
 * @property {number} weight Of the time that is left, against the weights of the steps behind it.
 * @property {boolean} [spare] It gets only what the others leave over.
 */

/** With less than this no step is begun: seconds. */
export const LEAST = 3;

/**
 * The seconds that step `i` may take, of those that are left: what a step does not take is for those behind it. A spare step shares
 * with spare ones alone, and takes nothing from the others.
 *
 * @param {readonly Share[]} steps @param {number} i @param {number} left
 */
export function boundOf(steps, i, left) {
  const { weight, spare = false } = steps[i];
  const sharing = steps.slice(i + 1).filter((step) => spare || !step.spare);
  const total = sharing.reduce((sum, step) => sum + step.weight, weight);
  return (left * weight) / total;
}
