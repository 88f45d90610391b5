import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensureBuilt } from '../../scripts/built.mjs';

export const root = path.join(import.meta.dirname, '../..');

/** Without what the suite itself is run with: npm's own variables, and the adapter that tests take. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|FOVEA_|VITEST|NODE_)/i.test(name)),
);

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects, with all that it printed, where it fails. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = environment,
): Promise<Output> {
  try {
    return await promisify(execFile)(program, args, { cwd, env, maxBuffer: 1 << 26 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Output>;
    throw new Error(`${program} ${args.join(' ')} in ${cwd}\n${stdout}${stderr}`, { cause: error });
  }
}

export interface Packed {
  readonly name: string;
  readonly tarball: string;
  /** The paths of its files, within the package. */
  readonly files: readonly string[];
}

/** Builds, and packs both packages into a folder, as they would be published. */
export async function packBoth(folder: string): Promise<{ library: Packed; cli: Packed }> {
  await ensureBuilt(['library', 'types', 'cli']);
  const pack = async (name: string): Promise<Packed> => {
    const { stdout } = await run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--workspace', name, '--pack-destination', folder],
      root,
    );
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    return { name, tarball: path.join(folder, filename), files: files.map((file) => file.path) };
  };
  return { library: await pack('fovea'), cli: await pack('fovea-cli') };
}

/** Makes a folder for an application with nothing installed. */
export function makeApplication(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  return folder;
}

export const install = (folder: string, packages: readonly string[]): Promise<Output> =>
  run('npm', ['install', ...packages, '--prefer-offline', '--no-audit', '--no-fund'], folder);

/**
 * The environment of a machine without Vulkan: no driver to find, and a loader that cannot be opened in front of the
 * system's.
 */
export function withoutVulkan(folder: string): NodeJS.ProcessEnv {
  const libraries = path.join(folder, 'no-vulkan');
  mkdirSync(libraries, { recursive: true });
  writeFileSync(path.join(libraries, 'libvulkan.so.1'), '');
  const none = path.join(libraries, 'none.json');
  return {
    ...environment,
    NO_COLOR: '1',
    LD_LIBRARY_PATH: libraries,
    VK_DRIVER_FILES: none,
    VK_ICD_FILENAMES: none,
  };
}

/** The one line of README.md's section on installing that installs these packages. */
export function documentedInstall(name: RegExp): string[] {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const lines = [...readme.matchAll(/^ {4}npm install (.+?)(?:\s+#.*)?$/gm)].map(([, line]) => line!);
  const found = lines.filter((line) => name.test(line));
  if (found.length !== 1) throw new Error(`README.md has ${found.length} install lines with ${name}`);
  return found[0]!.split(/\s+/);
}
