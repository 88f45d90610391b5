// What npm test and npm run test:quick share: commands that run side by side, each result counted once, and a last line
// "N passed, N failed", whatever happened, so that a log's end tells the outcome.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './built.mjs';

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string} name of a program that npm has installed */
const bin = (name) => path.join(root, 'node_modules', '.bin', name);

/** @typedef {{ passed: number, failed: number }} Count */

/** @type {Count} */
const total = { passed: 0, failed: 0 };

/** @param {string} title @param {boolean} ok @param {number} start */
const tell = (title, ok, start) =>
  console.log(`== ${title}: ${ok ? 'ok' : 'FAILED'}, ${((performance.now() - start) / 1000).toFixed(0)} s`);

/**
 * Runs a command and prints what it says when it has ended, in one piece; with `live` at once.
 *
 * @param {string} title @param {string} command @param {string[]} args
 * @param {{ live?: boolean, env?: Record<string, string> }} [options]
 * @returns {Promise<boolean>} whether it ended with 0
 */
function run(title, command, args, { live = false, env = {} } = {}) {
  const start = performance.now();
  if (live) console.log(`\n== ${title}`);
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => (said += part));
    child.on('error', (error) => (said += `${error.message}\n`));
    child.on('close', (code) => {
      if (said.trim()) console.log(`\n== ${title}\n${said.trimEnd()}`);
      tell(title, code === 0, start);
      resolve(code === 0);
    });
  });
}

/**
 * Runs a command that counts as one check.
 *
 * @param {string} title @param {string} command @param {string[]} args
 */
async function check(title, command, args) {
  const ok = await run(title, command, args);
  total[ok ? 'passed' : 'failed']++;
}

export async function build() {
  const start = performance.now();
  const failure = await ensureBuilt(['library', 'types', 'cli', 'web'], { always: true }).catch(String);
  if (failure) console.log(failure);
  total[failure ? 'failed' : 'passed']++;
  tell('build', !failure, start);
}
export const types = async () => {
  await check('types', bin('tsc'), ['--noEmit']);
  await check('types of scripts', bin('tsc'), ['-p', 'tsconfig.scripts.json']);
};
export const lint = () => check('lint', bin('biome'), ['check', '.']);

/**
 * @typedef {{ status: string }} Assertion
 * @typedef {{ status: string, assertionResults: Assertion[] }} TestFile
 */

/**
 * Runs test files, and counts their tests. A file that does not even load fails no test of its own, and counts as one.
 *
 * @param {string} title @param {string[]} args of vitest, after `run` @param {Record<string, string>} [env]
 */
export async function tests(title, args, env = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fovea-test-'));
  const report = path.join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = await run(title, bin('vitest'), ['run', ...reporters, ...args], { live: true, env });
  const before = total.failed;
  try {
    /** @type {{ numPassedTests: number, numFailedTests: number, testResults: TestFile[] }} */
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const broken = testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
    );
    total.passed += numPassedTests;
    total.failed += numFailedTests + broken.length;
  } catch {
    total.failed++;
  }
  // An error outside of all tests.
  if (!ok && total.failed === before) total.failed++;
  rmSync(folder, { recursive: true, force: true });
}

/** Prints the last line and ends with 1 where anything failed. */
export function finish() {
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed === 0 ? 0 : 1);
}
