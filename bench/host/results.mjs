// What a run on a GPU host leaves: a line for each result, as it comes (results.jsonl), and a summary of them, after each step.
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** @typedef {Record<string, unknown> & { step: string }} Line */
/** @typedef {import('./runSteps.mjs').Outcome} Outcome */
/**
 * @typedef {object} Summary
 * @property {string} date
 * @property {number} budget
 * @property {string} [adapter]
 * @property {{ gflops: number, gbps: number }} [limits]
 * @property {Record<string, Outcome>} steps
 * @property {Line[]} results
 */

/** @param {string} out */
export const resultsFile = (out) => path.join(out, 'results.jsonl');

/** @param {string} out @param {Line[]} lines */
export function appendResults(out, lines) {
  appendFileSync(resultsFile(out), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/**
 * The lines that are whole: of a run that was killed the last may not be.
 *
 * @param {string} out
 * @returns {Line[]}
 */
export function readResults(out) {
  if (!existsSync(resultsFile(out))) return [];
  return readFileSync(resultsFile(out), 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

/** Failed checks that are told one by one. */
const MOST_FAILURES = 40;

/**
 * What `fovea verify` has printed by the time it ended, or was ended.
 *
 * @param {string} step @param {string} text
 * @returns {Line[]}
 */
export function checksIn(step, text) {
  const lines = text.split('\n');
  const failed = lines.filter((line) => /^FAILED\s/.test(line));
  return [
    { step, name: 'passed', checks: lines.filter((line) => /^ok\s/.test(line)).length },
    { step, name: 'failed', checks: failed.length },
    ...failed.slice(0, MOST_FAILURES).map((line) => ({ step, name: line.trim().replace(/\s{2,}/g, ', ') })),
  ];
}

/** @param {unknown} value */
function short(value) {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'number') return String(value).replaceAll('|', '/');
  if (Number.isInteger(value)) return String(value);
  return value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** @param {unknown} value */
const percent = (value) => (typeof value === 'number' ? `${Math.round(100 * value)} %` : '');
/** @type {Record<string, string>} */
const HEADS = {
  share: 'of limit',
  gflops: 'GFLOP/s',
  gbps: 'GB/s',
  medianMs: 'ms',
  gpuMs: 'GPU ms',
  firstMs: 'first ms',
};

/**
 * A table of results: the columns are those that any of them has.
 *
 * @param {readonly Line[]} lines
 */
function table(lines) {
  const columns = [...new Set(lines.flatMap(Object.keys))].filter((key) => key !== 'step');
  const row = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [
    row(columns.map((key) => HEADS[key] ?? key)),
    row(columns.map(() => '---')),
    ...lines.map((line) =>
      row(columns.map((key) => (key === 'share' ? percent(line[key]) : short(line[key])))),
    ),
  ];
}

/** @param {Summary} summary */
export function markdown({ date, budget, adapter, limits, steps, results }) {
  const lines = ['# Fovea on this host', '', `${date}, ${adapter ?? 'adapter unknown'}, ${budget} s in all.`];
  if (limits) {
    lines.push(
      `Measured limits: ${short(limits.gflops)} GFLOP/s of f32 multiply-adds, ${short(limits.gbps)} GB/s copied.`,
    );
    lines.push(
      '`predicted` is the longer of what these two allow, in ms; `of limit` is that over what was measured.',
    );
  }
  lines.push('', '| step | status | seconds | of | |', '| --- | --- | --- | --- | --- |');
  for (const [name, { status, seconds, bound, exit, why }] of Object.entries(steps)) {
    const more = why ?? (exit === undefined || exit === 0 ? '' : `exit ${exit}`);
    lines.push(
      `| ${name} | ${status} | ${short(seconds)} | ${short(bound && Math.round(bound))} | ${more} |`,
    );
  }
  for (const name of Object.keys(steps)) {
    const own = results.filter(({ step }) => step === name);
    if (own.length === 0) continue;
    lines.push('', `## ${name}`, '');
    if (name === 'info') lines.push('```json', JSON.stringify(own[0], null, 1), '```');
    else lines.push(...table(own));
  }
  return `${lines.join('\n')}\n`;
}

/** @param {string} file @param {string} text */
function replace(file, text) {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

/**
 * Writes summary.json and summary.md of what there is by now.
 *
 * @param {string} out @param {Pick<Summary, 'date' | 'budget' | 'steps'>} run
 */
export function writeSummary(out, run) {
  const results = readResults(out);
  const info = results.find(({ step }) => step === 'info');
  const summary = /** @type {Summary} */ ({ ...run, adapter: info?.adapter, limits: info?.limits, results });
  replace(path.join(out, 'summary.json'), `${JSON.stringify(summary, null, 1)}\n`);
  replace(path.join(out, 'summary.md'), markdown(summary));
}

/**
 * What a run has noted of its steps last.
 *
 * @param {string} out
 * @returns {Pick<Summary, 'date' | 'budget' | 'steps'>}
 */
export function readSummary(out) {
  const { date, budget, steps } = JSON.parse(readFileSync(path.join(out, 'summary.json'), 'utf8'));
  return { date, budget, steps };
}
