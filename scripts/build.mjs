// Builds everything that is not run from source, each into the folder that package.json names:
//   dist/        the library (ESM, one file per module of src/, so that bundlers leave out what is not used) and its types
//   cli/dist/    the command line, and the photograph of its demo
//   web/dist/    the studio, and the page that detects
// npm runs it after every install (`prepare`). Quiet; exits 1 and shows the messages where anything fails.
// `node scripts/build.mjs web` builds that part alone; the parts are library, types, cli and web.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { finishDeclarations } from './declarations.mjs';
import { declarationsOf, listOperations, sourceOf } from './operations.mjs';
import { DEFINITIONS, markPure } from './pure.mjs';
import { wgsl } from './wgsl.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
/** @typedef {typeof import('esbuild')} Esbuild */

const at = (/** @type {string[]} */ ...names) => path.join(root, ...names);

/** @satisfies {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2023',
  plugins: [wgsl],
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
};

/**
 * The entry points whose files exist: a part that is not written yet is no error.
 *
 * @param {Readonly<Record<string, string>>} entries
 */
const existing = (entries) =>
  Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(at(file))));

/**
 * Bundles, then removes what an earlier build left in the folder.
 *
 * @param {Esbuild} esbuild
 * @param {Record<string, string>} entryPoints
 * @param {string} outdir
 * @param {import('esbuild').BuildOptions} options
 */
async function bundle(esbuild, entryPoints, outdir, options) {
  if (Object.keys(entryPoints).length === 0) return;
  const { metafile } = await esbuild.build({
    ...options,
    ...common,
    entryPoints,
    outdir: at(outdir),
  });
  const written = new Set(Object.keys(metafile.outputs).map((file) => at(file)));
  await removeOthers(at(outdir), (file) => written.has(file) || file.startsWith(at(outdir, 'types')));
}

/**
 * Gives classes their names back. Of one that names itself esbuild makes `var Tensor = class _Tensor`, and messages and consoles would show
 * that name; within the class, its own name does as well.
 *
 * @param {readonly string[]} files
 */
async function keepClassNames(files) {
  for (const file of files) {
    const text = await readFile(file, 'utf8');
    const names = [...text.matchAll(/\b(?:var|let|const) (\w+) = class _\1\b/g)].map(([, name]) => name);
    if (names.length === 0) continue;
    await writeFile(file, text.replace(new RegExp(`\\b_(${names.join('|')})\\b`, 'g'), '$1'));
  }
}

/**
 * @param {string} folder
 * @param {(file: string) => boolean} keep
 */
async function removeOthers(folder, keep) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !keep(file)) await rm(file);
  }
}

/**
 * Definitions are marked as pure. (esbuild does not honour a function's own @__NO_SIDE_EFFECTS__ in another module.)
 *
 * @type {import('esbuild').Plugin}
 */
const pureDefinitions = {
  name: 'pure definitions',
  setup(build) {
    build.onLoad({ filter: DEFINITIONS }, async ({ path: file }) => ({
      contents: markPure(await readFile(file, 'utf8')),
      loader: 'ts',
    }));
  },
};

/**
 * Modules stay apart: an import of x.ts is one of x.js, that of a shader, y.wgsl, is one of y.wgsl.js.
 *
 * @type {import('esbuild').Plugin}
 */
const separateModules = {
  name: 'separate modules',
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ path: specifier, kind }) =>
      kind === 'entry-point'
        ? undefined
        : { path: specifier.replace(/\.ts$/, '.js').replace(/\.wgsl$/, '.wgsl.js'), external: true },
    );
  },
};

/**
 * Every module of src/ as a module of dist/; and dist/operations/roi_align.js for each operation.
 *
 * @param {Esbuild} esbuild
 */
