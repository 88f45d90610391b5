import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';

const dist = path.join(import.meta.dirname, '../../web/dist');
/** Bytes of the first view, gzipped: the shell and the room of pictures. */
const BUDGET = 200 * 1024;
/** KB of each room beside the shell, gzipped: what is there when it shows. A room that needs more loads it when it is needed. */
const ROOMS: Readonly<Record<string, number>> = {
  ...{ pictures: 40, label: 40, train: 40, try: 60, judge: 60 },
  ...{ export: 40, verify: 20, projects: 30 },
};
/** KB of each worker's script, gzipped. */
const WORKERS: Readonly<Record<string, number>> = {
  ...{ thumbnails: 20, verify: 200, bench: 200, trainer: 350 },
  ...{ models: 350, export: 200 },
};
/** KB of all style sheets, and of everything that a build has. */
const STYLES = 20;
const ALL = 3000;

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

const sizeOf = (files: Iterable<string>): number =>
  [...files].reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0);
/** The page with what it names, before any room. */
function shell(): Set<string> {
  const named = [...read('index.html').matchAll(/(?:src|href)="(\.\/[^"]+)"/g)];
  return filesOf(['index.html', ...named.map(([, name]) => path.posix.normalize(name!))]);
}
/** The files of a folder of the build whose names begin with words, by these. */
const scriptsIn = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(path.join(dist, folder)).flatMap((name): [string, string][] => {
      const found = /^(\w+)-[\w-]+\.js$/.exec(name);
      return found ? [[found[1]!, path.posix.join(folder, name)]] : [];
    }),
  );

it('the first view of the studio is at most 200 KB, and holds nothing that trains', () => {
  // The room of pictures is loaded by the shell: it is what a first visit shows.
  const files = filesOf([...shell(), scriptsIn('.').get('pictures')!]);
  expect([...files].some((name) => read(name).includes('webkitdirectory'))).toBe(true);
  const bytes = sizeOf(files);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(BUDGET);
  expect([...files].filter((name) => /@compute/.test(read(name)))).toEqual([]);
});

it('each room keeps to its budget, and has one', () => {
  const known = shell();
  const rooms = [...scriptsIn('.')].filter(
    ([name]) => name !== 'index' && name !== 'detect' && name !== 'part',
  );
  expect(rooms.map(([name]) => name)).toEqual(expect.arrayContaining(['label', 'pictures', 'verify']));
  for (const [name, file] of rooms) {
    const bytes = sizeOf([...filesOf([file])].filter((part) => !known.has(part)));
    expect(ROOMS, `state a budget for the room ${name}`).toHaveProperty(name);
    expect(bytes, name).toBeLessThan(ROOMS[name]! * 1024);
  }
});

it('each worker keeps to its budget, and has one; they load when there is work', () => {
  const scripts = scriptsIn('assets');
  const sources = readdirSync(path.join(import.meta.dirname, '../../web/src/studio/work'));
  const workers = sources
    .map((name) => path.parse(name).name)
    .flatMap((name): [string, string][] => (scripts.has(name) ? [[name, scripts.get(name)!]] : []));
  expect(workers.map(([name]) => name)).toEqual(expect.arrayContaining(['bench', 'thumbnails', 'verify']));
  for (const [name, file] of workers) {
    expect(WORKERS, `state a budget for the worker ${name}`).toHaveProperty(name);
    expect(sizeOf([file]), name).toBeLessThan(WORKERS[name]! * 1024);
  }
});

it('style sheets keep to theirs, and everything together is what a visit without a network needs', () => {
  const all = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.endsWith('.map'),
  );
  expect(sizeOf(all.filter((name) => name.endsWith('.css')))).toBeLessThan(STYLES * 1024);
  expect(sizeOf(all.filter((name) => /\.\w+$/.test(name)))).toBeLessThan(ALL * 1024);
});
