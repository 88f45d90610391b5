// npm run size: what the built package adds to somebody's bundle, tree-shaken and minified by esbuild, in bytes: each kernel
// by itself (`import { conv2d } from 'fovea/kernels/conv2d'`), and programs with the graph. Of a program it measures what a
// page loads at first; what it imports later (`import()`: strategies of a family of adapters, tuning, Node's adapters) is
// listed beside that. Prints tables; exits 1 where something is over its budget.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { listOperations } from './operations.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** What kernels may add, in bytes, gzipped: some by name, and all others. */
const BUDGETS = new Map([
  ['conv2d', 10 * 1024],
  ['nms', 6 * 1024],
]);
const OTHERS = 12 * 1024;

const training = `import { backward, openGpu, tensor } from 'fovea';
import { AdamW } from 'fovea/nn';`;

/** Programs with the graph: their imports, and what a page may load at first, in bytes, gzipped. */
export const PROGRAMS = [
  { name: 'openGpu, relu', imports: `import { openGpu, relu, tensor } from 'fovea';`, budget: 32 * 1024 },
  {
    name: 'openGpu, conv2d, relu, backward, SGD',
    imports: `import { backward, conv2d, openGpu, relu, tensor } from 'fovea';\nimport { SGD } from 'fovea/nn';`,
    budget: 45 * 1024,
  },
  {
    name: 'training a U-Net',
    imports: `${training}\nimport { UNet } from 'fovea/models';`,
    budget: 90 * 1024,
  },
  {
    name: 'training a RetinaNet',
    imports: `${training}\nimport { RetinaNet } from 'fovea/models';`,
    budget: 90 * 1024,
  },
];

/**
 * What is left of a module that imports from the package, as a user's bundler leaves it.
 *
 * @param {string} contents of the module
 */
export async function bundle(contents) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    // Without the paths of tsconfig.json, which lead "fovea" to its source.
    tsconfigRaw: {},
    // That a bare import of a module without side effects is left out is what some callers want to see.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  return outputFiles[0].text;
}

/** { operation, raw, gzip, budget } of every kernel's own subpath. */
export async function measure() {
  const operations = await listOperations(esbuild, root);
  return Promise.all(
    operations.map(async ({ operation, identifier }) => {
      const text = await bundle(
        `import { ${identifier} } from 'fovea/kernels/${operation}'; export { ${identifier} };`,
      );
      const gzip = gzipSync(text, { level: 9 }).length;
      return { operation, raw: text.length, gzip, budget: BUDGETS.get(operation) ?? OTHERS };
    }),
  );
}

/** { name, gzip, later, budget } of every program: bytes at first, and of all that it may import later. */
export async function measurePrograms() {
  return Promise.all(
    PROGRAMS.map(async ({ name, imports, budget }) => {
      const names = [...imports.matchAll(/\{ ([^}]*) \}/g)].map(([, list]) => list).join(', ');
      const { metafile, outputFiles } = await esbuild.build({
        stdin: { contents: `${imports}\nconsole.log(${names});`, resolveDir: root },
        bundle: true,
        minify: true,
        splitting: true,
        format: 'esm',
        write: false,
        metafile: true,
        outdir: 'out',
        absWorkingDir: root,
        tsconfigRaw: {},
      });
      const sizes = new Map(
        outputFiles.map(({ path: file, contents }) => [
          path.relative(root, file),
          gzipSync(contents, { level: 9 }).length,
        ]),
      );
      const first = new Set();
      const load = (/** @type {string} */ file) => {
        if (first.has(file)) return;
        first.add(file);
        for (const { path: target, kind } of metafile.outputs[file]?.imports ?? []) {
          if (kind === 'import-statement') load(target);
        }
      };
      load('out/stdin.js');
      const sum = (/** @type {(file: string) => boolean} */ counts) =>
        [...sizes].reduce((total, [file, size]) => total + (counts(file) ? size : 0), 0);
      return { name, gzip: sum((file) => first.has(file)), later: sum((file) => !first.has(file)), budget };
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(path.join(root, 'dist/operations'))) {
    console.error('size: no built package; run "npm run build" first');
    process.exit(1);
  }
  const rows = await measure();
  const width = Math.max(...rows.map(({ operation }) => operation.length));
  const column = (/** @type {string | number} */ value) => String(value).padStart(8);
  console.log(`${'kernel'.padEnd(width)}${column('raw')}${column('gzip')}${column('budget')}`);
  for (const { operation, raw, gzip, budget } of rows.toSorted((a, b) => b.gzip - a.gzip)) {
    const over = gzip > budget ? '  OVER' : '';
    console.log(`${operation.padEnd(width)}${column(raw)}${column(gzip)}${column(budget)}${over}`);
  }
  const programs = await measurePrograms();
  const titles = Math.max(...programs.map(({ name }) => name.length));
  console.log(`\n${'program'.padEnd(titles)}${column('gzip')}${column('later')}${column('budget')}`);
  for (const { name, gzip, later, budget } of programs) {
    const over = gzip > budget ? '  OVER' : '';
    console.log(`${name.padEnd(titles)}${column(gzip)}${column(later)}${column(budget)}${over}`);
  }
  const over = [...rows, ...programs].filter(({ gzip, budget }) => gzip > budget);
  const names = over.map((row) => ('operation' in row ? row.operation : row.name));
  console.log(
    `${rows.length} kernels, ${programs.length} programs, ${over.length === 0 ? 'none over its budget' : `over: ${names.join(', ')}`}`,
  );
  process.exitCode = over.length === 0 ? 0 : 1;
}
