import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { build, defineConfig, type Plugin } from 'vite';
import { DEFINITIONS, markPure } from '../scripts/pure.mjs';
import { shrink } from '../scripts/wgsl.mjs';
import { writeServiceWorker } from './offline.mjs';
import { POLICY } from './policy.mjs';

const here = import.meta.dirname;
const root = path.join(here, '..');

/** The library is bundled from its source: `fovea/data` is src/data/index.ts. */
const { exports: entries } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types?: string }>;
};
const alias = Object.entries(entries).flatMap(([subpath, { types }]) => {
  const source = types?.replace('./dist/types/', 'src/').replace('.d.ts', '.ts');
  if (source === undefined || source.includes('*')) return [];
  return [{ find: new RegExp(`^fovea${subpath.slice(1)}$`), replacement: path.join(root, source) }];
});

const library: Plugin = {
  name: 'fovea',
  enforce: 'pre',
  async load(id) {
    if (id.endsWith('.wgsl')) return `export default ${JSON.stringify(shrink(await readFile(id, 'utf8')))};`;
    return DEFINITIONS.test(id) ? markPure(await readFile(id, 'utf8')) : null;
  },
};

let isStudio = false;

/** What the pages of this folder have beside their modules; the pages of tests, which are built with this too, have it not. */
const pages: Plugin = {
  name: 'pages',
  configResolved({ root: folder }) {
    isStudio = folder === here;
  },
  transformIndexHtml: () =>
    isStudio
      ? [
          {
            tag: 'meta',
            attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
            injectTo: 'head-prepend',
          },
        ]
      : [],
  async closeBundle() {
    if (isStudio) await writeServiceWorker(path.join(here, 'dist'));
  },
};

/** Node's parts of the library are reached in Node alone. */
const external = [/^node:/, 'webgpu', '@sparticuz/chromium'];

/** The library for pages that the studio gives away: take-away/fovea.js, one file that needs no other. */
const takeAway: Plugin = {
  name: 'fovea-take-away',
  async generateBundle() {
    if (!isStudio) return;
    const built = await build({
      ...{ configFile: false, root: here, logLevel: 'warn', resolve: { alias }, plugins: [library] },
      build: {
        ...{ write: false, target: 'es2023', chunkSizeWarningLimit: 2000, modulePreload: false },
        rolldownOptions: {
          ...{ external, preserveEntrySignatures: 'strict' },
          input: path.join(here, 'src/takeAway/fovea.ts'),
          output: { entryFileNames: 'fovea.js', codeSplitting: false, keepNames: true },
        },
      },
    });
    const [file] = (built as Exclude<typeof built, unknown[] | { close(): unknown }>).output;
    this.emitFile({ type: 'asset', fileName: 'take-away/fovea.js', source: file.code });
  },
};

/** Builds the studio into web/dist, which any host can serve from any folder. */
export default defineConfig({
  root: here,
  base: './',
  resolve: { alias },
  plugins: [library, pages, takeAway],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: {
    format: 'es',
    plugins: () => [library],
    // Errors of workers have the names of their classes too.
    rolldownOptions: { output: { keepNames: true } },
  },
  build: {
    outDir: path.join(here, 'dist'),
    emptyOutDir: true,
    target: 'es2023',
    sourcemap: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: path.join(here, 'index.html') },
      output: {
        // A name tells the content: no cache can mix the files of two builds.
        entryFileNames: '[name]-[hash].js',
        chunkFileNames: ({ facadeModuleId }) =>
          `${/\/rooms\/(\w+)\/room\.tsx$/.exec(facadeModuleId ?? '')?.[1] ?? 'part'}-[hash].js`,
        assetFileNames: '[name]-[hash][extname]',
        // Messages and consoles show the names of classes.
        keepNames: true,
      },
      external,
    },
  },
});
