import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kernels } from '../../src/kernels/ops.ts';
import { exportsOf } from './publicExports.ts';

// What users can import, as text files beside this one: adding, renaming or removing an export shows in review.
// `npx vitest run test/package/exports.test.ts -u` writes them.

const root = fileURLToPath(new URL('../../', import.meta.url));
const { exports: entries } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
  exports: Readonly<Record<string, string | { readonly types: string }>>;
};

/** The source of an entry point, which the build keeps in the same place. */
const sourceOf = (types: string) =>
  path.join(root, types.replace('./dist/types/', 'src/').replace('.d.ts', '.ts'));

const modules = Object.entries(entries).flatMap(([subpath, target]) =>
  typeof target === 'string' || subpath.includes('*')
    ? []
    : [{ name: `fovea${subpath.slice(1)}`, source: sourceOf(target.types) }],
);

/** The file of an entry point, and what a mismatch says. */
const snapshotOf = (name: string) => {
  const file = `exports/${name.replaceAll('/', '-')}.txt`;
  return [`./${file}`, `test/package/${file}, which -u writes`] as const;
};

describe('the exports of', () => {
  it.each(modules)('$name', async ({ name, source }) => {
    const found = [...(await exportsOf(source))].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = found.map(([exported, kind]) => `${kind.padEnd(8)} ${exported}\n`);
    await expect(lines.join('')).toMatchFileSnapshot(...snapshotOf(name));
  });

  it.each(modules)('$name at run time are the values among them', async ({ source }) => {
    const values = [...(await exportsOf(source))].filter(([, kind]) => kind !== 'type').map(([name]) => name);
    const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(source).href);
    expect(Object.keys(module).sort()).toEqual(values.sort());
  });

  it('fovea/kernels/*: one kernel each', async () => {
    expect(Object.keys(entries).filter((subpath) => subpath.includes('*'))).toEqual(['./kernels/*']);
    const lines = Object.keys(kernels).map((operation) => `fovea/kernels/${operation}\n`);
    await expect(lines.sort().join('')).toMatchFileSnapshot(...snapshotOf('fovea/kernels/each'));
  });
});
