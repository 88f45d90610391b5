import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as graph from '../../src/graph/index.ts';
import { operations } from '../../src/graph/operations/index.ts';
import type { ElementwiseKernel } from '../../src/kernels/elementwise/elementwise.ts';
import * as publicKernels from '../../src/kernels/index.ts';
import { elementwiseKernels, kernels } from '../../src/kernels/ops.ts';

// The places of an operation that no type asks for. Each test names the operation and the file that lacks it; those of its public
// function are in test/graph/places.test.ts.

const isKernel = (value: unknown): value is { name: string } =>
  typeof value === 'object' && value !== null && 'infer' in value && 'name' in value;

const forward = Object.keys(kernels).filter((name) => !name.includes('_backward'));
const camelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Operations of another public name, or of none. */
const FUNCTIONS: Readonly<Record<string, string | null>> = {
  batch_norm: 'batchNormTrain',
  // Optimizers and averages record these.
  pack: null,
  sgd_step: null,
  adamw_step: null,
  rmsprop_step: null,
  rmsprop_centered_step: null,
  lion_step: null,
  ema_step: null,
};

describe('an operation', () => {
  it('is in the table of kernels, under its own name', async () => {
    const folder = join(import.meta.dirname, '../../src/kernels');
    const missing: string[] = [];
    let found = 0;
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const exported: Record<string, unknown> = await import(join(folder, file));
      for (const value of Object.values(exported).filter(isKernel)) {
        found++;
        if (kernels[value.name as keyof typeof kernels] === value) continue;
        missing.push(`src/kernels/ops.ts has no ${value.name}, which src/kernels/${file} exports`);
      }
    }
    expect(missing).toEqual([]);
    expect(found).toBeGreaterThan(100);
  });

  it('has a kernel that fovea/kernels exports', () => {
    const exported = new Set<unknown>(Object.values(publicKernels));
    // Gradients of elementwise kernels are reached through these: relu.backward.x.
    const reached = new Set(
      Object.values<ElementwiseKernel>(elementwiseKernels).flatMap(({ backward }): unknown[] =>
        Object.values(backward),
      ),
    );
    const missing = Object.entries(kernels).filter(
      ([, kernel]) => !exported.has(kernel) && !reached.has(kernel),
    );
    expect(missing.map(([name]) => `src/kernels/index.ts does not export ${name}`)).toEqual([]);
  });

  it('is in the table of operations of the graph', () => {
    const missing = Object.keys(kernels).filter((name) => !Object.hasOwn(operations, name));
    expect(missing.map((name) => `src/graph/operations/index.ts has no ${name}`)).toEqual([]);
  });

  it('has the kernel of its name', () => {
    const wrong = Object.entries(operations).filter(
      ([name, { kernel }]) => kernel !== (kernels as Readonly<Record<string, unknown>>)[name],
    );
    expect(wrong.map(([name]) => `src/graph/operations/index.ts has another ${name}`)).toEqual([]);
  });

  it('has a public function', () => {
    const missing = forward.filter((name) => {
      const fn = name in FUNCTIONS ? FUNCTIONS[name] : camelCase(name);
      return fn !== null && !(fn! in graph);
    });
    expect(missing.map((name) => `src/graph/functions/ has no ${camelCase(name)}`)).toEqual([]);
  });
});
