import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';

/** What the system refuses to remove or to link. */
const refused = { unlink: '', link: '' };
vi.mock('node:fs/promises', async (original) => {
  const own = await original<typeof import('node:fs/promises')>();
  const refuse = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
  return {
    ...own,
    unlink: (file: string) => (file === refused.unlink ? refuse('EROFS') : own.unlink(file)),
    link: (file: string, to: string) => (file === refused.link ? refuse('EXDEV') : own.link(file, to)),
  };
});
const { carryOut } = await import('../../cli/src/dedupe/carryOut.ts');

const folder = mkdtempSync(path.join(tmpdir(), 'fovea-move-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]) => path.join(folder, ...names);

it.each(['', 'another disk'])('leaves no copy where a file cannot be removed (%s)', async (disk) => {
  const sha256 = createHash('sha256').update('bytes').digest('hex');
  for (const name of ['a', 'b']) writeFileSync(at(name), 'bytes');
  refused.unlink = at('b');
  refused.link = disk === '' ? '' : at('b');
  const step = { file: at('b'), to: at('out', 'b'), sha256, kept: at('a'), keptSha256: sha256 };
  const settings = { action: 'move', images: [], recursive: false, hash: 'pHash', distance: 4 } as const;
  const plan = { version: 1, created: '', settings, steps: [step] } as const;
  const problem = { file: at('b'), message: 'the file system is read-only' };
  expect(await carryOut(plan, () => true)).toEqual([problem]);
  expect(readFileSync(at('b'), 'utf8')).toBe('bytes');
  expect(readdirSync(at('out'))).toEqual([]);
  // What a run that was killed has left there stays: it is not of this one.
  linkSync(at('b'), at('out', 'b'));
  expect(await carryOut(plan, () => true)).toEqual([problem]);
  expect(existsSync(at('out', 'b'))).toBe(true);
  refused.unlink = '';
  expect(await carryOut(plan, () => true)).toEqual([]);
  expect([existsSync(at('b')), readFileSync(at('out', 'b'), 'utf8')]).toEqual([false, 'bytes']);
  rmSync(at('out'), { recursive: true });
});
