import {
  BadData,
  type DataFiles,
  type DecodedPng,
  type FolderEntry,
  type ImageInfo,
  type OpenFile,
} from 'fovea/data';
import { imageSize } from 'image-size';
import type { DroppedFile } from './dropped.ts';

/** The beginning of an image file that says its size: behind large EXIF data and colour profiles of JPEGs, too. */
const HEADER = 1 << 18;

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());

/** The size of an image as it is shown, from its file's beginning, else from all of it. */
async function sizeOf(blob: Blob, name: string): Promise<ImageInfo> {
  let reason: unknown;
  for (const length of blob.size > HEADER ? [HEADER, blob.size] : [blob.size]) {
    try {
      const { width, height, orientation = 1 } = imageSize(await bytesOf(blob.slice(0, length)));
      const turned = orientation >= 5;
      return { width: turned ? height : width, height: turned ? width : height, orientation };
    } catch (error) {
      reason = error;
    }
  }
  throw new BadData('not an image', `${name}: ${(reason as Error).message}; save it as JPEG, PNG or WebP`);
}

/** Decodes a PNG by the browser: RGBA. */
async function decodePng(bytes: Uint8Array): Promise<DecodedPng> {
  const bitmap = await createImageBitmap(new Blob([bytes as BlobPart], { type: 'image/png' }), {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/** Dropped files as the readers of `fovea/data` see a disk: what was dropped lies in the folder `.`. */
export class BrowserFiles implements DataFiles {
  readonly #files = new Map<string, Blob>();
  readonly #folders = new Map<string, Map<string, FolderEntry>>([['', new Map()]]);
  readonly decodePng = decodePng;

  constructor(dropped: Iterable<DroppedFile>) {
    for (const { path, file } of dropped) {
      const parts = path.split('/');
      this.#files.set(path, file);
      parts.forEach((name, i) => {
        const folder = parts.slice(0, i).join('/');
        const entries = this.#folders.get(folder) ?? new Map<string, FolderEntry>();
        entries.set(name, { name, folder: i < parts.length - 1 });
        this.#folders.set(folder, entries);
      });
    }
  }

  /** The path as keys have it: without `.`, and with `..` gone up. */
  static key(path: string): string {
    const parts: string[] = [];
    for (const part of path.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    return parts.join('/');
  }

  /** The file at a path. Throws DataError where there is none. */
  blob(path: string): Blob {
    const file = this.#files.get(BrowserFiles.key(path));
    if (!file) throw new BadData('path', `${path}: no such file; drop it together with the others`);
    return file;
  }

  async kind(path: string): Promise<'file' | 'folder' | undefined> {
    const key = BrowserFiles.key(path);
    if (this.#files.has(key)) return 'file';
    return this.#folders.has(key) ? 'folder' : undefined;
  }

  async list(folder: string): Promise<FolderEntry[]> {
    const entries = this.#folders.get(BrowserFiles.key(folder));
    if (!entries) throw new BadData('path', `${folder}: no such folder`);
    return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async bytes(path: string): Promise<Uint8Array> {
    return bytesOf(this.blob(path));
  }

  async open(path: string): Promise<OpenFile> {
    const blob = this.blob(path);
    return {
      read: (start, length) => bytesOf(blob.slice(start, start + length)),
      close: async () => undefined,
    };
  }

  imageSize(image: string | Uint8Array, name: string): Promise<ImageInfo> {
    const blob = typeof image === 'string' ? this.blob(image) : new Blob([image as BlobPart]);
    return sizeOf(blob, name);
  }
}
