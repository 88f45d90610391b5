import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';

const dist = path.join(import.meta.dirname, '../../web/dist');
/** Bytes of the first view, gzipped: the shell and the room of pictures. */
const BUDGET = 200 * 1024;

beforeAll(() => ensureBuilt(['web']));

const read = (name: string): string => readFileSync(path.join(dist, name), 'utf8');
/** What a module imports at once. What it imports later has `import(`. */
const staticImports = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom|\bimport)\s*["'](\.\/[^"']+)["']/g)].map(([, name]) =>
    path.posix.normalize(name!),
  );

/** All files that a page needs before it shows the modules it begins with. */
function filesOf(names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    if (name.endsWith('.js')) for (const next of staticImports(read(name))) visit(next);
  };
  for (const name of names) visit(name);
  return found;
}

it('the first view of the studio is at most 200 KB, and holds nothing that trains', () => {
  const html = read('index.html');
  const named = [...html.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, name]) =>
    path.posix.normalize(name!),
  );
  // The room of pictures is loaded by the shell: it is what a first visit shows.
  const room = readdirSync(dist).filter(
    (name) => name.endsWith('.js') && read(name).includes('webkitdirectory'),
  );
  expect(room).toHaveLength(1);
  const files = filesOf(['index.html', ...named, ...room]);
  const bytes = [...files].reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(BUDGET);
  expect([...files].filter((name) => /@compute/.test(read(name)))).toEqual([]);
});
