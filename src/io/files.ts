/**
 * Files on disk, for Node. `node:fs` is imported when a function runs, so that a bundle for the browser needs no stub
 * for it.
 */
import { expectArguments } from '../arguments.ts';
import { DataError, FoveaError } from '../errors.ts';

/** Whether Node's own modules are there. */
export const hasBuiltins = (): boolean =>
  typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function';

function builtin<Name extends 'node:fs' | 'node:path' | 'node:crypto'>(name: Name) {
  if (!hasBuiltins()) {
    throw new FoveaError(
      `files: ${name} is not available; use Node 20.16 or later, or pass bytes to decodeSafetensors in a browser`,
    );
  }
  return process.getBuiltinModule(name);
}

/** Advice for the most common file system errors. */
const FIXES: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  EACCES: ['no permission', 'change its permissions or use another path'],
  EPERM: ['no permission', 'change its permissions or use another path'],
  EROFS: ['the file system is read-only', 'use another path'],
  ENOSPC: ['the disk is full', 'make room and try again'],
  EDQUOT: ['the disk quota is used up', 'make room and try again'],
  EEXIST: ['it is there already', 'use another path'],
  ENAMETOOLONG: ['its name is too long', 'choose a shorter one'],
  EISDIR: ['it is a folder', 'give the path of a file'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'check the path'],
};

/** The error to throw for one of the file system: its path, what failed, and the way out. */
export function fileError(
  path: string,
  verb: string,
  cause: unknown,
  missing: readonly [string, string],
): DataError {
  const { code = 'unknown error' } = cause as { code?: string };
  const [problem, fix] =
    code === 'ENOENT' ? missing : (FIXES[code] ?? [`the system says ${code}`, 'check the path and the disk']);
  return new DataError(`${path}: cannot be ${verb}: ${problem}; ${fix}`, { cause });
}

/** Bytes of a name that may have something added: most file systems end names at 255. */
const LONG_NAME = 180;

/** A name as it is, or a shorter one that no other has. */
function shortName(name: string): string {
  if (new TextEncoder().encode(name).length <= LONG_NAME) return name;
  // At most 4 bytes each.
  return `${[...name].slice(0, 30).join('')}-${sha256(name).slice(0, 32)}`;
}

/** The content of a file: bytes, text, or parts of these, which need not be in memory at once. */
export type FileContent =
  | Uint8Array
  | string
  | Iterable<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

type Parts = Exclude<FileContent, Uint8Array | string>;

const isParts = (content: FileContent): content is Parts => {
  if (Object(content) !== content || ArrayBuffer.isView(content)) return false;
  return Symbol.iterator in (content as object) || Symbol.asyncIterator in (content as object);
};

function expectPart(content: Uint8Array | string): void {
  if (typeof content !== 'string') expectArguments('writeFileAtomic', { content }, { content: 'bytes' });
}

/**
 * Writes a file atomically: whoever opens `path` at any moment, also after a crash, finds the old content or the new,
 * never a part. The content, whole or in parts one after the other, is written to a temporary file in the same folder,
 * flushed to the disk, then renamed. Where `path` is a symbolic link, the file that it leads to is written, there or not yet,
 * and the link stays. Node only.
 *
 * A process that is killed meanwhile leaves its temporary file, `.name.uuid.tmp`; the next write to the same path
 * removes those older than an hour.
 *
 * @throws DataError, one line, if the folder is missing, the path is a folder, a device, a pipe or a socket, or the disk is full or
 * refuses; what the parts throw as it is. The temporary file is then removed, and what is at `path` is unchanged.
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  expectArguments('writeFileAtomic', { path }, { path: 'text' });
  if (!isParts(content)) expectPart(content);
  const fs = builtin('node:fs').promises;
  const { basename, dirname, join } = builtin('node:path');
  const place = await linkTarget(path);
  const there = await fs.stat(place).catch(() => undefined);
  // The new file would take the place of a device such as /dev/null, for all programs.
  if (there && !there.isFile() && !there.isDirectory()) {
    throw new DataError(
      `${path}: cannot be written: it is a device, a pipe or a socket; give the path of a file`,
    );
  }
  const folder = dirname(place);
  // A name of its own, so that two writers of one path do not write into one temporary file.
  const unique = builtin('node:crypto').randomUUID();
  const temporary = join(folder, `.${shortName(basename(place))}.${unique}.tmp`);
  try {
    const handle = await fs.open(temporary, 'wx');
    try {
      for await (const part of isParts(content) ? content : [content]) {
        expectPart(part);
        // Of a handle that was written to, it goes on where it is.
        await handle.writeFile(part);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, place);
    await removeStale(folder, shortName(basename(place)));
  } catch (cause) {
    await fs.rm(temporary, { force: true });
    // What making the parts threw is no fault of the file.
    if (typeof (cause as { code?: unknown }).code !== 'string') throw cause;
    throw fileError(path, 'written', cause, [`the folder ${folder} does not exist`, 'create it first']);
  }
}

/** Links that lead to links are followed so far; a loop ends here, and then cannot be opened. */
const MOST_LINKS = 40;

