import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { readPage, root } from './pages.ts';

// The examples for Node run, with the built package. They call openGpu, so this file needs a device.

/** The last line that each prints. */
const EXAMPLES: Readonly<Record<string, RegExp>> = {
  'examples/embed/node.mjs': /^y\[0\] is 2$/,
  'examples/embed/frames.mjs': /^frame 7: 6 of 6 boxes, coarsest pixel 0\.875$/,
  'examples/verify/verify.mjs': /^5 of 5 passed$/,
  'examples/train.mjs': /^step 100: loss 0\.0\d+$/,
  'examples/keypoints.mjs': /^best: [01]\.\d\d pixels, in epoch [5-8]$/,
  'examples/cutout.mjs': /^off by 0\.0[01]\d on composites that it has not seen$/,
  'examples/recommender.mjs': /^10 opinions: 0\.80 are liked, 0\.71 with diversity$/,
  'examples/score-map.mjs': /^of what it is worth, 1\.0\d times as much by the scores$/,
  'examples/faces/finetune.mjs': /^loss [0-9.]+, after 20 steps [01]\.\d+$/,
  'examples/finetune.mjs': /^loss [0-9.]+, after 40 steps 0\.[012]\d*$/,
};

beforeAll(() => ensureBuilt(['library']));

describe('the examples', () => {
  it.each(Object.entries(EXAMPLES))('%s', async (file, last) => {
    const { stdout } = await promisify(execFile)(process.execPath, [path.join(root, file)], { cwd: root });
    expect(stdout.trim().split('\n').at(-1)).toMatch(last);
  });

  it('are on their page, each of them', () => {
    const page = readPage('examples/README.md');
    const programs = readdirSync(path.join(root, 'examples'), { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll(path.sep, '/'))
      .filter((name) => name.endsWith('.mjs') && !['serve.mjs', 'faces/ultralight.mjs'].includes(name));
    for (const name of programs) {
      expect(page).toContain(`node examples/${name}`);
      expect(EXAMPLES).toHaveProperty([`examples/${name}`]);
    }
  });

  it('that are pages have a command, and a test in test/browser/examples.test.ts', () => {
    const page = readPage('examples/README.md');
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };
    const folders = readdirSync(path.join(root, 'examples')).filter((name) =>
      existsSync(path.join(root, 'examples', name, 'index.html')),
    );
    const tests = readPage('test/browser/examples.test.ts');
    for (const name of folders) {
      expect(scripts[`example:${name}`]).toBe(`node examples/serve.mjs ${name}`);
      expect(page).toContain(`npm run example:${name}`);
      expect(tests).toContain(`examples/${name} in Chromium`);
    }
    expect(folders.length).toBeGreaterThan(1);
  });
});
