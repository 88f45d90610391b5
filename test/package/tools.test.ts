import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeApplication, type Packed, packBoth, root, run } from './packed.ts';

// What tools say of the packages: linters of packages, and bundlers.

let folder: string;
let library: Packed;
let cli: Packed;
const tool = (name: string, ...args: string[]) => run(path.join(root, 'node_modules/.bin', name), args, root);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-tools-'));
  ({ library, cli } = await packBoth(folder));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('linters', () => {
  it('publint finds nothing', async () => {
    for (const { tarball } of [library, cli]) {
      const { stdout } = await tool('publint', tarball, '--strict');
      expect(stdout).toContain('All good!');
    }
  });

  it('attw finds the types of every entry point', async () => {
    const { stdout } = await tool('attw', library.tarball, '--profile', 'esm-only', '--format', 'json');
    const { analysis, problems = {} } = JSON.parse(stdout);
    const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    expect(Object.keys(analysis.entrypoints).sort()).toEqual(Object.keys(exports).sort());
    // The profile leaves out what only CommonJS meets.
    const esm = JSON.stringify(problems).match(/"resolutionKind":"(node16-esm|bundler)"/g);
    expect(esm).toBeNull();
    expect(await tool('attw', cli.tarball, '--profile', 'esm-only')).toMatchObject({
      stdout: expect.stringContaining('does not contain types'),
    });
  });
});

describe('an application with the graph and one kernel', () => {
  const PROGRAM = `
    import { backward, openGpu, relu, tensor } from 'fovea';
    import { nms } from 'fovea/kernels/nms';
    const gpu = await openGpu();
    const { y } = await gpu.run(() => ({ y: relu(tensor([1, -1])) }));
    console.log(y, backward, nms.plan(gpu.device.device, { boxes: [8, 4], scores: [8] }).outputs);
  `;
  let app: string;

  beforeAll(async () => {
    app = makeApplication(path.join(folder, 'app'));
    mkdirSync(path.join(app, 'node_modules/fovea'), { recursive: true });
    await run(
      'tar',
      ['xzf', library.tarball, '-C', path.join(app, 'node_modules/fovea'), '--strip-components=1'],
      app,
    );
    cpSync(path.join(root, 'node_modules/valibot'), path.join(app, 'node_modules/valibot'), {
      recursive: true,
    });
    writeFileSync(path.join(app, 'main.js'), PROGRAM);
  });

  it.each(['esbuild', 'rollup', 'vite', 'webpack'])('is bundled by %s without a warning', async (bundler) => {
    const out = path.join(app, bundler, 'main.js');
    const script = path.join(import.meta.dirname, 'bundle.mjs');
    const { stdout } = await run(process.execPath, [script, bundler, path.join(app, 'main.js'), out], root);
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual([]);
    expect(existsSync(out)).toBe(true);
    const text = readFileSync(out, 'utf8');
    // Shaders are in it; nothing of Node is imported.
    expect(text).toContain('@compute');
    expect(text).not.toMatch(/(from|import\(|require\()\s*["'](node:|fs|path|webgpu)/);
  });
});
