import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import type { Program } from './programs.ts';
import { CONTEXT, Folder, programs } from './written.ts';

// The blocks of code that are programs run, with the built package. They call openGpu, so this file needs a device.

let folder: Folder;
beforeAll(async () => {
  await ensureBuilt(['library']);
  folder = new Folder('programs');
});
afterAll(() => folder?.remove());

/**
 * `console.log(x);  // [1, 2]` prints what it says: a comment that begins like a value is compared with what is logged.
 */
const withExpectations = ({ place, text }: Program): string =>
  text.replace(
    /^( *)console\.log\((.*)\);\s*\/\/ ((?:[[{\d'-]|true\b|false\b).*)$/gm,
    (_, indent: string, value: string, expected: string) =>
      `${indent}expectLogged('${place.split(':')[0]}', ${JSON.stringify(expected)}, ${value});`,
  );
const EXPECT_LOGGED = `
  globalThis.expectLogged = (page, expected, ...values) => {
    const listed = values.map((value) => (ArrayBuffer.isView(value) ? [...value] : value));
    const text = listed.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ');
    const plain = (written) => written.replace(/\\s+/g, '');
    if (plain(text) !== plain(expected)) throw new Error(page + ' says ' + expected + ', logged is ' + text);
  };`;

const asModules = {
  format: 'esm',
  platform: 'node',
  // Without the paths of tsconfig.json, which lead "fovea" to its source.
  tsconfigRaw: {},
} as const;

describe('the programs on the pages', () => {
  const running = programs.filter(({ runs }) => runs);

  it('run', async () => {
    expect(running.length).toBeGreaterThan(5);
    const context = path.join(folder.path, 'context.mjs');
    await build({
      ...asModules,
      entryPoints: [CONTEXT],
      bundle: true,
      packages: 'external',
      outfile: context,
    });
    for (const program of running) {
      const file = folder.fileOf(program);
      writeFileSync(file, withExpectations(program));
      if (program.language === 'ts') {
        const outfile = file.replace(/\.ts$/, '.js');
        await build({ ...asModules, entryPoints: [file], outfile, sourcemap: 'inline' });
      }
    }
    const files = running.map((program) => [program.place, folder.fileOf(program).replace(/\.ts$/, '.js')]);
    const code = `
      import { writeFileSync } from 'node:fs';
      import { inspect } from 'node:util';
      ${EXPECT_LOGGED}
      Object.assign(globalThis, await import('./context.mjs'));
      const failed = [];
      for (const [place, file] of ${JSON.stringify(files)}) {
        await import(file).catch((error) => failed.push(place + ': ' + error.stack));
      }
      writeFileSync('failed.json', JSON.stringify(failed));
      process.exit();`;
    const output = await folder.node('--input-type=module', '-e', code);
    const result = path.join(folder.path, 'failed.json');
    expect(existsSync(result), output).toBe(true);
    expect(JSON.parse(readFileSync(result, 'utf8'))).toEqual([]);
  });
});
