import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { root } from './pages.ts';
import { importsOf } from './programs.ts';
import { CONTEXT, contextNames, Folder, programs } from './written.ts';

// Every block of code on every page: its types and its imports, against the built package.

let folder: Folder;
beforeAll(async () => {
  await ensureBuilt(['library', 'types']);
  folder = new Folder('snippets');
  for (const program of programs) writeFileSync(folder.fileOf(program), program.text);
});
afterAll(() => folder?.remove());

describe('the blocks of code on the pages', () => {
  it('are found', () => {
    expect(programs.length).toBeGreaterThan(20);
  });

  it('have the types of the built package', async () => {
    const globals = contextNames.map((name) => `const ${name}: (typeof import('${CONTEXT}'))['${name}'];`);
    folder.write('globals.d.ts', `export {};\ndeclare global {\n${globals.join('\n')}\n}\n`);
    const compilerOptions = {
      // The packages by their names, not the sources.
      paths: {},
      allowJs: true,
      checkJs: true,
      // Callbacks on the pages are as a reader writes them.
      noImplicitAny: false,
      noUncheckedIndexedAccess: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      pretty: false,
    };
    const config = { extends: path.join(root, 'tsconfig.json'), compilerOptions, include: ['.'] };
    folder.write('tsconfig.json', JSON.stringify(config));
    const output = await folder.node(path.join(root, 'node_modules/typescript/bin/tsc'), '-p', folder.path);
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
    expect(JSON.parse(await folder.node('--input-type=module', '-e', code))).toEqual([]);
  });
});
