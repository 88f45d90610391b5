import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockPath, withLock } from '../../cli/src/lock.ts';
import { UsageError } from '../../src/errors.ts';

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-lock-'));
  out = join(folder, 'model.safetensors');
});
afterEach(() => rmSync(folder, { recursive: true }));

const nothing = async (): Promise<void> => {};

/** The number of a process that has ended. */
const ended = (): Promise<number> => {
  const child = spawn(process.execPath, ['-e', '']);
  return new Promise((resolve) => child.on('close', () => resolve(child.pid!)));
};

describe('the lock of a training', () => {
  it('is there while it runs, and keeps another from the same file, not from others', async () => {
    await withLock(out, async () => {
      const held = readFileSync(lockPath(out), 'utf8');
      expect(JSON.parse(held)).toMatchObject({ pid: process.pid, host: hostname() });
      await expect(withLock(out, nothing)).rejects.toThrow(UsageError);
      await expect(withLock(out, nothing)).rejects.toThrow(
        new RegExp(
          `model\\.lock: another training \\(process ${process.pid}\\) writes .*model\\.safetensors; stop it`,
        ),
      );
      await withLock(join(folder, 'other.safetensors'), nothing);
      expect(readFileSync(lockPath(out), 'utf8')).toBe(held);
      expect(readdirSync(folder)).toEqual(['model.lock']);
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes where the training fails', async () => {
    const failing = withLock(out, () => Promise.reject(new Error('no GPU')));
    await expect(failing).rejects.toThrow('no GPU');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a process that was killed is taken over, as is one that is no lock', async () => {
    const gone = { pid: await ended(), start: '1', host: hostname(), id: '' };
    // The number is this process's own, but that was started at another time.
    const reused = { ...gone, pid: process.pid };
    for (const left of [JSON.stringify(gone), JSON.stringify(reused), '', '{"pid": -1}', 'null']) {
      writeFileSync(lockPath(out), left);
      let ran = false;
      await withLock(out, async () => {
        ran = true;
        expect(readFileSync(lockPath(out), 'utf8')).not.toBe(left);
        await expect(withLock(out, nothing)).rejects.toThrow(UsageError);
      });
      expect(ran, left).toBe(true);
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it('of another machine stays, and says which file to remove', async () => {
    writeFileSync(lockPath(out), JSON.stringify({ pid: 7, start: '1', host: 'elsewhere' }));
    await expect(withLock(out, nothing)).rejects.toThrow(
      /\(process 7 on elsewhere\) .*; remove .*model\.lock if it has ended/,
    );
    expect(existsSync(lockPath(out))).toBe(true);
  });

  it('is had by one of many that find the same stale one', async () => {
    writeFileSync(lockPath(out), JSON.stringify({ pid: await ended(), start: '1', host: hostname() }));
    let running = 0;
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () =>
        withLock(out, async () => {
          running++;
          expect(running).toBe(1);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
        }),
      ),
    );
    expect(tries.some(({ status }) => status === 'fulfilled')).toBe(true);
    for (const one of tries) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(UsageError);
    expect(readdirSync(folder)).toEqual([]);
  });
});
