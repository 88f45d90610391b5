// npm run bench:gpu [-- [--peers] [--run ...]]: packs what a bare x86-64 Linux GPU host needs to measure Fovea into .gpu-host/:
// Node, a Vulkan loader, the bench and the command line with their packages, in under 64 MiB. Then, on the host:
//
//   bash .gpu-host/run.sh [options of run.mjs]
//
// --peers packs tfjs, jax-js and onnxruntime, too. --run runs the packed folder here, from a copy and with an empty environment,
// with all that stands behind it: what is tried on lavapipe is what runs on the host.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { wgsl } from '../../scripts/wgsl.mjs';
import { tools } from '../offline/targets.mjs';

const root = realpathSync(path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..'));
/** @param {string[]} names */
const at = (...names) => path.join(root, ...names);
const out = at('.gpu-host');
const [, , ...given] = process.argv;
const runs = given.indexOf('--run');
const own = runs < 0 ? given : given.slice(0, runs);
const withPeers = own.includes('--peers');
const stranger = own.find((option) => option !== '--peers');
if (stranger) {
  console.error(`bench:gpu: no option ${stranger}; there are --peers, and --run with what follows it`);
  process.exit(2);
}

/** @param {string} command @param {string[]} args */
const shell = (command, ...args) =>
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });

/**
 * Folders of packages and of all that they need, where they are installed. Packages for other platforms are not.
 *
 * @param {string[]} names @param {string} from
 */
function closure(names, from) {
  const found = new Set();
  /** @param {string} name @param {string} folder */
  const add = (name, folder) => {
    for (let above = folder; ; above = path.dirname(above)) {
      const place = path.join(above, 'node_modules', name);
      if (existsSync(path.join(place, 'package.json'))) {
        if (found.has(place)) return;
        found.add(place);
        // The project itself: what it needs is packed from where it is.
        if (realpathSync(place) === root) return;
        const { dependencies, optionalDependencies } = JSON.parse(
          readFileSync(path.join(place, 'package.json'), 'utf8'),
        );
        for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) add(next, place);
        return;
      }
      if (above === root || above === path.dirname(above)) return;
    }
  };
  for (const name of names) add(name, from);
  return [...found].map((place) => path.relative(root, place));
}

/** @param {string[]} names of folders, down to that of the package */
const dependenciesOf = (...names) =>
  Object.keys(JSON.parse(readFileSync(at(...names, 'package.json'), 'utf8')).dependencies ?? {});

/** Files that belong to other platforms or that nothing there reads. */
const LEFT_OUT = ['darwin', 'win32', 'arm64', 'musl'].map((word) => `--exclude=*${word}*`);
LEFT_OUT.push('--exclude=*.map', '--exclude=*.d.ts', '--exclude=*/test', '--exclude=*/docs');

/** The layer that asks drivers for statistics of pipelines (docs/gpu.md), where it has been made. */
const statistics = path.join(tools, 'libstatlayer.so');

async function packProject() {
  for (const part of ['library', 'cli']) shell(process.execPath, 'scripts/build.mjs', part);
  shell(process.execPath, 'bench/run.mjs', '--list');
  for (const [entry, outfile] of [
    ['bench/src/host/main.ts', 'bench/dist/host.mjs'],
    ['bench/offline/compile.ts', 'bench/dist/offline/compile.mjs'],
  ]) {
    await build({
      ...{ entryPoints: [at(entry)], outfile: at(outfile), bundle: true, platform: 'node', format: 'esm' },
      ...{ packages: 'external', minify: true, keepNames: true, plugins: [wgsl], logLevel: 'warning' },
    });
  }
  if (existsSync(statistics)) {
    mkdirSync(at('bench', 'dist', 'layer'), { recursive: true });
    cpSync(statistics, at('bench', 'dist', 'layer', 'libstatlayer.so'));
  }
  // Each from where it is imported: another package may have brought another version.
  const packages = [
    ...closure(['webgpu', ...dependenciesOf('.')], root),
    ...closure(dependenciesOf('cli'), at('cli')),
    ...closure(['tinybench'], at('bench')),
  ];
  const files = [
    'package.json',
    'dist',
    'cli/package.json',
    'cli/bin',
    'cli/dist',
    'bench/torch/train.py',
    ...readdirSync(at('bench', 'host'))
      .filter((name) => name.endsWith('.mjs') && name !== 'pack.mjs')
      .map((name) => `bench/host/${name}`),
    ...['bench/dist/host.mjs', 'bench/dist/offline/compile.mjs'],
    ...(existsSync(statistics) ? ['bench/dist/layer/libstatlayer.so'] : []),
  ];
  files.push('bench/dist/main.mjs', 'bench/peers/package.json', 'bench/package.json');
  if (withPeers) {
    const modules = at('bench', 'peers', 'node_modules');
    if (!existsSync(modules)) throw new Error('the peers are not installed: npm run bench:peers');
    files.push('bench/dist/tfjs.cjs', 'bench/peers/node_modules/@tensorflow');
    files.push(
      ...closure(
        ['@jax-js/jax', 'onnxruntime-node', 'onnx-proto', 'node-fetch', 'long', 'seedrandom'],
        at('bench', 'peers'),
      ),
    );
  }
  const tar = path.join(out, 'fovea.tar');
  shell('tar', '-cf', tar, ...LEFT_OUT, ...files, ...packages);
  shell('xz', '-T0', '-3', '-f', tar);
}

/** Node, stripped and compressed: packed once. */
function packNode() {
  if (existsSync(path.join(out, 'node.xz'))) return;
  const node = path.join(out, 'node');
  cpSync(process.execPath, node, { dereference: true });
  shell('strip', node);
  shell('xz', '-T0', '-6', '-f', node);
}

/** The Vulkan loader, and those that a vendor's driver library may link. */
function packLoaders() {
  const debs = path.join(out, 'debs');
  mkdirSync(debs, { recursive: true });
  if (readdirSync(debs).some((name) => name.startsWith('libvulkan1_'))) return;
  const names = ['libvulkan1', 'libegl1', 'libglvnd0', 'libopengl0', 'libgl1', 'libglx0', 'libgles2'];
  const { status } = spawnSync('apt-get', ['download', '-qq', ...names], { cwd: debs, stdio: 'ignore' });
  if (status !== 0)
    console.error('bench:gpu: no Vulkan loader packed (apt-get download failed): the host needs its own');
}

mkdirSync(out, { recursive: true });
packNode();
packLoaders();
await packProject();
cpSync(at('bench', 'host', 'run.sh'), path.join(out, 'run.sh'));
const bytes = readdirSync(out, { recursive: true, encoding: 'utf8' })
  .map((name) => statSync(path.join(out, name)))
  .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
console.log(`.gpu-host: ${(bytes / 2 ** 20).toFixed(1)} MiB; on the host: bash .gpu-host/run.sh --help`);

if (runs >= 0) {
  const copy = mkdtempSync(path.join(os.tmpdir(), 'fovea-host-'));
  cpSync(out, path.join(copy, '.gpu-host'), { recursive: true });
  const env = { PATH: '/usr/bin:/bin', HOME: copy, FOVEA_HOST_DIR: path.join(copy, 'unpacked') };
  const command = ['.gpu-host/run.sh', '--out', at('out', 'gpu'), ...given.slice(runs + 1)];
  const { status } = spawnSync('bash', command, { cwd: copy, env, stdio: 'inherit' });
  rmSync(copy, { recursive: true, force: true });
  process.exit(status ?? 1);
}
