// A run of two steps, as bench/host/run.mjs runs them: the first ends, the second never does. A test kills it in the middle.

import { runChild } from '../../bench/host/child.mjs';
import { appendResults, writeSummary } from '../../bench/host/results.mjs';
import { runSteps } from '../../bench/host/runSteps.mjs';

const [, , out = ''] = process.argv;
const never = new Promise(() => undefined);
await runSteps({
  steps: [
    { name: 'first', weight: 1, command: () => [process.execPath, '-e', ''] },
    {
      name: 'second',
      weight: 1,
      command: () => [process.execPath, '-e', 'console.log(process.pid); setInterval(() => {}, 1e6)'],
    },
  ],
  budget: 100,
  now: () => 0,
  launch: (name, words) => {
    appendResults(out, [{ step: name, name: 'a', ms: 1 }]);
    return runChild(words, { expired: never, print: (text) => process.stdout.write(text) });
  },
  tell: (steps) => writeSummary(out, { date: '', budget: 100, steps }),
});
