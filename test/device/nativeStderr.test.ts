import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const module = pathToFileURL(path.resolve('dist/device/nativeStderr.js')).href;

/** stderr of a program whose search writes to descriptor 2, past process.stderr, as native code does. */
async function stderrOf(search: string, debug = ''): Promise<string> {
  const program = `
    import { writeSync } from 'node:fs';
    import { withoutNativeWarnings } from ${JSON.stringify(module)};
    const search = async () => { writeSync(2, 'Warning: native\\n'); ${search} };
    await withoutNativeWarnings(search, (found) => found === null).catch((error) => console.error(error.message));
    writeSync(2, 'later\\n');`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, FOVEA_DEBUG: debug },
  });
  return (await run).stderr;
}

describe.runIf(process.platform === 'linux')('warnings that native code writes to stderr', () => {
  it('are hidden where an adapter was found, and what is written later is not', async () => {
    expect(await stderrOf('return 1;')).toBe('later\n');
  });

  it('are written where no adapter was found, before what is written later', async () => {
    expect(await stderrOf('return null;')).toBe('Warning: native\nlater\n');
  });

  it('are written where the search fails, at once or later', async () => {
    expect(await stderrOf("throw new Error('failed');")).toBe('Warning: native\nfailed\nlater\n');
    expect(await stderrOf("await null; throw new Error('failed');")).toBe('Warning: native\nfailed\nlater\n');
  });

  it('are written under FOVEA_DEBUG', async () => {
    expect(await stderrOf('return 1;', '1')).toBe('Warning: native\nlater\n');
  });
});
