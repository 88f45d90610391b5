import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** How a test file comes by a device: it opens one, starts a browser, or runs a command that needs one. */
const DEVICE =
  /\b(openGpu|openDevice|launchBrowser|Studio\.ofTests|Ours\.open|((train|detect|segment|eval|tune|verify|cluster)Command|fovea(Here)?|startFovea|killAndResume)\()/;

const root = import.meta.dirname;
const files = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name.replaceAll(path.sep, '/')}`);

/** The project of a test file: by what it says. */
function projectOf(file: string): 'unit' | 'shared' | 'device' {
  const text = readFileSync(path.join(root, file), 'utf8');
  if (/\bsharedGpu\(/.test(text)) return 'shared';
  return DEVICE.test(text) ? 'device' : 'unit';
}
const filesOf = (project: string) => files.filter((file) => projectOf(file) === project);

/** By hand only (npm run freeze): these measure times, for which the machine must be quiet. */
const byHand = process.argv.includes('--project=by-hand');

// The command line imports the library by its name. In tests that is the source, as for every other import.
const { exports: entries } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types?: string }>;
};
const alias = Object.entries(entries).flatMap(([subpath, { types }]) => {
  const source = types?.replace('./dist/types/', 'src/').replace('.d.ts', '.ts');
  if (source === undefined || source.includes('*')) return [];
  return [{ find: new RegExp(`^fovea${subpath.slice(1)}$`), replacement: path.join(root, source) }];
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
    // For what hangs, and nothing else: a busy machine takes its time.
    testTimeout: 15 * 60_000,
    hookTimeout: 15 * 60_000,
    expect: { poll: { timeout: 5 * 60_000 } },
    // Dawn keeps process-wide state that a worker thread may not share. Two at a time: a software adapter computes on all
    // cores, but compiles a shader on one.
    pool: 'forks',
    maxWorkers: Math.min(2, os.availableParallelism()),
    // Files share processes: what a test replaces is put back after it.
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: filesOf('unit'),
          // A file that opens a device fails, and belongs to the others.
          env: { FOVEA_ADAPTER: 'none' },
          // Its files share processes, where each module is loaded once.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'device',
          include: filesOf('device'),
          // What a user's machine remembers of earlier runs must not choose the kernels that are tested.
          env: { FOVEA_AUTOTUNE: '0' },
        },
      },
      {
        extends: true,
        test: {
          name: 'shared',
          include: filesOf('shared'),
          env: { FOVEA_AUTOTUNE: '0' },
          // The files share a process, and with it a device and the shaders compiled for it (test/sharedGpu.ts).
          isolate: false,
        },
      },
      ...(byHand
        ? [{ extends: true as const, test: { name: 'by-hand', include: ['test/**/*.byHand.ts'] } }]
        : []),
    ],
  },
});
