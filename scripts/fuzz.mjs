// A longer run of the property tests on new random cases, by hand:
//   npm run fuzz -- [--runs 100000] [--seed N] [--op conv2d] [--adapter lavapipe]
// A failure prints the seed and the smallest case that fails; that case becomes a row of src/verify/cases/.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    op: { type: 'string' },
    adapter: { type: 'string' },
  },
});

const vitest = new URL('../node_modules/vitest/vitest.mjs', import.meta.url).pathname;
const child = spawn(process.execPath, [vitest, 'run', 'test/property', '--testTimeout', '86400000'], {
  cwd: new URL('..', import.meta.url).pathname,
  stdio: 'inherit',
  env: {
    ...process.env,
    FUZZ_RUNS: values.runs,
    FUZZ_SEED: values.seed,
    ...(values.op === undefined ? {} : { FUZZ_OP: values.op }),
    ...(values.adapter === undefined ? {} : { FOVEA_ADAPTER: values.adapter }),
  },
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
