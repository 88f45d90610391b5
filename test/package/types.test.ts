import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeApplication, type Packed, packBoth, root, run } from './packed.ts';

// The declarations of the packed library, compiled as users compile them: all of them, with skipLibCheck off.

let folder: string;
let library: Packed;

/** An application with the library and some packages. What the library depends on is not needed: no declaration may name it. */
async function application(name: string, packages: readonly string[]): Promise<string> {
  const app = makeApplication(path.join(folder, name));
  mkdirSync(path.join(app, 'node_modules/fovea'), { recursive: true });
  await run(
    'tar',
    ['xzf', library.tarball, '-C', path.join(app, 'node_modules/fovea'), '--strip-components=1'],
    app,
  );
  for (const dependency of packages) {
    cpSync(path.join(root, 'node_modules', dependency), path.join(app, 'node_modules', dependency), {
      recursive: true,
    });
  }
  return app;
}

const PROGRAM = `
import { openGpu, relu, sum, tensor } from 'fovea';
import * as data from 'fovea/data';
import * as io from 'fovea/io';
import * as kernels from 'fovea/kernels';
import { roiAlign } from 'fovea/kernels/roi_align';
import * as models from 'fovea/models';
import * as nn from 'fovea/nn';
import * as verify from 'fovea/verify';
import * as vision from 'fovea/vision';

export const entryPoints = { data, io, kernels, models, nn, verify, vision };
const gpu = await openGpu();
const op = roiAlign.plan(gpu.device.device, { x: [1, 8, 8, 4], rois: [2, 5] }, { outputSize: 7 });
export const shape: readonly number[] = op.outputs.y!.shape;
export const loss: number = (await sum(relu(tensor([1]))).data())[0]!;
export const bytes: Uint8Array = io.encodeSafetensors({});

// Where WebGPU's types are there, a device is one, else it is any.
type IsAny<T> = 0 extends 1 & T ? true : false;
export const untyped: IsAny<typeof gpu.device.device> = EXPECTED_ANY;
`;

const COMPILERS = {
  'TypeScript 5.4': path.join(root, 'test/package/typescript-5.4/node_modules/typescript/bin/tsc'),
  'TypeScript 5.9': path.join(root, 'test/package/typescript-5.9/node_modules/typescript/bin/tsc'),
  'the current TypeScript': path.join(root, 'node_modules/typescript/bin/tsc'),
};
const DOM = ['es2022', 'dom', 'dom.iterable'];

let bare: string;
let typed: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-types-'));
  ({ library } = await packBoth(folder));
  bare = await application('bare', ['@types/node', 'undici-types']);
  typed = await application('typed', ['@webgpu/types']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(Object.entries(COMPILERS))('declarations under %s', (compiler, tsc) => {
  const current = compiler === 'the current TypeScript';

  /** Type-checks PROGRAM. `any`: whether a device is any. */
  async function check(app: string, any: boolean, options: Record<string, unknown>): Promise<void> {
    const name = `${compiler} ${options.moduleResolution}`.replaceAll(' ', '-');
    writeFileSync(path.join(app, `${name}.ts`), PROGRAM.replace('EXPECTED_ANY', String(any)));
    // All declarations are checked but the compiler's own.
    const checked = { skipLibCheck: false, skipDefaultLibCheck: true };
    const compilerOptions = { noEmit: true, strict: true, ...checked, target: 'es2022', ...options };
    writeFileSync(path.join(app, `${name}.json`), JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
    const compiled = run(process.execPath, [tsc, '-p', `${name}.json`, '--pretty', 'false'], app);
    expect(await compiled).toEqual({ stdout: '', stderr: '' });
  }
  const bundler = { module: 'esnext', moduleResolution: 'bundler' };
  const nodenext = { module: 'nodenext', moduleResolution: 'nodenext' };

  it('compile for a page: the current DOM library has WebGPU', async () => {
    await check(bare, !current, { ...bundler, lib: DOM, types: [] });
  });

  it('compile for Node, without WebGPU’s types', async () => {
    await check(bare, true, { ...nodenext, lib: ['es2022'], types: ['node'] });
  });

  // The current DOM library and @webgpu/types do not go together, whatever is compiled.
  it.runIf(!current)('compile with @webgpu/types', async () => {
    await check(typed, false, { ...bundler, lib: DOM, types: ['@webgpu/types'] });
  });
});
