import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = join(import.meta.dirname, '../src');

/**
 * The house: a folder imports from those above it, and from itself. Files of src/ itself stand where a folder
 * of their name would. wgsl/ puts texts together and knows no device, so it stands above device/, which compiles them.
 */
const LAYERS = [
  'errors',
  'shape',
  'half',
  'json',
  'wgsl',
  'device',
  'kernels',
  'reference',
  'graph',
  'plan',
  'vision',
  'data',
  'io',
  'nn',
  'models',
  'tasks',
  'verify',
];

/** Plain data and host code: it knows nothing of tensors or GPUs. */
const HOST = ['vision', 'data', 'io'];
const FOR_HOST = ['errors', 'shape', 'half', 'json', ...HOST];

interface Import {
  readonly file: string;
  readonly specifier: string;
  /** The folder of src/ that it leads to; undefined for packages. */
  readonly layer: string | undefined;
}

const layerOf = (path: string): string =>
  relative(src, path)
    .split('/')[0]!
    .replace(/\.(d\.)?ts$/, '');

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?\bfrom\s*'([^']+)'|(?<!typeof )\bimport\(\s*(?:\/\*[^*]*\*\/\s*)?'([^']+)'\s*\)|(?:^|\n)\s*import\s*'([^']+)'/g,
  );
  return [...found].map((match): Import => {
    const specifier = match[1] ?? match[2] ?? match[3]!;
    const inside = specifier.startsWith('.');
    const target = resolve(src, dirname(file), specifier);
    return { file, specifier, layer: inside ? layerOf(target) : undefined };
  });
});

const show = ({ file, specifier }: Import): string => `${file} imports ${specifier}`;

describe('the layers of src/', () => {
  it('are all known', () => {
    const folders = new Set(files.map((file) => layerOf(join(src, file))));
    for (const entry of ['index', 'wgsl']) folders.delete(entry);
    expect([...folders].filter((folder) => !LAYERS.includes(folder))).toEqual([]);
    expect(imports.length).toBeGreaterThan(200);
  });

  it('import upwards only', () => {
    const wrong = imports.filter(({ file, layer }) => {
      const own = layerOf(join(src, file));
      if (layer === undefined || own === layer || own === 'index') return false;
      return LAYERS.indexOf(layer) < 0 || LAYERS.indexOf(layer) > LAYERS.indexOf(own);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  it('keep host code and references free of the device', () => {
    const wrong = imports.filter(({ file, layer }) => {
      const own = layerOf(join(src, file));
      if (layer === undefined) return false;
      return HOST.includes(own) ? !FOR_HOST.includes(layer) : own === 'reference' && layer === 'device';
    });
    expect(wrong.map(show)).toEqual([]);
  });

  it('stay inside src/: no command line, page, benchmark or test', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      const target = resolve(src, dirname(file), specifier);
      return specifier.startsWith('.') && relative(src, target).startsWith('..');
    });
    expect(wrong.map(show)).toEqual([]);
  });

  it('import no package but those that data/ and io/ read with, and nothing of Node', () => {
    const packages = imports.filter(({ layer }) => layer === undefined);
    expect(packages.filter(({ specifier }) => specifier !== 'valibot').map(show)).toEqual([]);
    const readers = packages.filter(
      ({ file }) => !['data', 'io', 'tasks'].includes(layerOf(join(src, file))),
    );
    expect(readers.map(show)).toEqual([]);
  });

  it('name every import with its extension', () => {
    const wrong = imports.filter(({ specifier, layer }) => layer && !/\.(ts|wgsl)$/.test(specifier));
    expect(wrong.map(show)).toEqual([]);
  });
});
