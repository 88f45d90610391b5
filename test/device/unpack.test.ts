import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

let home: string;
let archive: string;
let unpackings: number;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'fovea-unpack-'));
  archive = path.join(home, 'archive');
  writeFileSync(archive, 'packed');
  vi.stubEnv('FOVEA_CACHE', '');
  vi.stubEnv('XDG_CACHE_HOME', path.join(home, 'cache'));
  unpackings = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const CONTENT = new Map([
  ['lib.so', 'code'],
  ['lib/deeper.so', 'more'],
]);

/** As a process of its own would: what was seen before is forgotten. */
async function unpack(): Promise<string> {
  vi.resetModules();
  const { unpackOnce } = await import('../../src/device/unpack.ts');
  return unpackOnce('driver', [archive], () => {
    unpackings++;
    return CONTENT;
  });
}
const contentOf = (folder: string) =>
  Object.fromEntries(
    [...CONTENT.keys()].map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  );

describe.skipIf(process.platform === 'win32')('what is unpacked to be loaded', () => {
  it('is in the folder for caches of this user, for nobody else, and unpacked once', async () => {
    const folder = await unpack();
    expect(path.dirname(folder)).toBe(path.join(home, 'cache', 'fovea'));
    expect(path.basename(folder)).toMatch(/^driver-[0-9a-f]{16}$/);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(path.dirname(folder)).mode & 0o777).toBe(0o700);
    expect(contentOf(folder)).toEqual(Object.fromEntries(CONTENT));
    expect(await unpack()).toBe(folder);
    expect(unpackings).toBe(1);
    expect(readdirSync(path.dirname(folder))).toEqual([path.basename(folder)]);
  });

  it.each<[string, (folder: string) => void]>([
    ['another content', (folder) => writeFileSync(path.join(folder, 'lib.so'), 'evil')],
    ['a file cut short', (folder) => truncateSync(path.join(folder, 'lib/deeper.so'), 2)],
    ['a file more', (folder) => writeFileSync(path.join(folder, 'libc.so'), 'evil')],
    ['a file less', (folder) => rmSync(path.join(folder, 'lib.so'))],
    ['no list of hashes', (folder) => rmSync(path.join(folder, 'sha256.json'))],
    [
      'a link in the place of a file',
      (folder) => {
        rmSync(path.join(folder, 'lib.so'));
        symlinkSync(archive, path.join(folder, 'lib.so'));
      },
    ],
    ['permissions for others', (folder) => chmodSync(folder, 0o755)],
    [
      'a link to another folder in its place',
      (folder) => {
        rmSync(folder, { recursive: true });
        symlinkSync(home, folder);
      },
    ],
  ])('is unpacked again where there is %s', async (_, spoil) => {
    const folder = await unpack();
    spoil(folder);
    expect(await unpack()).toBe(folder);
    expect(unpackings).toBe(2);
    expect(lstatSync(folder).isDirectory()).toBe(true);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(contentOf(folder)).toEqual(Object.fromEntries(CONTENT));
    expect(readdirSync(folder).sort()).toEqual(['lib', 'lib.so', 'sha256.json']);
    // A link is taken away, not what it leads to.
    expect(readFileSync(archive, 'utf8')).toBe('packed');
  });

  it('has a folder of its own for each archive', async () => {
    const folder = await unpack();
    writeFileSync(archive, 'newer');
    expect(await unpack()).not.toBe(folder);
  });

  it('is refused where it is another user’s', async () => {
    const folder = await unpack();
    const user = process.getuid!();
    vi.spyOn(process, 'getuid').mockReturnValue(user + 1);
    await expect(unpack()).rejects.toThrow(/is not yours alone.*; remove it, or set FOVEA_CACHE/);
    vi.mocked(process.getuid!).mockRestore();
    expect(await unpack()).toBe(folder);
  });

  it('is in a folder of this process where there is no folder for caches', async () => {
    writeFileSync(path.join(home, 'file'), '');
    vi.stubEnv('XDG_CACHE_HOME', path.join(home, 'file'));
    const folder = await unpack();
    expect(folder.startsWith(home)).toBe(false);
    expect(statSync(path.dirname(folder)).mode & 0o777).toBe(0o700);
    expect(contentOf(folder)).toEqual(Object.fromEntries(CONTENT));
    rmSync(path.dirname(folder), { recursive: true });
  });
});
