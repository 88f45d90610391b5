import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BadData, type DataFiles } from 'fovea/data';
import { fileProblem, openFile, readWhole, realPath } from './files.ts';
import { decodePngBytes, imageHeader } from './images.ts';

const fail = (file: string, error: unknown): never => {
  // Node replaces what is not UTF-8 in names, and then does not find the file.
  if ((error as NodeJS.ErrnoException).code === 'ENOENT' && file.includes('\ufffd')) {
    throw new BadData('path', `${file}: the name is not UTF-8 text; rename the file or folder`, {
      cause: error,
    });
  }
  throw new BadData('path', `${file}: ${fileProblem(error)}; check the path`, { cause: error });
};

/** The file system for the readers of annotations. */
export const diskFiles: DataFiles = {
  async kind(file) {
    const found = await stat(file).catch(() => undefined);
    return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : undefined;
  },

  async list(folder) {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error) => fail(folder, error));
    const listed = await Promise.all(
      entries.map(async (entry) => {
        const { name } = entry;
        const link = entry.isSymbolicLink();
        const found = link ? await stat(path.join(folder, name)).catch(() => undefined) : entry;
        // A link that leads nowhere is listed: whoever needs the file says that it is missing.
        if (found && !found.isFile() && !found.isDirectory()) return [];
        return [{ name, folder: found?.isDirectory() ?? false, ...(link ? { link } : {}) }];
      }),
    );
    return listed.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  },

  bytes: (file) => readWhole(file).catch((error) => fail(file, error)),

  async open(file) {
    const handle = await openFile(file).catch((error) => fail(file, error));
    return {
      async read(start, length) {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await handle
            .read(bytes, filled, length - filled, start + filled)
            .catch((error) => fail(file, error));
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      },
      close: () => handle.close(),
    };
  },

  imageSize: imageHeader,
  realPath,

  decodePng: (bytes) => decodePngBytes(bytes, 'mask'),
};
