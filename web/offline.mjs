// Writes the service worker of a build: src/offline/serviceWorker.js, with the list of the build's files and their hashes.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'sw.js';
const source = path.join(path.dirname(fileURLToPath(import.meta.url)), 'src/offline/serviceWorker.js');

/** @param {string | Uint8Array} content */
const sha256 = (content) => createHash('sha256').update(content);

/** @param {string} folder of a build, all of which is served */
export async function writeServiceWorker(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    // Consoles alone ask for maps.
    .filter((name) => name !== NAME && !name.endsWith('.map'))
    .sort();
  /** @type {Record<string, string>} */
  const files = {};
  for (const name of names) {
    const hash = sha256(await readFile(path.join(folder, name))).digest('base64');
    files[encodeURI(name)] = `sha256-${hash}`;
  }
  const code = await readFile(source, 'utf8');
  const version = sha256(JSON.stringify(files) + code)
    .digest('hex')
    .slice(0, 16);
  await writeFile(path.join(folder, NAME), `const BUILD = ${JSON.stringify({ version, files })};\n${code}`);
}
