import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundOf } from '../../bench/host/budget.mjs';
import { runChild } from '../../bench/host/child.mjs';
import {
  appendResults,
  checksIn,
  readResults,
  readSummary,
  writeSummary,
} from '../../bench/host/results.mjs';
import { exitCodeOf, runSteps } from '../../bench/host/runSteps.mjs';
import { convolutionCases, memoryRows, networkStepRows, productCases } from '../../bench/src/host/plan.ts';
import { predictedMs } from '../../bench/src/host/rows.ts';
import { bytesOf } from '../../bench/src/workload.ts';

const STEPS = [
  { name: 'a', weight: 1 },
  { name: 'b', weight: 3 },
  { name: 'c', weight: 1, spare: true },
  { name: 'd', weight: 1, spare: true },
];

/** Runs STEPS by a clock that only moves while a step runs: by `taken` of its name. */
async function run(
  taken: Record<string, number>,
  { budget = 100, exits = {} }: { budget?: number; exits?: Record<string, number | string> } = {},
) {
  let clock = 0;
  const bounds: [string, number][] = [];
  const told: string[] = [];
  const outcomes = await runSteps({
    steps: STEPS.map((step) => ({ ...step, command: () => [step.name] })),
    budget,
    now: () => clock,
    launch: async (name: string, _: unknown, seconds: number) => {
      bounds.push([name, Math.round(seconds)]);
      const time = taken[name] ?? 0;
      clock += Math.min(time, seconds);
      return { exit: exits[name] ?? 0, expired: time > seconds };
    },
    tell: (steps: Record<string, { status: string }>) =>
      told.push(
        Object.values(steps)
          .map(({ status }) => status[0])
          .join(''),
      ),
  });
  return { outcomes, bounds, told, code: exitCodeOf(outcomes) };
}

