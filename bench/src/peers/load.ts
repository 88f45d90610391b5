import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder `bench`, from the bundle in dist/ as from the sources. */
export function benchFolder(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'peers', 'package.json'))) folder = path.dirname(folder);
  return folder;
}

/** A package of the peers' own installation, or nothing where they are not installed. */
export function loadPeer<T>(name: string): T | undefined {
  const require = createRequire(path.join(benchFolder(), 'peers', 'package.json'));
  try {
    return require(name) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

const versionIn = (...names: string[]): string =>
  (
    JSON.parse(readFileSync(path.join(benchFolder(), ...names, 'package.json'), 'utf8')) as {
      version: string;
    }
  ).version;

/** The version of a peer's package, of those that are installed. */
export const peerVersion = (name: string): string => versionIn('peers', 'node_modules', name);

export const foveaVersion = (): string => versionIn('..');

/** Dawn's for Node. */
export const webgpuVersion = (): string => versionIn('..', 'node_modules', 'webgpu');
