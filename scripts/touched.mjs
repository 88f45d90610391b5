// Which operations a change touches: for npm run test:quick.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './checks.mjs';

/** A file that more operations rest on is shared by all of them, and is no reason to check each. */
const SHARED = 40;

/** Where operations are defined, by the names of their exports. */
const ROOMS = ['src/kernels/', 'src/reference/', 'src/graph/operations/'];

/** @param {string} file */
const read = (file) => {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch {
    // Deleted, or a folder.
    return '';
  }
};

/** @param {string[]} args */
const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .split('\n')
    .filter(Boolean);

/** Files that differ from where this branch left main, committed or not. Outside of a repository: none. */
export function changedFiles() {
  try {
    const branches = git(
      'for-each-ref',
      '--format=%(refname)',
      'refs/heads/main',
      'refs/remotes/origin/main',
    );
    const base = branches.length > 0 ? git('merge-base', 'HEAD', branches[0])[0] : 'HEAD';
    return [...git('diff', '--name-only', base), ...git('ls-files', '--others', '--exclude-standard')];
  } catch {
    return [];
  }
}

/** @param {string} name in camelCase: gives roi_align for roiAlign */
const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** @param {string} text @param {RegExp} pattern with one group */
const all = (text, pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

/**
 * The operations that files have to do with: those whose kernel, reference or gradient rule is in one of them or imports it, and
 * whose cases or random cases are in one of them.
 *
 * @param {string[]} changed paths from the root
 * @returns {string[]} names as in the table of cases, sorted
 */
export function operationsTouched(changed) {
  const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll(path.sep, '/')}`)
    .filter((name) => name.endsWith('.ts'));
  const textsOf = (/** @type {string} */ folder) => files.filter((file) => file.startsWith(folder)).map(read);
  const kernels = new Set(
    textsOf('src/kernels/').flatMap((text) => all(text, /^export const (\w+)/gm).map(snakeCase)),
  );
  const named = new Set(
    textsOf('src/verify/cases/').flatMap((text) => all(text, /'(\w+)'/g).filter((name) => kernels.has(name))),
  );

  /** @type {Map<string, string[]>} files by what they import */
  const importers = new Map();
  /** @type {Map<string, string[]>} operations by the file that defines them */
  const defined = new Map();
  for (const file of files.filter((name) => ROOMS.some((room) => name.startsWith(room)))) {
    const text = read(file);
    for (const specifier of all(text, /from '(\.[^']+)'/g)) {
      const target = path.posix.join(path.posix.dirname(file), specifier);
      importers.set(target, [...(importers.get(target) ?? []), file]);
    }
    const names = all(text, /^export const (\w+)/gm).map(snakeCase);
    defined.set(
      file,
      names.filter((name) => named.has(name)),
    );
  }

  /** @param {string} file */
  const dependents = (file) => {
    const reached = new Set([file]);
    for (const next of reached) {
      // What defines operations itself: those that import it use them, and are not computed by other code.
      if (next !== file && defined.get(next)?.length) continue;
      for (const importer of importers.get(next) ?? []) reached.add(importer);
    }
    return [...reached].flatMap((next) => defined.get(next) ?? []);
  };

  /** @param {string} file */
  const operationsOf = (file) => {
    const own = dependents(file);
    if (own.length > 0) return own;
    if (/^(src\/verify\/cases|src\/reference|test\/property\/arbitraries)\//.test(file)) {
      return all(read(file), /\b([a-z]\w+)\b/g).filter((name) => named.has(name));
    }
    // A strategy, which the table of strategies imports: the operations of its family.
    const family = /^src\/(?:kernels|wgsl)\/(\w+)\//.exec(file)?.[1];
    return [...defined].flatMap(([other, names]) =>
      other.startsWith(`src/kernels/${family}/`) ? names : [],
    );
  };

  const touched = new Set();
  for (const file of changed) {
    const names = new Set(operationsOf(file));
    if (names.size <= SHARED) for (const name of names) touched.add(name);
  }
  return [...touched].sort();
}
