/** Characters of one folder or file name, and of a path; systems allow 255 and 4096 bytes. */
const NAME = 100;
const PATH = 400;

/** Names that Windows has for devices. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/**
 * The paths of files in a zip: a folder and their names, with folders, made such that every system can unpack them side by
 * side: nothing leads out of the folder, and no two differ only in capitals.
 *
 * @param names Names with folders, as the visitor's files have them; any text.
 * @param folder The folder that has them. Default `files`.
 * @returns As many, in the same order.
 */
export function pathsInZip(names: readonly string[], folder = 'files'): string[] {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    const [stem, extension] = split(safePath(name));
    const key = (stem + extension).normalize('NFC').toLowerCase();
    for (let i = next.get(key) ?? 1; ; i++) {
      const path = `${folder}/${stem}${i === 1 ? '' : ` (${i})`}${extension}`;
      const seen = path.normalize('NFC').toLowerCase();
      if (taken.has(seen)) continue;
      taken.add(seen);
      next.set(key, i + 1);
      return path;
    }
  });
}

/** A file name of what the visitor called something: `my coins.safetensors`. */
export const fileNameOf = (name: string, extension: string): string =>
  `${safeSegment(name.replace(/[\\/]/g, '_').trim() || 'unnamed')}.${extension}`;

function safePath(name: string): string {
  const segments = name.split(/[\\/]+/).filter((segment) => !/^\.*$/.test(segment));
  const safe = segments.map(safeSegment);
  const path = safe.join('/');
  return path === '' ? 'picture' : path.length > PATH ? safe.at(-1)! : path;
}

function safeSegment(segment: string): string {
  // Control characters, halves of surrogate pairs, and what Windows does not allow.
  const plain = segment
    .replace(/[\p{Cc}\p{Cs}<>:"|?*]/gu, '_')
    .replace(/[. ]+$/, (end) => '_'.repeat(end.length));
  const [stem, extension] = split(plain);
  const short = [...stem].slice(0, NAME - extension.length).join('') + extension;
  return DEVICE.test(short) ? `_${short}` : short;
}

/** The name without its extension, which has ten letters or digits at most, and the extension with its dot. */
function split(path: string): [stem: string, extension: string] {
  const extension = /(?<=[^/])\.[a-z0-9]{1,10}$/i.exec(path)?.[0] ?? '';
  return [path.slice(0, path.length - extension.length), extension];
}