/** The path that a symbolic link leads to, even where nothing is there yet; the path itself if it is no link. */
async function linkTarget(path: string, followed = 0): Promise<string> {
  const fs = builtin('node:fs').promises;
  const { dirname, resolve } = builtin('node:path');
  const link = await fs.readlink(path).catch(() => undefined);
  if (link === undefined) return path;
  if (followed === MOST_LINKS) {
    throw new DataError(`${path}: cannot be written: it is a link that leads to itself; use another path`);
  }
  const folder = await fs.realpath(dirname(path));
  return linkTarget(resolve(folder, link), followed + 1);
}

/** No write takes this long: an older temporary file belongs to a process that has ended. */
const STALE_MS = 3_600_000;

/** Removes temporary files that killed processes left. A folder that cannot be cleaned is no reason to fail. */
async function removeStale(folder: string, name: string): Promise<void> {
  const fs = builtin('node:fs').promises;
  const { join } = builtin('node:path');
  const uuid = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
  try {
    for (const entry of await fs.readdir(folder)) {
      if (!entry.startsWith(`.${name}.`) || !uuid.test(entry.slice(name.length + 1))) continue;
      const left = join(folder, entry);
      if (Date.now() - (await fs.stat(left)).mtimeMs > STALE_MS) await fs.rm(left, { force: true });
    }
  } catch {
    // The file itself is written.
  }
}

/** Reads a whole file. Node only. Throws a one-line DataError if it is missing, a folder, or unreadable. */
export async function readFileBytes(path: string): Promise<Uint8Array> {
  expectArguments('readFileBytes', { path }, { path: 'text' });
  const fs = builtin('node:fs').promises;
  try {
    const buffer = await fs.readFile(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    throw fileError(path, 'read', cause, ['there is no such file', 'check the path']);
  }
}

/**
 * A file that grows at its end, for logs. How much of it counts is kept here, not on the disk: what lies behind is cut off with the
 * first write, so that a log can be continued from an earlier point. Node only.
 */
export class GrowingFile {
  readonly path: string;
  #length: number;

  private constructor(path: string, length: number) {
    this.path = path;
    this.#length = length;
  }

  /** A new file, which replaces one of that name with the first write. The folder is made if it is missing. */
  static create(path: string): GrowingFile {
    return new GrowingFile(path, 0);
  }

  /** A file to continue behind its first `length` bytes; undefined where there is none of at least that length. */
  static async reopen(path: string, length: number): Promise<GrowingFile | undefined> {
    const found = await builtin('node:fs')
      .promises.stat(path)
      .catch(() => undefined);
    return found?.isFile() && found.size >= length ? new GrowingFile(path, length) : undefined;
  }

  /** The number of bytes that count. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes bytes behind those that count.
   *
   * @param bytes What is added.
   * @param options `flush`: whether to wait until they are on the disk, and not in the system's memory only. Default false.
   * @throws DataError, one line, if the file cannot be written.
   */
  async append(bytes: Uint8Array, { flush = false }: { readonly flush?: boolean } = {}): Promise<void> {
    const fs = builtin('node:fs').promises;
    try {
      if (this.#length === 0) {
        await fs.mkdir(builtin('node:path').dirname(this.path), { recursive: true });
      }
      const handle = await fs.open(this.path, this.#length === 0 ? 'w' : 'r+');
      try {
        await handle.truncate(this.#length);
        await handle.write(bytes, 0, bytes.length, this.#length);
        if (flush) await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (cause) {
      throw fileError(this.path, 'written', cause, ['it was removed or moved', 'leave it in place']);
    }
    this.#length += bytes.length;
  }
}

/** The SHA-256 of bytes and texts, one after another, in hexadecimal. Node only. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = builtin('node:crypto').createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
