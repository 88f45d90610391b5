// npm run size: what one kernel adds to somebody's bundle: `import { conv2d } from 'fovea/kernels/conv2d'` of the built
// package, tree-shaken and minified by esbuild, in bytes. Prints a table; exits 1 where a kernel is over its budget.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { listOperations } from './operations.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** In bytes, gzipped. */
export const BUDGETS = { conv2d: 10 * 1024, nms: 6 * 1024, others: 12 * 1024 };

/** What is left of a module that imports from the package, as a user's bundler leaves it. */
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
      return { operation, raw: text.length, gzip, budget: BUDGETS[operation] ?? BUDGETS.others };
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
  const column = (value) => String(value).padStart(8);
  console.log(`${'kernel'.padEnd(width)}${column('raw')}${column('gzip')}${column('budget')}`);
  for (const { operation, raw, gzip, budget } of rows.toSorted((a, b) => b.gzip - a.gzip)) {
    const over = gzip > budget ? '  OVER' : '';
    console.log(`${operation.padEnd(width)}${column(raw)}${column(gzip)}${column(budget)}${over}`);
  }
  const over = rows.filter(({ gzip, budget }) => gzip > budget).map(({ operation }) => operation);
  console.log(
    `${rows.length} kernels, ${over.length === 0 ? 'none over its budget' : `over: ${over.join(', ')}`}`,
  );
  process.exitCode = over.length === 0 ? 0 : 1;
}