describe('the budget of a run on a GPU host', () => {
  it('is shared by weight, spare steps being asked last', () => {
    expect(boundOf(STEPS, 0, 100)).toBeCloseTo(25);
    expect(boundOf(STEPS, 1, 100)).toBeCloseTo(100);
    expect(boundOf(STEPS, 2, 30)).toBeCloseTo(15);
  });

  it('gives what a step does not take to those behind it', async () => {
    const { bounds, code } = await run({ a: 5, b: 15, c: 60 });
    expect(bounds).toEqual([
      ['a', 25],
      ['b', 95],
      ['c', 40],
      ['d', 40],
    ]);
    expect(code).toBe(3);
  });

  it('ends a step whose time is up, and goes on; without time no step begins', async () => {
    const { outcomes, told, code } = await run({ a: 1000, b: 1000 });
    const [a, b, c] = Object.values(outcomes);
    expect([a!.status, b!.status]).toEqual(['time', 'time']);
    expect(c).toMatchObject({ status: 'left out', why: 'no time was left' });
    expect(code).toBe(3);
    expect(told[0]).toBe('rwww');
    expect(told.at(-1)).toBe('ttll');
  });

  it('tells by its exit code what failed', async () => {
    expect((await run({ a: 1 })).code).toBe(0);
    const failed = await run({}, { exits: { b: 'SIGSEGV' } });
    expect(failed.outcomes.b).toMatchObject({ status: 'failed', exit: 'SIGSEGV' });
    expect(failed.outcomes.c!.status).toBe('done');
    expect(failed.code).toBe(1);
    // A step that has itself stopped in time.
    expect((await run({}, { exits: { b: 3 } })).code).toBe(3);
  });
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie is dead.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

describe('a step', () => {
  // It starts another process that hangs as well, says so, and heeds no SIGTERM.
  const hangs = `
    process.on('SIGTERM', () => {});
    const inner = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
    console.log(inner.pid);
    setInterval(() => {}, 1e6)`;

  it.skipIf(process.platform === 'win32')('that hangs is ended with all that it has started', async () => {
    let up: () => void = () => undefined;
    const expired = new Promise<void>((resolve) => {
      up = resolve;
    });
    let text = '';
    const ended = await runChild([process.execPath, '-e', hangs], {
      expired,
      print: (data: Uint8Array) => {
        text += Buffer.from(data).toString();
        // Its time is up as soon as both hang.
        if (text.includes('\n')) up();
      },
    });
    expect(ended).toEqual({ exit: 'SIGKILL', expired: true });
    expect(alive(Number(text))).toBe(false);
  });

  it('tells its exit code and all that it has written', async () => {
    let text = '';
    const ended = await runChild(
      [process.execPath, '-e', 'process.stdout.write("x".repeat(200_000)); process.exitCode = 7'],
      { expired: new Promise(() => undefined), print: (data: Uint8Array) => (text += Buffer.from(data)) },
    );
    expect(ended).toEqual({ exit: 7, expired: false });
    expect(text.length).toBe(200_000);
  });

  it('that cannot be started says why', async () => {
    const options = { expired: new Promise(() => undefined), print: () => undefined };
    expect((await runChild(['/nowhere/to/be/found'], options)).exit).toMatch(/ENOENT/);
  });
});

describe('the results of a run', () => {
  let out: string;
  beforeAll(() => {
    out = mkdtempSync(path.join(tmpdir(), 'fovea-host-test-'));
  });
  afterAll(() => rmSync(out, { recursive: true }));

  it('are readable when the run is killed in the middle', async () => {
    const child: ChildProcess = spawn(process.execPath, [path.join(__dirname, 'hostRun.mjs'), out]);
    const step = await new Promise<string>((resolve) =>
      child.stdout!.once('data', (data) => resolve(`${data}`)),
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    process.kill(Number(step), 'SIGKILL');
    const { steps } = readSummary(out);
    expect([steps.first!.status, steps.second!.status]).toEqual(['done', 'running']);
    // What was written last may be half a line.
    appendFileSync(path.join(out, 'results.jsonl'), '{"step":"sec');
    expect(readResults(out).map(({ step }) => step)).toEqual(['first', 'second']);
    writeSummary(out, readSummary(out));
    expect(readFileSync(path.join(out, 'summary.md'), 'utf8')).toContain('| second | running |');
  });

  it('tell how many checks had passed, and which failed', () => {
    const text =
      'ok       add  plain  forward  0  1e-6\nFAILED   nms  ties   forward  3  0\n  expected 1\nok       sub  pl';
    expect(checksIn('verify', text)).toEqual([
      { step: 'verify', name: 'passed', checks: 2 },
      { step: 'verify', name: 'failed', checks: 1 },
      { step: 'verify', name: 'FAILED, nms, ties, forward, 3, 0' },
    ]);
  });

  it('stand in one table for each step, with limits and what they predict', () => {
    const lines = [
      { step: 'info', adapter: 'some GPU', limits: { gflops: 1000, gbps: 100 } },
      { step: 'products', name: 'gemm 1', strategy: 'tile', ms: 2, predicted: 1, share: 0.5 },
      { step: 'products', name: 'gemm 2', strategy: 'tile', ms: 0.25, predicted: 0.5, share: 2, apart: 1e-6 },
    ];
    rmSync(path.join(out, 'results.jsonl'), { force: true });
    appendResults(out, lines);
    writeSummary(out, {
      date: 'today',
      budget: 600,
      steps: { products: { status: 'done', seconds: 4, bound: 20 } },
    });
    const text = readFileSync(path.join(out, 'summary.md'), 'utf8');
    expect(text).toContain('today, some GPU, 600 s in all.');
    expect(text).toContain('Measured limits: 1000 GFLOP/s of f32 multiply-adds, 100 GB/s copied.');
    expect(text).toContain('| name | strategy | ms | predicted | of limit | apart |');
    expect(text).toContain('| gemm 2 | tile | 0.25 | 0.5 | 200 % | 0.000001 |');
    expect(JSON.parse(readFileSync(path.join(out, 'summary.json'), 'utf8'))).toMatchObject({
      adapter: 'some GPU',
      results: lines,
    });
  });
});

describe('what is measured on a GPU host', () => {
  it('predicts by the limit that takes longer', () => {
    const limits = { gflops: 100, gbps: 10 };
    expect(predictedMs({ flops: 1e9, bytes: 1 }, limits)).toBeCloseTo(10);
    expect(predictedMs({ flops: 1, bytes: bytesOf([25_000_000]) }, limits)).toBeCloseTo(10);
  });

  it('begins with what is worth most: f32 with checks, then without, then f16', () => {
    for (const cases of [productCases(false), convolutionCases(false)]) {
      const first = cases.slice(0, 4).map(({ make }) => make());
      expect(first[0]!.half).toBeUndefined();
      expect(cases[0]!.checked).toBe(true);
      const kinds = cases.map(({ make, checked }) => `${make().half ? 'f16' : 'f32'} ${checked}`);
      const order = [...new Set(kinds)];
      expect(order).toEqual(['f32 true', 'f32 false', 'f16 true', 'f16 false']);
    }
    expect(productCases(false)[0]!.make().name).toBe('gemm 4096');
    expect(convolutionCases(false)[0]!.make().name).toContain('conv 3x3 8x56x56');
  });

  it('has rows for each step, quick or not', () => {
    for (const quick of [false, true]) {
      for (const rows of [productCases, convolutionCases, memoryRows, networkStepRows]) {
        expect(rows(quick).length).toBeGreaterThan(0);
      }
    }
    const steps = networkStepRows(false).map(({ name }) => name);
    expect(steps.slice(0, 3).every((name) => name.includes('training step, batch 4'))).toBe(true);
  });
});
