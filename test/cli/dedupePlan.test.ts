import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { carryOut } from '../../cli/src/dedupe/carryOut.ts';
import { type Plan, writePlan } from '../../cli/src/dedupe/plan.ts';
import { at, dedupe, eachInItsFolder, filesIn } from './dedupeFolder.ts';
import { fovea } from './run.ts';

/** Calls that change the disk, and after how many of them the process is "killed": from then on each of them throws. */
const disk = vi.hoisted(() => ({ calls: 0, most: Number.POSITIVE_INFINITY, after: false, noLinks: false }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const names = ['link', 'unlink', 'rename', 'copyFile', 'rm', 'utimes'] as const;
  const killing =
    (name: (typeof names)[number]) =>
    async (...args: unknown[]): Promise<unknown> => {
      const dies = disk.calls++ >= disk.most;
      if (dies && (!disk.after || disk.calls > disk.most + 1)) throw new Error('killed');
      if (name === 'link' && disk.noLinks) throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' });
      const result = await (real[name] as (...all: unknown[]) => Promise<unknown>)(...args);
      if (dies) throw new Error('killed');
      return result;
    };
  return { ...real, ...Object.fromEntries(names.map((name) => [name, killing(name)])) };
});

eachInItsFolder();
beforeEach(() => {
  Object.assign(disk, { calls: 0, most: Number.POSITIVE_INFINITY, after: false, noLinks: false });
});

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A plan for two duplicates, and the files that it is for. */
function planned(action: 'move' | 'link'): Plan {
  const [a, c] = [at('set/a.png'), at('set/c.png')];
  for (const [kept, file] of [
    ['a', 'b.png'],
    ['c', 'below/d.png'],
  ] as const) {
    mkdirSync(path.dirname(at('set', file)), { recursive: true });
    for (const name of [`${kept}.png`, file]) writeFileSync(at('set', name), `the bytes of ${kept}`);
  }
  const step = (file: string, kept: string) => ({
    file: at('set', file),
    ...(action === 'move' ? { to: at('out', file) } : {}),
    sha256: sha256(kept),
    kept,
    keptSha256: sha256(kept),
  });
  return {
    version: 1,
    created: '2026-01-02T03:04:05.678Z',
    settings: { action, images: [at('set')], recursive: true, hash: 'pHash', distance: 4 },
    steps: [step('b.png', a), step('below/d.png', c)],
  };
}

it.each([
  ['move', false, 4],
  ['move', true, 14],
  ['link', false, 6],
] as const)('goes on after a kill at any call to the disk (%s, other disk: %s)', async (action, noLinks, calls) => {
  disk.noLinks = noLinks;
  let kills = 0;
  for (let call = 0; ; call++) {
    for (const after of [false, true]) {
      const plan = planned(action);
      Object.assign(disk, { calls: 0, most: call, after });
      const died = await carryOut(plan, () => true).then(
        () => false,
        (error: Error) => error.message === 'killed',
      );
      disk.most = Number.POSITIVE_INFINITY;
      // At any time each image is there, whole, under its name or where it goes.
      for (const { file, to, sha256: own, kept } of plan.steps) {
        const there = [file, to ?? file].filter((place) => existsSync(place));
        expect(there.map(sha256)).toContain(own);
        expect(sha256(kept)).toBe(own);
      }
      if (died) {
        kills++;
        expect(await carryOut(plan, () => true)).toEqual([]);
      }
      const names = ['a.png', 'b.png', 'below/d.png', 'c.png'];
      if (action === 'move') {
        expect(filesIn('set')).toEqual(['a.png', 'c.png']);
        expect(filesIn('out')).toEqual(['b.png', 'below/d.png']);
      } else {
        expect(filesIn('set')).toEqual(names);
        for (const { file, kept } of plan.steps) expect(lstatSync(file).ino).toBe(lstatSync(kept).ino);
      }
      // And once more is no harm.
      expect(await carryOut(plan, () => true)).toEqual([]);
      for (const name of ['set', 'out']) rmSync(at(name), { recursive: true, force: true });
      if (!died && after) {
        expect(kills).toBe(2 * calls);
        return;
      }
    }
  }
});

it.each([
  ['the duplicate was changed', 'set/b.png', /set\/b\.png has changed/],
  ['the kept image was changed', 'set/a.png', /set\/a\.png has changed/],
  ['something else is where it goes', 'out/b.png', /out\/b\.png is there already/],
])('leaves alone an image where %s', async (_, file, message) => {
  const plan = planned('move');
  mkdirSync(at('out'));
  writeFileSync(at(file), 'other');
  const problems = await carryOut(plan, () => true);
  expect(problems).toEqual([{ file: at('set/b.png'), message: expect.stringMatching(message) }]);
  expect(readFileSync(at(file), 'utf8')).toBe('other');
  expect(filesIn('set')).toEqual(['a.png', 'b.png', 'c.png']);
});

it('does not take a file for its own copy where one folder has two paths', async () => {
  const { steps, ...plan } = planned('move');
  symlinkSync('set', at('out'));
  const problems = await carryOut({ ...plan, steps }, () => true);
  expect(problems!.map(({ message }) => message)).toEqual([
    expect.stringContaining('out/b.png is the file itself'),
    expect.stringContaining('out/below/d.png is the file itself'),
  ]);
  expect(filesIn('set')).toEqual(['a.png', 'b.png', 'below/d.png', 'c.png']);
});

it('finishes a plan with the same options only', async () => {
  const plan = planned('link');
  mkdirSync(at('out'));
  await writePlan(at('out'), plan);
  writeFileSync(at('set/b.png'), 'drawn on');
  await expect(dedupe({ action: 'move' }, 'set')).rejects.toThrow(
    /a run that did not finish \(--action link/,
  );
  await expect(dedupe({ action: 'report' }, 'set')).rejects.toThrow(/a run that did not finish/);
  await expect(dedupe({ action: 'link' }, 'set')).rejects.toThrow(/b\.png has changed/);
  expect(readFileSync(at('set/b.png'), 'utf8')).toBe('drawn on');
  expect(lstatSync(at('set/below/d.png')).ino).toBe(lstatSync(at('set/c.png')).ino);
  expect(filesIn('out')).toEqual(['linked-2026-01-02T03-04-05-678Z.json']);
  writeFileSync(at('out/plan.json'), '{"version": 1}');
  await expect(dedupe({ action: 'link' }, 'set')).rejects.toThrow(/plan\.json: is no plan/);
});

it('finishes what a killed process has begun', async () => {
  const plan = planned('move');
  mkdirSync(at('out'));
  await writePlan(at('out'), plan);
  expect(await carryOut(plan, (done) => done < 1)).toBeUndefined();
  expect(filesIn('set')).toEqual(['a.png', 'below/d.png', 'c.png']);
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(at('out/dedupe.lock'), JSON.stringify({ pid, start: '', host: hostname() }));
  const { code, stdout, stderr } = await fovea(
    ...['dedupe', at('set'), '--recursive', '--action', 'move', '--out', at('out')],
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^finishing the plan of 2026-01-02.*\nmoved 2 files to /);
  expect(filesIn('set')).toEqual(['a.png', 'c.png']);
  expect(filesIn('out')).toEqual(['b.png', 'below/d.png', 'moved-2026-01-02T03-04-05-678Z.json']);
});
