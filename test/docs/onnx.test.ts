import { expect, it } from 'vitest';
import { operators } from '../../src/onnx/operators/index.ts';
import { readPage } from './pages.ts';

it('docs/onnx.md has a row for every operation of ONNX, in order, and no other', () => {
  const rows = [...readPage('docs/onnx.md').matchAll(/^\| `(\w+)` \| \d+ \|/gm)].map(([, name]) => name);
  const names = Object.keys(operators).sort((a, b) => a.localeCompare(b, 'en'));
  expect(rows).toEqual(names);
});
