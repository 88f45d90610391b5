/** Paths with forward slashes, as annotation files have them on every system. */

export function joinPath(...parts: readonly string[]): string {
  const joined = parts.filter((part) => part !== '').join('/');
  const absolute = joined.startsWith('/');
  const out: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (part !== '..' || !absolute) out.push(part);
  }
  return `${absolute ? '/' : ''}${out.join('/')}` || '.';
}

export const isAbsolute = (path: string): boolean => path.startsWith('/') || /^[A-Za-z]:\//.test(path);

/** Resolves `path` against a folder, unless it is absolute. */
export const resolveFrom = (folder: string, path: string): string =>
  isAbsolute(path) ? path : joinPath(folder, path);

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

export function folderOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '.' : at === 0 ? '/' : path.slice(0, at);
}

/** The extension with its dot, unchanged; '' if there is none. */
export function extensionOf(path: string): string {
  const name = baseName(path);
  const at = name.lastIndexOf('.');
  return at > 0 ? name.slice(at) : '';
}

export const withoutExtension = (path: string): string =>
  path.slice(0, path.length - extensionOf(path).length);

/** The extensions of images. */
export const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff', '.bmp', '.gif', '.avif'];

/** Whether a path has the extension of an image: .jpg, .jpeg, .png, .webp, .tif, .tiff, .bmp, .gif or .avif, in any case. */
export const isImageFile = (path: string): boolean =>
  typeof path === 'string' && IMAGE_EXTENSIONS.includes(extensionOf(path).toLowerCase());
export const hasExtension = (path: string, extension: string): boolean =>
  extensionOf(path).toLowerCase() === extension;

const CLUTTER = ['__macosx', 'thumbs.db', 'desktop.ini'];

/** Whether a file or folder is left by a system or an editor: names that begin with a dot, __MACOSX, Thumbs.db, desktop.ini. */
export const isClutter = (name: string): boolean =>
  name.startsWith('.') || CLUTTER.includes(name.toLowerCase());

/** Whether a name may not be UTF-8 text: systems list it with U+FFFD for what is none, and do not find it by that. */
export const isUnreadable = (name: string): boolean => name.includes('\ufffd');

/** Whether a path is a folder or inside it. Both are resolved; relative ones are relative to the same folder. */
export function isWithin(path: string, folder: string): boolean {
  if (folder === '/' || (folder === '.' && !path.startsWith('..') && !isAbsolute(path))) return true;
  if (/^(\.\.\/)*\.\.$/.test(folder)) {
    const ups = (text: string) => text.split('/').filter((part) => part === '..').length;
    return !isAbsolute(path) && ups(path) <= ups(folder);
  }
  return path === folder || path.startsWith(`${folder}/`);
}
