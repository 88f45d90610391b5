// The workloads of test/faults/workloads.ts, for scripts: bundled from the source.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const outfile = path.join(root, 'node_modules', '.cache', 'fovea-leak', 'workloads.mjs');
await build({
  entryPoints: [path.join(root, 'test', 'faults', 'workloads.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  loader: { '.wgsl': 'text' },
  logLevel: 'warning',
});
/** @type {typeof import('../test/faults/workloads.ts')} */
export const workloads = await import(pathToFileURL(outfile).href);
