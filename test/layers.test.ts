import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');

/**
 * The house: a folder imports from those above it, and from itself. Files of src/ itself stand where a folder
 * of their name would. wgsl/ puts texts together and knows no device, so it stands above device/, which compiles them.
 */
const LAYERS = [
  'errors',
  'arguments',
  'options',
  'shape',
  'half',
  'json',
  'base64',
  'inflate',
  'cacheFolder',
  'wgsl',
  'device',
  'kernels',
  'reference',
  'graph',
  'plan',
  'vision',
  'data',
  'draw',
  'io',
  'nn',
  'models',
  'onnx',
  'tfjs',
  'tasks',
  'learn',
  'profile',
  'open',
  'similarity',
  'verify',
];

/** Plain data and host code: it knows nothing of tensors or GPUs. */
const HOST = ['vision', 'data', 'draw', 'io'];
const FOR_HOST = [...LAYERS.slice(0, LAYERS.indexOf('wgsl')), ...HOST];

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

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?\bfrom\s*'([^']+)'|(?<!typeof )\bimport\(\s*(?:\/\*[^*]*\*\/\s*)?'([^']+)'\s*\)|(?:^|\n)\s*import\s*'([^']+)'/g;

const specifiersIn = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3]!);

const imports: Import[] = files.flatMap((file) =>
  specifiersIn(join(src, file)).map((specifier): Import => {
    const inside = specifier.startsWith('.');
    const target = resolve(src, dirname(file), specifier);
    return { file, specifier, layer: inside ? layerOf(target) : undefined };
  }),
);

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

  it('import no package but those that read files, where they are read, and nothing of Node', () => {
    const allowed = (specifier: string): readonly string[] =>
      ['valibot', 'yaml'].includes(specifier)
        ? ['data', 'io', 'tasks', 'learn']
        : specifier.startsWith('@bufbuild/protobuf')
          ? ['onnx', 'learn']
          : [];
    const packages = imports.filter(({ layer }) => layer === undefined);
    const wrong = packages.filter(
      ({ file, specifier }) => !allowed(specifier).includes(layerOf(join(src, file))),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('name every import with its extension', () => {
    const wrong = imports.filter(({ specifier, layer }) => layer && !/\.(ts|wgsl)$/.test(specifier));
    expect(wrong.map(show)).toEqual([]);
  });
});

/** Every file of the repository, relative to its root; also new ones that are not committed yet. */
const tree = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));

/** Each file with the files that it imports, for types alone or for values. */
function importGraph(): Map<string, string[]> {
  const sources = tree.filter((file) =>
    /^(src|cli|web|bench|scripts|test|examples)\/.*\.(ts|mjs|js)$/.test(file),
  );
  const known = new Set(sources);
  return new Map(
    sources.map((file) => {
      const targets = specifiersIn(join(root, file)).map((specifier) => join(dirname(file), specifier));
      return [file, targets.filter((target) => known.has(target))];
    }),
  );
}

/** The circles among imports, one for each import that closes a circle: the files on it, first to last. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const circles: string[][] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push(path.slice(start));
    if (done.has(file)) return;
    done.add(file);
    for (const target of graph.get(file)!) visit(target, [...path, file]);
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}

describe('the tree', () => {
  it('has no circle of imports, types included', () => {
    const graph = importGraph();
    expect(graph.size).toBeGreaterThan(400);
    expect(circlesIn(graph).map((circle) => [...circle, circle[0]].join(' imports '))).toEqual([]);
  });

  it('finds a circle where there is one', () => {
    const graph = new Map([
      ['a', ['b', 'd']],
      ['b', ['c']],
      ['c', ['d', 'b']],
      ['d', []],
    ]);
    expect(circlesIn(graph)).toEqual([['b', 'c']]);
  });

  it('has no source or page of more than 400 lines', () => {
    // Generated code (onnx_pb.ts) is as long as it is.
    const sources = tree.filter(
      (file) =>
        /\.(ts|mjs|wgsl|css|html|md)$/.test(file) && !file.includes('/fixtures/') && !file.endsWith('_pb.ts'),
    );
    const long = sources
      .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > 400);
    expect(long.map(({ file, lines }) => `${file} has ${lines} lines; split it`)).toEqual([]);
  });

  it('has the same families of kernels and shaders', () => {
    const families = tree.flatMap((file) => /^src\/wgsl\/(\w+)\//.exec(file)?.[1] ?? []);
    const wrong = [...new Set(families)].filter(
      (family) => family !== 'lib' && !existsSync(join(src, 'kernels', family)),
    );
    expect(wrong.map((family) => `src/wgsl/${family} has no src/kernels/${family}`)).toEqual([]);
    const stray = tree.filter(
      (file) =>
        file.endsWith('.wgsl') &&
        file.startsWith('src/') &&
        !/^src\/wgsl\/(\w+\/)?(lib\/)?\w+\.wgsl$/.test(file),
    );
    expect(stray).toEqual([]);
  });
});

it('hooks are in test files or in functions: processes load other files once, for many test files', () => {
  const folder = join(src, '../test');
  const wrong = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      /(?<!\.test|\.byHand)\.ts$/.test(name) &&
      !name.includes('node_modules') &&
      /^(before|after)(All|Each)\(/m.test(readFileSync(join(folder, name), 'utf8')),
  );
  expect(wrong).toEqual([]);
});
