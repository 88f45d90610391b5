import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The command line imports the library by its name. In tests that is the source, as for every other import.
const { exports: entries } = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8')) as {
  exports: Record<string, { types?: string }>;
};
const alias = Object.entries(entries).flatMap(([subpath, { types }]) => {
  const source = types?.replace('./dist/types/', './src/').replace('.d.ts', '.ts');
  if (source === undefined || source.includes('*')) return [];
  const name = `fovea${subpath.slice(1)}`;
  return [{ find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(source, import.meta.url)) }];
});

export default defineConfig({
  resolve: { alias },
  plugins: [
    {
      name: 'wgsl-text',
      enforce: 'pre',
      async load(id) {
        if (!id.endsWith('.wgsl')) return null;
        return `export default ${JSON.stringify(await readFile(id, 'utf8'))};`;
      },
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What a user's machine remembers of earlier runs must not choose the kernels that are tested.
    env: { FOVEA_AUTOTUNE: '0' },
    // The software adapters use every core for one dispatch, so files run one after another, and
    // Dawn keeps process-wide state that a worker thread may not share: each file gets a process.
    pool: 'forks',
    fileParallelism: false,
  },
});
