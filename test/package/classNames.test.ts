import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { root } from './packed.ts';

beforeAll(() => ensureBuilt(['library']));

/** Whether a value is a class, not another function. */
const isClass = (value: unknown): value is { readonly name: string } =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

it('classes of the built package have the names that they are exported by, for messages and consoles', async () => {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const wrong: string[] = [];
  let classes = 0;
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === 'string' || subpath.includes('*')) continue;
    const file = pathToFileURL(path.join(root, target.default)).href;
    const values: Readonly<Record<string, unknown>> = await import(/* @vite-ignore */ file);
    for (const [name, value] of Object.entries(values)) {
      if (!isClass(value)) continue;
      classes++;
      if (value.name !== name) wrong.push(`${subpath}: ${name} is called ${value.name}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(classes).toBeGreaterThan(100);
});
