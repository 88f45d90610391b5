import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/kernels/kernel.ts';
import { kernels } from '../../src/kernels/ops.ts';
import { readPage } from './pages.ts';

// docs/operations.md has a row for every operation, with its inputs and its attributes as the kernel has them.

const page = readPage('docs/operations.md');
/** name -> its row, cell by cell. */
const rows = new Map(
  page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .map((cells) => [cells[0]!.replaceAll('`', ''), cells] as const),
);
const forward = Object.entries<Kernel>(kernels).filter(([name]) => !name.includes('_backward'));

/** The attributes of a kernel, with the defaults of those that may be left out. */
function defaultsOf({ attributes }: Kernel): object {
  try {
    return attributes?.({}) ?? {};
  } catch {
    return {};
  }
}

describe('the table of operations', () => {
  it('has every operation, and no other', () => {
    const names = forward.map(([name]) => name);
    const missing = names.filter((name) => !rows.has(name));
    expect(missing.map((name) => `docs/operations.md has no row of ${name}`)).toEqual([]);
    expect([...rows.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(forward)('says what %s takes and gives', (name, kernel) => {
    const [, inputs = '', outputs = '', attributes = ''] = rows.get(name) ?? [];
    for (const input of kernel.variadic ? [] : kernel.inputs) expect(inputs).toContain(input);
    for (const input of kernel.optional) expect(inputs).toContain(`${input}?`);
    for (const output of kernel.outputs) expect(outputs).toContain(output);
    for (const [attribute, value] of Object.entries(kernel.elementwise?.row.attrs ?? {})) {
      const shown = Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : 'none';
      expect(attributes).toContain(`${attribute} = ${shown}`);
    }
    for (const [attribute, value] of Object.entries(defaultsOf(kernel))) {
      const [, shown] = new RegExp(`\\b${attribute}\\b(?: = ([^,]+))?`).exec(attributes) ?? [];
      expect(attributes, `the attributes of ${name} in docs/operations.md`).toContain(attribute);
      if (typeof value === 'number' && !Number.isNaN(Number(shown))) expect(Number(shown)).toBe(value);
    }
  });
});
