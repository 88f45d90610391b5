// npm test: types, lint and the test suite, in this order; the first that fails ends it. The last line is
// "N passed, N failed", whatever happened, so that a log's end tells the outcome.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const folder = mkdtempSync(path.join(os.tmpdir(), 'fovea-test-'));
const report = path.join(folder, 'report.json');

function run(title, command, args) {
  const start = performance.now();
  console.log(`\n== ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  console.log(
    `== ${title}: ${status === 0 ? 'ok' : 'FAILED'}, ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  return status === 0;
}

let passed = 0;
let failed = 0;
const count = (ok) => {
  if (ok) passed++;
  else failed++;
};

count(run('build', process.execPath, ['scripts/build.mjs']));
count(run('types', bin('tsc'), ['--noEmit']));
count(run('lint', bin('biome'), ['check', '.']));
const ok = run('tests', bin('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
]);
try {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  // A file that does not even load fails no test of its own, and counts as one.
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  passed += numPassedTests;
  failed += numFailedTests + broken.length;
} catch {
  failed++;
}
if (!ok && failed === 0) failed = 1;
rmSync(folder, { recursive: true, force: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
