import { readFile } from 'node:fs/promises';
import { defineConfig } from 'vitest/config';

export default defineConfig({
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
