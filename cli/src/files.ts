import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { DataError, UsageError } from 'fovea';
import { type FileContent, writeFileAtomic as writeWholeFile } from 'fovea/io';
import { addressOf } from './address.ts';
import { sha256 } from './sha256.ts';

const NO_FILE = 'is a pipe, socket or device, not a file';

/** What the system said, in words: `ENOENT` and friends. */
export function fileProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  switch (code) {
    case 'ENOENT':
      return 'no such file or folder';
    case 'EISDIR':
      return 'is a folder, not a file';
    case 'ENOTDIR':
      return 'a part of the path is a file, not a folder';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOSPC':
      return 'no space left on the disk';
    case 'ENAMETOOLONG':
      return 'the name is too long';
    case 'ELOOP':
      return 'a link that leads to itself';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENXIO':
      return NO_FILE;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Opens a file for reading. Throws for what is no file: a pipe or a socket would be waited for, and a device may have no end.
 */
export async function openFile(path: string): Promise<FileHandle> {
  // A pipe is then opened without waiting for a writer.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const found = await handle.stat();
  if (found.isFile()) return handle;
  await handle.close();
  throw new Error(found.isDirectory() ? 'is a folder, not a file' : NO_FILE);
}

/** Reads a whole file; see `openFile`. */
export async function readWhole(path: string): Promise<Buffer> {
  const handle = await openFile(path);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

const unreadable = (path: string, error: unknown): DataError =>
  new DataError(`${path}: cannot be read (${fileProblem(error)}); check the path`, { cause: error });

/** As `readWhole`; throws DataError. */
export const readInput = (path: string): Promise<Buffer> =>
  readWhole(path).catch((error) => {
    throw unreadable(path, error);
  });

/** Throws DataError for what cannot be read as a file: a program that is given a pipe would wait for a writer. */
export async function expectFile(path: string): Promise<void> {
  const handle = await openFile(path).catch((error) => {
    throw unreadable(path, error);
  });
  await handle.close();
}

/** As mkdir with `recursive`, which never returns where a folder refuses new ones with ENOENT (/proc does). */
async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = code === 'EEXIST' && (await stat(folder)).isDirectory();
    if (found) return;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolders(dirname(folder));
    await mkdir(folder).catch(async (second: NodeJS.ErrnoException) => {
      // Another process may have been faster.
      if (second.code !== 'EEXIST') throw second;
    });
  }
}

/** Makes a folder, and those above it. Throws DataError where it cannot be made or written into. */
export async function makeFolder(folder: string): Promise<void> {
  const address = addressOf(folder);
  if (address) {
    throw new UsageError(`${address.url}: is an address, and only fovea batch writes there; give a path`);
  }
  try {
    await makeFolders(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    const problem =
      (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is a file, not a folder' : fileProblem(error);
    throw new DataError(`${folder}: cannot be used as a folder (${problem}); choose another output path`, {
      cause: error,
    });
  }
}

/** Makes sure, before hours of work, that a file can be written: makes its folder. Throws DataError. */
export async function checkOutputFile(path: string): Promise<void> {
  await makeFolder(dirname(await placeOf(path)));
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new DataError(`${path}: is a folder; give the path of a file`);
  }
}

/** Above that inputs are compared as they are given, and links to outputs are not looked for. */
const MANY = 1000;

/** Makes sure that no output would replace what is read. Throws UsageError. */
export async function expectNoInput(
  outputs: readonly (string | undefined)[],
  inputs: readonly (string | undefined)[],
): Promise<void> {
  const places = await Promise.all(
    inputs.flatMap((input) =>
      input === undefined ? [] : [inputs.length > MANY ? resolve(input) : realPath(input)],
    ),
  );
  for (const output of outputs) {
    if (output === undefined || !places.includes(await realPath(output))) continue;
    throw new UsageError(`${output}: is an input, and would be replaced; choose another output path`);
  }
}

/** As the library's writeFileAtomic (whole or not at all), but makes missing folders. Throws DataError naming the path. */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  await makeFolder(dirname(await placeOf(path)));
  await writeWholeFile(path, content);
}

/** Where a file is written: where a link leads, or else the path as it is. */
const placeOf = (path: string): Promise<string> =>
  readlink(path).then(
    () => realPath(path),
    () => path,
  );

/** A name in the folder of a file that is being made: it is renamed to the file's once it is whole. */
export function temporaryFor(file: string): string {
  const name = basename(file);
  // Most file systems end names at 255 bytes.
  const short = Buffer.byteLength(name) <= 180 ? name : sha256(name).slice(0, 32);
  return join(dirname(file), `.${short}.${randomUUID()}.tmp`);
}

/**
 * Runs `make`, which writes a file under the temporary name `begun` and renames it when it is whole. Whatever happens, nothing of that
 * name stays; errors name the file itself.
 */
export async function withTemporary<T>(file: string, begun: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(begun, file);
    throw error;
  } finally {
    await rm(begun, { force: true });
  }
}

/** Where a path leads that may not be there yet: links are followed, also one to what is not there. */
export async function realPath(file: string, followed = 0): Promise<string> {
  const whole = resolve(file);
  const parent = dirname(whole);
  return realpath(whole).catch(async () => {
    if (parent === whole || followed > 40) return whole;
    const folder = await realPath(parent, followed + 1);
    const link = await readlink(whole).catch(() => undefined);
    return link === undefined ? join(folder, basename(whole)) : realPath(resolve(folder, link), followed + 1);
  });
}

/** The names of all files and links below a folder, with slashes. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  // Once for each folder: there may be very many files, and they are listed often.
  const prefixes = new Map<string, string>();
  const prefixOf = (parent: string): string => {
    const known = prefixes.get(parent);
    if (known !== undefined) return known;
    const prefix = relative(folder, join(parent, '_')).split(sep).join('/').slice(0, -1);
    prefixes.set(parent, prefix);
    return prefix;
  };
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => `${prefixOf(parentPath)}${name}`);
}
