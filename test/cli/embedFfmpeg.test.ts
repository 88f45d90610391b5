import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soundOf, videoFrames } from '../../cli/src/embed/ffmpeg.ts';
import { DataError } from '../../src/errors.ts';

let folder: string;
const at = (name: string) => path.join(folder, name);
const before = process.env.PATH;
/** A name that a shell, or FFmpeg itself, could take for more. */
const ODD = '-rf $(x) http:.mp4';

/** Puts a program in the place of FFmpeg, or none. */
function install(script: string | undefined): void {
  const file = path.join(folder, 'ffmpeg');
  rmSync(file, { force: true });
  if (script !== undefined) writeFileSync(file, `#!${process.execPath}\n${script}`, { mode: 0o755 });
  process.env.PATH = folder;
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-ffmpeg-'));
  for (const name of ['a.mp4', 'a.mp3', ODD]) writeFileSync(at(name), 'what FFmpeg would read');
});
afterAll(() => {
  process.env.PATH = before;
  rmSync(folder, { recursive: true, force: true });
});

const all = async (file: string) => {
  const frames = [];
  for await (const frame of videoFrames(file, 2)) frames.push(frame);
  return frames;
};

describe('FFmpeg', () => {
  it('is asked for where it is not installed', async () => {
    install(undefined);
    await expect(all(at('a.mp4'))).rejects.toThrow(DataError);
    // The path is checked before: it would be blamed on FFmpeg.
    await expect(all(at('b.mp4'))).rejects.toThrow(
      'b.mp4: cannot be read (no such file or folder); check the path',
    );
    await expect(all(at('a.mp4'))).rejects.toThrow(
      /a\.mp4: FFmpeg, which reads it, is not installed; install it/,
    );
    await expect(soundOf(at('a.mp3'), 16_000, 10)).rejects.toThrow(
      /a\.mp3: FFmpeg, which reads it, is not installed/,
    );
  });

  it('gives frames however its output is cut into pieces', async () => {
    // Three frames of 2x1 pixels, a byte at a time.
    install(`
      const frame = (value) => Buffer.concat([Buffer.from('P6\\n2 1\\n255\\n'), Buffer.alloc(6, value)]);
      const bytes = Buffer.concat([0, 51, 255].map(frame));
      (async () => { for (const byte of bytes) { process.stdout.write(Buffer.of(byte)); await new Promise(setImmediate); } })();
    `);
    const frames = await all(at('a.mp4'));
    expect(frames.map(({ width, height }) => [width, height])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
    expect(frames.map(({ data }) => [...data])).toEqual(
      [0, 0.2, 1].map((value) => new Array(6).fill(Math.fround(value))),
    );
  });

  it('is told the file alone, and no shell or network reads its name', async () => {
    install(`process.stderr.write(JSON.stringify(process.argv.slice(2))); process.exit(1);`);
    const found = await all(at(ODD)).catch((error: Error) => error.message);
    expect(found).toContain('"-protocol_whitelist","file"');
    expect(found).toContain(`"-i","file:${at(ODD)}"`);
  });

  it('of a sound gives samples, but not without end', async () => {
    install(`process.stdout.write(new Uint8Array(Float32Array.of(0.5, -0.5).buffer));`);
    expect(await soundOf(at('a.mp3'), 16_000, 10)).toEqual(Float32Array.of(0.5, -0.5));
    install(`const write = () => process.stdout.write(Buffer.alloc(65536), write); write();`);
    await expect(soundOf(at('a.mp3'), 16_000, 160_000)).rejects.toThrow(
      'a.mp3: is longer than 10 seconds; cut it into parts',
    );
  });

  it('says why it cannot read a file', async () => {
    install(`process.stderr.write('one\\nInvalid data'); process.exit(3);`);
    await expect(all(at('a.mp4'))).rejects.toThrow('a.mp4: FFmpeg cannot read it (Invalid data)');
    install(`process.stdout.write('P6\\n99999 99999\\n255\\n' + 'x'.repeat(99));`);
    await expect(all(at('a.mp4'))).rejects.toThrow(/its frames have 99999x99999 pixels, more than/);
  });
});
