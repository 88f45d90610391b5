import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { kernels } from '../../src/kernels/ops.ts';

// What the built package offers to somebody's bundler and to Node.

const root = path.join(import.meta.dirname, '../..');
const script = (name: string) => import(pathToFileURL(path.join(root, 'scripts', name)).href);

interface Size {
  readonly operation: string;
  readonly gzip: number;
  readonly budget: number;
}
interface Operation {
  readonly operation: string;
  readonly identifier: string;
}

let operations: Operation[];
let bundle: (contents: string) => Promise<string>;
let measure: () => Promise<Size[]>;
let measurePrograms: () => Promise<{ name: string; gzip: number; budget: number }[]>;
beforeAll(async () => {
  await ensureBuilt(['library', 'types']);
  ({ bundle, measure, measurePrograms } = await script('size.mjs'));
  const { listOperations } = await script('operations.mjs');
  operations = await listOperations(await import('esbuild'), root);
});

describe('every kernel', () => {
  it('has an entry point', () => {
    expect(operations.map(({ operation }) => operation)).toEqual(Object.keys(kernels));
  });

  it('has a subpath of its own in Node, whose import touches nothing', () => {
    // In a process of its own: what is global before all imports must be so after.
    const code = `
      const operations = ${JSON.stringify(operations)};
      const reads = [];
      Object.defineProperty(globalThis, 'navigator', { configurable: true, get: () => void reads.push('navigator') });
      const state = () => JSON.stringify([
        Reflect.ownKeys(globalThis).map(String),
        [Object, Array, Map, Promise, ArrayBuffer, Float32Array].map((type) => Reflect.ownKeys(type.prototype).map(String)),
        process.env,
      ]);
      const before = state();
      const wrong = [];
      for (const { operation, identifier } of operations) {
        const { [identifier]: kernel, ...others } = await import('fovea/kernels/' + operation);
        if (kernel?.name !== operation || typeof kernel.plan !== 'function') wrong.push(operation);
        if (Object.keys(others).length > 0) wrong.push(operation + ' exports ' + Object.keys(others));
      }
      console.log(JSON.stringify({ wrong, reads, same: before === state() }));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toEqual({ wrong: [], reads: [], same: true });
  });

  it('has types', () => {
    const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    for (const { operation, identifier } of operations) {
      const file = path.join(root, exports['./kernels/*'].types.replace('*', operation));
      expect(existsSync(file), file).toBe(true);
      expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`\\b${identifier}\\b`));
    }
  });

  it('leaves nothing of itself where it is imported and not used', async () => {
    for (const { operation } of operations) {
      expect(await bundle(`import 'fovea/kernels/${operation}';`), operation).toBe('');
    }
    expect(await bundle(`import 'fovea/kernels'; import 'fovea';`)).toBe('');
  });

  it('costs as much from fovea/kernels as from its subpath', async () => {
    const own = await bundle(`export { conv2d } from 'fovea/kernels/conv2d';`);
    const shared = await bundle(`export { conv2d } from 'fovea/kernels';`);
    expect(shared.length).toBeLessThan(1.01 * own.length);
    expect(own).not.toMatch(/conv2d_backward_weight|conv_transpose2d/);
  });

  it('is within its budget', async () => {
    const sizes = await measure();
    expect(sizes.length).toBe(operations.length);
    const over = sizes.filter(({ gzip, budget }) => gzip > budget);
    expect(over.map(({ operation, gzip, budget }) => `${operation}: ${gzip} of ${budget} bytes`)).toEqual([]);
  });
});

it('a program with the graph is within its budget', async () => {
  const programs = await measurePrograms();
  expect(programs.length).toBeGreaterThan(3);
  const over = programs.filter(({ gzip, budget }) => gzip > budget);
  expect(over.map(({ name, gzip, budget }) => `${name}: ${gzip} of ${budget} bytes`)).toEqual([]);
});

it('a program that reads no PyTorch files holds nothing of their readers', async () => {
  const reader = /_rebuild_tensor|data\.pkl|torch\.save/;
  const model = `import { loadDetector } from 'fovea'; import { UNet } from 'fovea/models'; console.log(loadDetector, UNet);`;
  const weights = `import { decodeSafetensors } from 'fovea/io'; console.log(decodeSafetensors);`;
  expect(await bundle(model)).not.toMatch(reader);
  expect(await bundle(weights)).not.toMatch(reader);
  expect(await bundle(`import { readTorch } from 'fovea/io'; console.log(readTorch);`)).toMatch(reader);
});

describe('WGSL in the bundle', () => {
  const TOKEN =
    /[A-Za-z_]\w*|0[xX][0-9a-fA-F.]+(?:[pP][+-]?\d+)?[iufh]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[iufh]?|->|\+\+|--|&&|\|\||<<=|>>=|<=|>=|==|!=|[-+*/%&|^]=|\S/g;
  const lines = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => (line.replace(/\/\/.*/, '').match(TOKEN) ?? []).join(' '));

  it('has the tokens of its files, on the same lines, under the same name', async () => {
    const { shrink } = await script('wgsl.mjs');
    const folder = path.join(root, 'src/wgsl');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.wgsl'),
    );
    for (const file of files) {
      const text = readFileSync(path.join(folder, file), 'utf8');
      const shrunk: string = shrink(text);
      expect(lines(shrunk), file).toEqual(lines(text));
      expect(shrunk.split('\n')[0], file).toBe(`// ${path.basename(file)}`);
      expect(shrunk.slice(3), file).not.toContain('//');
    }
    // Where spaces do part tokens.
    for (const text of ['a - -b', 'a / *b', 'let x: array<f32> = y;', 'a >= b', 'i-- - 1']) {
      expect(lines(shrink(`// t.wgsl: t\n${text}`)), text).toEqual(lines(`\n${text}`));
    }
  });
});
