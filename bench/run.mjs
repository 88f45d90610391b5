// npm run bench [-- --filter conv --adapter lavapipe]: bundles bench/src/main.ts, and tfjs where the peers are installed, and runs.
// With --page it serves the same as a page.
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { wgsl } from '../scripts/wgsl.mjs';
import { serve } from './serve.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
/** @param {string[]} names */
const at = (...names) => path.join(here, ...names);
/** @type {import('esbuild').BuildOptions} */
const common = { bundle: true, plugins: [wgsl], logLevel: 'warning' };
const withPeers = existsSync(at('peers', 'node_modules', '@tensorflow'));
/** @type {import('esbuild').BuildOptions} */
const tfjs = { ...common, entryPoints: [at('peers', 'tfjs.js')] };

if (process.argv.includes('--page')) {
  /** @type {import('esbuild').BuildOptions} */
  const page = { platform: 'browser', format: 'esm', minify: true };
  await mkdir(at('dist', 'page'), { recursive: true });
  for (const name of ['page.html', 'page.css']) await copyFile(at(name), at('dist', 'page', name));
  await build({
    ...common,
    ...page,
    entryPoints: [at('src', 'page.ts')],
    outfile: at('dist', 'page', 'page.js'),
  });
  if (withPeers) {
    await build({ ...tfjs, ...page, outfile: at('dist', 'page', 'tfjs.js') });
    for (const name of ['jax', 'ort']) {
      await build({
        ...common,
        ...page,
        entryPoints: [at('peers', `${name}.js`)],
        outfile: at('dist', 'page', `${name}.js`),
      });
    }
    const web = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
    for (const kind of ['mjs', 'wasm']) {
      const name = `ort-wasm-simd-threaded.asyncify.${kind}`;
      await copyFile(path.join(web, name), at('dist', 'page', name));
    }
  }
  serve(at('dist', 'page'));
} else {
  await build({
    ...common,
    entryPoints: [at('src', 'main.ts')],
    outfile: at('dist', 'main.mjs'),
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  if (withPeers) {
    await build({
      ...tfjs,
      outfile: at('dist', 'tfjs.cjs'),
      platform: 'node',
      format: 'cjs',
      mainFields: ['module', 'main'],
      external: ['node-fetch'],
    });
  }
  await import(pathToFileURL(at('dist', 'main.mjs')).href);
}
