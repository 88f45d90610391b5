import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { readPage, root } from './pages.ts';

// The examples for Node run, with the built package. They call openGpu, so this file needs a device.

/** The last line that each prints. */
const EXAMPLES: Readonly<Record<string, RegExp>> = {
  'examples/embed/node.mjs': /^y\[0\] is 2$/,
  'examples/train.mjs': /^step 100: loss 0\.0\d+$/,
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
    const programs = readdirSync(path.join(root, 'examples')).filter((name) => name.endsWith('.mjs'));
    for (const name of programs) {
      expect(page).toContain(`node examples/${name}`);
      expect(EXAMPLES).toHaveProperty([`examples/${name}`]);
    }
  });
});
