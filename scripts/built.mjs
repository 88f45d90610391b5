// Builds what tests run from dist/, cli/dist/ and web/dist/: once, and by one process at a time.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
/** When a part was built last: the times of files in here. (esbuild leaves files alone that would not change.) */
const stamps = path.join(root, 'node_modules', '.cache', 'fovea-built');

/** @typedef {'library' | 'types' | 'cli' | 'web'} Part as scripts/build.mjs names them */

/** What a part is made of, and a file that it makes. */
/** @type {Record<Part, { from: string[], to: string }>} */
const PARTS = {
  library: { from: ['src', 'scripts', 'package.json'], to: 'dist/index.js' },
  types: { from: ['src', 'scripts', 'package.json', 'tsconfig.build.json'], to: 'dist/types/index.d.ts' },
  cli: {
    from: ['cli/src', 'cli/package.json', 'scripts', 'package.json', 'examples/coins'],
    to: 'cli/dist/main.mjs',
  },
  web: {
    from: ['src', 'web', 'bench/src', 'scripts'],
    to: 'web/dist/index.html',
  },
};

/** Folders that are no source. */
const MADE = ['dist', 'node_modules', 'tmp'];

/**
 * The time of the last change of a file, or of any file or folder below.
 *
 * @param {string} name
 * @returns {number}
 */
function changedAt(name) {
  const stat = statSync(path.join(root, name));
  const below = stat.isDirectory()
    ? readdirSync(path.join(root, name))
        .filter((entry) => !MADE.includes(entry))
        .map((entry) => path.join(name, entry))
    : [];
  return Math.max(stat.mtimeMs, ...below.map(changedAt));
}

/** @param {Part} part */
function isFresh(part) {
  const { from, to } = PARTS[part];
  const stamp = path.join(stamps, part);
  if (!existsSync(path.join(root, to)) || !existsSync(stamp)) return false;
  return from.every((name) => changedAt(name) < statSync(stamp).mtimeMs);
}

/** Waits until no other process builds, then keeps others waiting until the function that it returns is called. */
async function lock() {
  const file = path.join(stamps, 'lock');
  mkdirSync(stamps, { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch {
      if (!isRunning(file)) rmSync(file, { force: true });
      else await sleep(100);
    }
  }
}

/** @param {string} file that holds the id of a process */
function isRunning(file) {
  try {
    // Between its making and its writing it is empty.
    const id = Number(readFileSync(file, 'utf8'));
    if (id > 0) process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Builds the parts whose sources are newer than what was built of them.
 *
 * @param {Part[]} parts
 * @param {{ always?: boolean }} [options] `always`: also those that are not
 */
export async function ensureBuilt(parts, { always = false } = {}) {
  const release = await lock();
  try {
    const stale = parts.filter((part) => always || !isFresh(part));
    if (stale.length === 0) return;
    const began = new Date();
    /** @type {string[]} */
    const said = [];
    const code = await new Promise((resolve) => {
      const child = spawn(process.execPath, [path.join(root, 'scripts/build.mjs'), ...stale], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => said.push(String(text)));
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(`the build of ${stale.join(', ')} failed\n${said.join('')}`);
    for (const part of stale) {
      // A source that was changed in the meantime is newer.
      writeFileSync(path.join(stamps, part), '');
      utimesSync(path.join(stamps, part), began, began);
    }
  } finally {
    release();
  }
}