async function buildLibrary(esbuild) {
  const files = (await readdir(at('src'), { recursive: true }))
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => /\.(ts|wgsl)$/.test(file) && !file.endsWith('.d.ts'));
  const modules = files.map((file) => ({ in: `src/${file}`, out: file.replace(/\.ts$/, '') }));
  const plugins = [separateModules, wgsl, pureDefinitions];
  const { metafile } = await esbuild.build({
    ...common,
    platform: 'neutral',
    packages: 'external',
    entryPoints: modules,
    outdir: at('dist'),
    plugins,
  });
  const written = new Set(Object.keys(metafile.outputs).map((file) => at(file)));
  await keepClassNames([...written].filter((file) => file.endsWith('.js')));
  await mkdir(at('dist/operations'), { recursive: true });
  for (const row of await listOperations(esbuild, root)) {
    const file = at('dist/operations', `${row.operation}.js`);
    await writeFile(
      file,
      sourceOf(row, (source) => `../${source.replace(/\.ts$/, '.js')}`),
    );
    written.add(file);
  }
  await removeOthers(at('dist'), (file) => written.has(file) || file.startsWith(at('dist/types')));
}

/**
 * The command line imports the library by its name, as other packages do: there is one copy in the process.
 *
 * @param {Esbuild} esbuild
 */
async function buildCli(esbuild) {
  if (!existsSync(at('node_modules/fovea'))) {
    throw new Error('cli: node_modules/fovea is missing; run "npm install", which links it to this folder');
  }
  await bundle(
    esbuild,
    existing({ main: 'cli/src/main.ts', batchChild: 'cli/src/batch/child.ts' }),
    'cli/dist',
    {
      splitting: true,
      platform: 'node',
      packages: 'external',
      // Without the paths of tsconfig.json, which lead "fovea" to its source.
      tsconfigRaw: {},
      outExtension: { '.js': '.mjs' },
    },
  );
  await cp(at('examples/coins'), at('cli/dist/coins'), { recursive: true });
}

/** The studio and the page that detects, by Vite: web/vite.config.ts. */
async function buildPage() {
  if (!existsSync(at('web/vite.config.ts'))) return;
  const vite = await import('vite');
  await vite.build({ configFile: at('web/vite.config.ts'), logLevel: 'warn' });
}

/**
 * Declarations, by TypeScript itself; a type error anywhere in src/ fails the build. Those of the operations' entry
 * points lie in another folder, since a file may hold several operations.
 *
 * @param {Esbuild} esbuild
 */
async function buildTypes(esbuild) {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('typescript/package.json');
  const tsc = path.join(path.dirname(manifest), require(manifest).bin.tsc);
  const args = [tsc, '-p', at('tsconfig.build.json'), '--listEmittedFiles', '--pretty', 'false'];
  await mkdir(at('dist/types'), { recursive: true });
  const output = await new Promise((/** @type {(stdout: string) => void} */ resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const lines = stdout.split(/\r?\n/).filter((line) => !line.startsWith('TSFILE:'));
      reject(new Error(`types: tsc failed\n${lines.join('\n')}${stderr}`.trim()));
    });
  });
  const emitted = [...output.matchAll(/^TSFILE:\s*(.+?)\s*$/gm)].map(([, file]) => path.resolve(root, file));
  await mkdir(at('dist/types/operations'), { recursive: true });
  for (const row of await listOperations(esbuild, root)) {
    const file = at('dist/types/operations', `${row.operation}.d.ts`);
    await writeFile(
      file,
      declarationsOf(row, (source) => `../${source.replace(/\.ts$/, '.js')}`),
    );
    emitted.push(file);
  }
  emitted.push(await finishDeclarations(at('dist/types'), emitted));
  await removeOthers(at('dist/types'), (file) => emitted.includes(file));
}

async function build() {
  const esbuild = await import('esbuild').catch(() => {
    throw new Error('esbuild is not installed; run "npm ci" with development dependencies');
  });
  const parts = new Map([
    ['library', buildLibrary],
    ['types', buildTypes],
    ['cli', buildCli],
    ['web', buildPage],
  ]);
  const names = process.argv.length > 2 ? process.argv.slice(2) : [...parts.keys()];
  const builds = names.map((name) => {
    const part = parts.get(name);
    if (!part) throw new Error(`no part "${name}"; choose from ${[...parts.keys()].join(', ')}`);
    return part;
  });
  const results = await Promise.allSettled(builds.map((part) => part(esbuild)));
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    const { reason } = result;
    process.exitCode = 1;
    // esbuild has printed its own messages already.
    console.error(reason.errors ? `build: ${reason.message.split('\n')[0]}` : `build: ${reason.message}`);
  }
}

try {
  await build();
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
