/** Node's own modules, asked for at run time so that a browser's bundler never sees them. */
export const builtin = <T>(name: string): T => process.getBuiltinModule(name) as T;

/**
 * The files from which an application's packages are looked for: Fovea itself; the script that was started, which may lie
 * elsewhere where Fovea is linked or bundled; the working folder, for code that is typed in.
 */
function startingPoints(): string[] {
  const path = builtin<typeof import('node:path')>('node:path');
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const files = [path.join(process.cwd(), 'package.json')];
  const script = process.argv[1];
  // A command is started by a link in node_modules/.bin.
  if (script !== undefined && fs.existsSync(script)) files.unshift(fs.realpathSync(script));
  // Not there where a bundler has made CommonJS of this.
  const own: string | undefined = import.meta.url;
  if (own?.startsWith('file:')) files.unshift(own);
  return files;
}

/** The folders of an installed package, in the order in which Node looks for it. Its `exports` do not matter. */
export function installedFolders(name: string): string[] {
  const { createRequire } = builtin<typeof import('node:module')>('node:module');
  const path = builtin<typeof import('node:path')>('node:path');
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const folders = startingPoints().flatMap((from) => createRequire(from).resolve.paths(name) ?? []);
  return [...new Set(folders)]
    .map((folder) => path.join(folder, name))
    .filter((folder) => fs.existsSync(path.join(folder, 'package.json')));
}
