import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { fileError, hasBuiltins } from './files.ts';

/** Bytes of a file, read anywhere and added at its end. */
export interface FileStorage {
  /** The path. */
  readonly name: string;
  /** How many bytes there are. */
  size(): Promise<number>;
  /** So many bytes from a place on. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Adds bytes at the end. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts off what is behind so many bytes. */
  truncate(size: number): Promise<void>;
  /** Returns when all is on the disk. */
  sync(): Promise<void>;
  /** Closes the file. */
  close(): Promise<void>;
}

/**
 * Opens a file for `createIndex` and `openIndex` of fovea/similarity. Node only.
 *
 * @param mode `create`: a new file, where none may be; `write`: one that is there; `read`: one that is there, which is not written.
 * @throws DataError where the file is there already, is not there, is no file or cannot be opened; of its methods, where the system
 * refuses.
 */
export async function fileStorage(path: string, mode: 'create' | 'write' | 'read'): Promise<FileStorage> {
  expectArguments('fileStorage', { path }, { path: 'text' });
  if (!hasBuiltins()) throw new DataError(`${path}: cannot be opened in a browser; keep an index in memory`);
  const { open, stat } = process.getBuiltinModule('node:fs').promises;
  const flags = { create: 'wx+', write: 'r+', read: 'r' }[mode];
  if (flags === undefined)
    throw new DataError(`fileStorage: mode is ${String(mode)}; choose create, write, read`);
  const fail = (doing: string, cause: unknown): never => {
    throw fileError(path, doing, cause, ['there is no such file or folder', 'check the path']);
  };
  const there = await stat(path).catch(() => undefined);
  // Opening a pipe would wait for a writer, and neither it nor a device is read anywhere.
  if (there && !there.isFile() && !there.isDirectory())
    throw new DataError(
      `${path}: cannot be opened: it is a device, a pipe or a socket; give the path of a file`,
    );
  if (there?.isDirectory()) fail('opened', { code: 'EISDIR' });
  const handle = await open(path, flags).catch((error) => fail('opened', error));
  let end = (await handle.stat()).size;
  return {
    name: path,
    size: async () => end,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle
          .read(bytes, done, length - done, offset + done)
          .catch((error) => fail('read', error));
        if (bytesRead === 0)
          throw new DataError(`${path}: ends at byte ${offset + done}; ${length - done} are missing`);
        done += bytesRead;
      }
      return bytes;
    },
    async append(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const written = await handle
          .write(bytes, done, bytes.length - done, end)
          .catch((error) => fail('written', error));
        done += written.bytesWritten;
        end += written.bytesWritten;
      }
    },
    async truncate(size) {
      await handle.truncate(size).catch((error) => fail('written', error));
      end = size;
    },
    sync: () => handle.sync().catch((error) => fail('written', error)),
    close: () => handle.close(),
  };
}
