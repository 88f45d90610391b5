/** What tests of sweeps share: trainings of seconds on the coins. */
import path from 'node:path';

export const COINS = path.join(import.meta.dirname, '../../../examples/coins');

/** What is the same for all of them, by a table of `[train]`; more options may follow. */
export const TRAIN = `[train]
model = "retinanet"
data = ${JSON.stringify(COINS)}
val = ${JSON.stringify(COINS)}
size = 128
crop = 64
batch = 4
checkpoint-every = 10
`;

/** Successive halving of so many trials of two options; the first rung is a ninth of the steps unless it is said. */
export const halving = (trials: number, steps: number, least?: number): string =>
  `${TRAIN}steps = ${steps}
[space]
lr = { low = 1e-4, high = 1e-2, log = true }
width = [4, 8]
[search]
kind = "halving"
trials = ${trials}
${least === undefined ? '' : `min-steps = ${least}\n`}`;
