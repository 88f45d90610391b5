import { cacheFolder } from '../cacheFolder.ts';
import { AdapterError } from '../errors.ts';
import { builtin } from './installed.ts';

/** What is unpacked, by its path in the folder. */
export type Unpacked = ReadonlyMap<string, Uint8Array | string>;

const MANIFEST = 'sha256.json';

const fs = () => builtin<typeof import('node:fs')>('node:fs');
const path = () => builtin<typeof import('node:path')>('node:path');

function sha256(content: Uint8Array | string): string {
  const crypto = builtin<typeof import('node:crypto')>('node:crypto');
  return crypto.createHash('sha256').update(content).digest('hex');
}

/** Whether a folder, and no link to one, is this user's and nobody else may look into it. */
function isPrivate(folder: string): boolean {
  const stat = fs().lstatSync(folder, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return false;
  const user = process.getuid?.();
  return user === undefined || (stat.uid === user && (stat.mode & 0o077) === 0);
}

/** All files under a folder, by their paths in it. Links are no files, and make the folder another one than was unpacked. */
function filesIn(folder: string, inner = ''): string[] {
  return fs()
    .readdirSync(path().join(folder, inner), { withFileTypes: true })
    .flatMap((entry) => {
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      return entry.isDirectory() ? filesIn(folder, name) : [entry.isFile() ? name : `${name} is no file`];
    });
}

/** Whether a folder holds what was unpacked into it, to the last byte, and nothing else. */
function isWhole(folder: string): boolean {
  try {
    const hashes: unknown = JSON.parse(fs().readFileSync(path().join(folder, MANIFEST), 'utf8'));
    const known = new Map(Object.entries(hashes as Record<string, string>));
    const found = filesIn(folder).filter((name) => name !== MANIFEST);
    return (
      found.length === known.size &&
      found.every((name) => known.get(name) === sha256(fs().readFileSync(path().join(folder, name))))
    );
  } catch {
    return false;
  }
}

const isGood = (folder: string): boolean => isPrivate(folder) && isWhole(folder);

/** Writes into a new folder of this user beside `folder`, and then gives it that name. */
function write(folder: string, files: Unpacked): void {
  const { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } = fs();
  const partial = mkdtempSync(`${folder}-`);
  const hashes: Record<string, string> = {};
  for (const [name, content] of files) {
    const file = path().join(partial, name);
    mkdirSync(path().dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content, { mode: 0o700 });
    hashes[name] = sha256(content);
  }
  writeFileSync(path().join(partial, MANIFEST), JSON.stringify(hashes), { mode: 0o600 });
  try {
    renameSync(partial, folder);
  } catch {
    // Another process was first; whether its folder is as good is seen next.
    rmSync(partial, { recursive: true, force: true });
  }
}

/** The folder for caches, made for this user alone where it is missing; a folder that lasts as long as the process where that fails. */
function parentFolder(): string {
  const { mkdirSync, accessSync, constants, mkdtempSync, rmSync } = fs();
  const folder = cacheFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    const os = builtin<typeof import('node:os')>('node:os');
    const temporary = mkdtempSync(path().join(os.tmpdir(), 'fovea-'));
    process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));
    return temporary;
  }
}

const unpacked = new Map<string, string>();

/**
 * Unpacks archives into the user's folder for caches, once, and returns the folder. Before it is used, each time that a process
 * asks for it, its owner and permissions are checked (0700) and the SHA-256 of every file; a folder that differs is unpacked again.
 * It is never in a place that others can foresee and write to: programs and libraries are loaded from it.
 *
 * @param name The folder's name begins with it; the hash of the archives follows.
 * @param archives The files that are unpacked.
 * @param unpack Returns their content, given the path of the folder.
 * @throws AdapterError where the folder is another user's, or cannot be written.
 */
export function unpackOnce(
  name: string,
  archives: readonly string[],
  unpack: (folder: string) => Unpacked,
): string {
  const key = sha256(archives.map((file) => sha256(fs().readFileSync(file))).join('\n')).slice(0, 16);
  const known = unpacked.get(`${name}-${key}`);
  if (known !== undefined) return known;
  const folder = path().join(parentFolder(), `${name}-${key}`);
  let good: boolean;
  try {
    good = isGood(folder);
    if (!good) {
      fs().rmSync(folder, { recursive: true, force: true });
      write(folder, unpack(folder));
      good = isGood(folder);
    }
  } catch (error) {
    throw new AdapterError(
      `${folder}: cannot be written (${(error as Error).message}); remove it, or set FOVEA_CACHE to a folder of your own`,
      { cause: error },
    );
  }
  if (!good) {
    throw new AdapterError(
      `${folder}: is not yours alone, or not what was unpacked; remove it, or set FOVEA_CACHE to a folder of your own`,
    );
  }
  unpacked.set(`${name}-${key}`, folder);
  return folder;
}

/** The regular files of a tar archive (ustar; names under 100 bytes), by name. */
export function untar(archive: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = archive[at + 156]!;
    if (type === 0x30 || type === 0) files.set(text(at, 100), archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
