import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { type Kernel, shaderOf } from '../../src/kernels/kernel.ts';
import { kernelOf } from '../../src/kernels/ops.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { otherKernels, runsAlone } from '../../src/verify/otherKernels.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';
import { type Names, namesIn } from './names.ts';
import { differences, needsOf, sourceOf } from './needs.ts';

await loadStrategies(Object.values(operations));

const src = join(import.meta.dirname, '../../src');
const filesOf = (folder: string, extension: string): Map<string, string> => {
  const files = readdirSync(join(src, folder), { recursive: true, encoding: 'utf8' });
  const wanted = files.filter((file) => file.endsWith(extension));
  return new Map(wanted.map((file) => [file, readFileSync(join(src, folder, file), 'utf8')]));
};
const shaders = filesOf('wgsl', '.wgsl');
const byName = new Map([...shaders].map(([file, text]) => [basename(file), text]));

describe('every shader says in its needs: line what it uses of others', () => {
  it('has a name of its own, which its first line gives', () => {
    expect(byName.size).toBe(shaders.size);
    for (const [file, text] of shaders) expect(text).toMatch(new RegExp(`^// ${basename(file)}: \\S`));
  });

  it.each([...shaders])('%s', (_file, text) => {
    expect(differences(text)).toEqual([]);
  });

  it('names sources that declare what is needed', () => {
    const generators = new Map([...filesOf('kernels', '.ts')].map(([file, text]) => [basename(file), text]));
    const provides = (source: string, name: string): boolean => {
      const snippet = byName.get(source);
      if (snippet !== undefined) return namesIn(snippet).declared.has(name);
      return source === 'header' || new RegExp(`\\b${name}\\(`).test(generators.get(source) ?? '');
    };
    const wrong = [...shaders].flatMap(([file, text]) =>
      needsOf(text).flatMap(({ sources, names }) =>
        names.flatMap((name) =>
          sources
            .filter((source) => !provides(source, name))
            .map((source) => `${file}: ${source} has no ${name}`),
        ),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

/** Every shader that the table of cases is computed with on such a device, by every strategy, as the parts that it is made of. */
function* shadersOn(caps: Caps): Generator<readonly string[]> {
  for (const row of cases) {
    const kernel = kernelOf(row.op) as Kernel;
    const attrs = attributesOf(kernel, row.attrs);
    for (const dtype of ['f32', 'f16'] as const) {
      const inputs = Object.fromEntries(
        Object.entries(row.inputs).map(([name, { shape, dtype: own }]) => {
          const follows = own === 'f32' && !kernel.f32Inputs?.includes(name);
          return [name, { shape, dtype: follows ? dtype : own }];
        }),
      );
      let outputs: ReturnType<Kernel['infer']>;
      try {
        outputs = kernel.infer(inputs, attrs);
      } catch {
        continue; // It does not take f16.
      }
      const others = [true, false].flatMap((training) => [
        ...otherKernels(operations[row.op], caps, inputs, attrs, { training }).values(),
      ]);
      for (const { dispatches } of [...(runsAlone(attrs) ? [kernel] : []), ...others]) {
        for (const dispatch of dispatches(caps, inputs, outputs, attrs).dispatches)
          yield shaderOf(dispatch).parts;
      }
    }
  }
}

const LIMITS = { f16: true, maxBindingSize: 2 ** 27, maxStorageBuffers: 8 };

it.each<[string, Caps]>([
  ['a GPU', { ...LIMITS, family: 'tile', subgroupSize: 0 }],
  [
    'a GPU with matrix units',
    { ...LIMITS, family: 'tile', subgroupSize: 0, matrixUnits: true, workgroupBytes: 49152 },
  ],
  ['subgroups of 4 lanes', { ...LIMITS, family: 'subgroup', subgroupSize: 4 }],
  ['subgroups of 8 lanes', { ...LIMITS, family: 'subgroup', subgroupSize: 8 }],
])('in every shader that is put together for %s, all needs are met by a source that they name', (_device, caps) => {
  const known = new Map<string, Names>();
  const named = (part: string): Names => {
    const names = known.get(part) ?? namesIn(part);
    known.set(part, names);
    return names;
  };
  const wrong = new Set<string>();
  const seen = new Set<string>();
  for (const parts of shadersOn(caps)) {
    const key = parts.join('\n');
    if (seen.has(key)) continue;
    seen.add(key);
    const providers = new Map(
      parts.flatMap((part) => [...named(part).declared].map((name) => [name, sourceOf(part)])),
    );
    for (const part of parts) {
      for (const { sources, names } of needsOf(part)) {
        for (const name of names) {
          const provider = providers.get(name) ?? 'nothing';
          if (!sources.includes(provider)) wrong.add(`${sourceOf(part)} gets ${name} from ${provider}`);
        }
      }
    }
  }
  expect([...wrong].sort()).toEqual([]);
});
