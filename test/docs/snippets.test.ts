import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGES, root } from './pages.ts';
import { importsOf, type Program, programsOf } from './programs.ts';

// Every block of code on every page: its types, its imports, and its run, with the built package.

const folder = path.join(root, 'out/snippets');
const programs = PAGES.flatMap((page) => programsOf(page));
const fileOf = ({ page, place, language }: Program) =>
  path.join(folder, `${page.replaceAll('/', '+')}+${place.split(':')[1]}.${language}`);
const contextNames = [
  ...readFileSync(path.join(import.meta.dirname, 'context.ts'), 'utf8').matchAll(/^export const (\w+)/gm),
].map(([, name]) => name!);

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

/** Runs node; what it printed, whether it failed or not. */
async function node(...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    return stdout + stderr;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return stdout + stderr;
  }
}

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await promisify(execFile)(process.execPath, [path.join(root, 'scripts/build.mjs'), 'library', 'types']);
  for (const program of programs) writeFileSync(fileOf(program), program.text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the blocks of code on the pages', () => {
  it('are found', () => {
    expect(programs.length).toBeGreaterThan(20);
    expect(programs.filter(({ runs }) => runs).length).toBeGreaterThan(0);
  });

  it('have the types of the built package', async () => {
    const context = path.join(import.meta.dirname, 'context.ts');
    const globals = contextNames.map((name) => `const ${name}: (typeof import('${context}'))['${name}'];`);
    writeFileSync(
      path.join(folder, 'globals.d.ts'),
      `export {};\ndeclare global {\n${globals.join('\n')}\n}\n`,
    );
    const compilerOptions = {
      // The packages by their names, not the sources.
      paths: {},
      allowJs: true,
      checkJs: true,
      strict: true,
      // Callbacks on the pages are as a reader writes them.
      noImplicitAny: false,
      noUncheckedIndexedAccess: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      pretty: false,
    };
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: path.join(root, 'tsconfig.json'), compilerOptions, include: ['.'] }),
    );
    const output = await node(path.join(root, 'node_modules/typescript/bin/tsc'), '-p', folder);
    // README.md+73.js(80,3): the line is the page's.
    const messages = output.replace(
      /^(\S+?)\+\d+\.[jt]s\((\d+),\d+\)/gm,
      (_, page: string, line) => `${page.replaceAll('+', '/')}:${line}`,
    );
    expect([...new Set(messages.split('\n'))].filter((line) => line !== '')).toEqual([]);
  });

  it('import what the built package exports', async () => {
    const wanted = programs.flatMap(({ place, text }) =>
      importsOf(text).map(({ source, names }) => ({ place, source, names })),
    );
    const code = `
      const missing = [];
      for (const { place, source, names } of ${JSON.stringify(wanted)}) {
        const found = await import(source).catch((error) => missing.push(place + ': ' + error.message) && null);
        for (const name of names) if (found && !(name in found)) missing.push(place + ': ' + source + ' has no ' + name);
      }
      console.log(JSON.stringify(missing));`;
    expect(JSON.parse(await node('--input-type=module', '-e', code))).toEqual([]);
  });

  it('run, where they are programs', async () => {
    await build({
      entryPoints: [path.join(import.meta.dirname, 'context.ts')],
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      // Without the paths of tsconfig.json, which lead "fovea" to its source.
      tsconfigRaw: {},
      outfile: path.join(folder, 'context.mjs'),
    });
    const running = programs.filter(({ runs }) => runs);
    for (const program of running) writeFileSync(fileOf(program), withExpectations(program));
    for (const program of running.filter(({ language }) => language === 'ts')) {
      const file = fileOf(program);
      await build({
        entryPoints: [file],
        outfile: file.replace(/\.ts$/, '.js'),
        format: 'esm',
        sourcemap: 'inline',
      });
    }
    const files = running.map((program) => [program.place, fileOf(program).replace(/\.ts$/, '.js')]);
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
    const output = await node('--input-type=module', '-e', code);
    const result = path.join(folder, 'failed.json');
    expect(existsSync(result), output).toBe(true);
    expect(JSON.parse(readFileSync(result, 'utf8'))).toEqual([]);
  });
});
