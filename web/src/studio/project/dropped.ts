/** Files that were dropped, chosen or packed in a zip, by their paths: `set/images/0001.jpg`. */

/** One of them: a File of the visitor's, or what a zip holds. */
export interface DroppedFile {
  /** With forward slashes, and without one at its beginning. */
  readonly path: string;
  readonly file: Blob;
}

const readEntries = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject));

/** All entries of a folder: browsers give a hundred at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (let some = await readEntries(reader); some.length > 0; some = await readEntries(reader)) {
    all.push(...some);
  }
  return all;
}

async function* filesBelow(entry: FileSystemEntry): AsyncGenerator<DroppedFile> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    yield { path: entry.fullPath.replace(/^\/+/, ''), file };
  } else if (entry.isDirectory) {
    for (const below of await entriesOf(entry as FileSystemDirectoryEntry)) yield* filesBelow(below);
  }
}

/** What was dropped. To be called in the event's own turn: browsers forget the items after it. */
export function droppedFiles({ items, files }: DataTransfer): () => AsyncGenerator<DroppedFile> {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...files];
  return async function* all() {
    if (entries.every((entry) => entry === null)) {
      yield* chosenFiles(plain);
      return;
    }
    for (const entry of entries) if (entry) yield* filesBelow(entry);
  };
}

/** The files that an `<input type="file">` has, of a folder with the paths in it. */
export const chosenFiles = (files: Iterable<File>): DroppedFile[] =>
  [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
