import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';

// What `npm run docs` fails for, without writing the pages: a public export without a description, a type that a public
// signature mentions and nobody can import, a link that leads nowhere.

const root = fileURLToPath(new URL('../../', import.meta.url));

it('every public export has a description, and all links of the reference lead somewhere', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['docs/build.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  const said = stripVTControlCharacters(`${stdout}${stderr}`).trim();
  expect(said).toBe('docs: every public export has a description');
});
