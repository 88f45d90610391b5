// `fovea/kernels/<operation>`: an entry point for every row of the table of kernels, made from the table itself.
// roi_align is `export { roiAlign } from src/kernels/roi/roiAlign.ts`; relu is taken from the elementwise kernels.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { wgsl } from './wgsl.mjs';

const camelCase = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** { operation, identifier, file, elementwise }, in the table's order; `file` is relative to src/. */
export async function listOperations(esbuild, root) {
  const folder = path.join(root, 'src/kernels');
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `export { kernels } from './ops.ts'; export { elementwiseKernels } from './elementwise/elementwise.ts';`,
      resolveDir: folder,
    },
    bundle: true,
    format: 'esm',
    write: false,
    plugins: [wgsl],
    logLevel: 'warning',
  });
  const source = Buffer.from(outputFiles[0].contents).toString('base64');
  const { kernels, elementwiseKernels } = await import(`data:text/javascript;base64,${source}`);
  const fileOf = new Map();
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const text = await readFile(path.join(folder, name), 'utf8');
    for (const [, identifier] of text.matchAll(/^export const (\w+)/gm)) {
      fileOf.set(identifier, `kernels/${name}`);
    }
  }
  return Object.keys(kernels).map((operation) => {
    const identifier = camelCase(operation);
    const elementwise = Object.hasOwn(elementwiseKernels, operation);
    const file = elementwise ? 'kernels/elementwise/elementwise.ts' : fileOf.get(identifier);
    if (!file)
      throw new Error(`operations: no file in src/kernels exports ${identifier}, the kernel of ${operation}`);
    return { operation, identifier, file, elementwise };
  });
}

/** The text of an operation's entry point: `path(file)` is how it names a file of src/. */
export const sourceOf = ({ operation, identifier, file, elementwise }, path) =>
  elementwise
    ? `import { elementwiseKernels } from '${path(file)}';\nexport const ${identifier} = elementwiseKernels.${operation};\n`
    : `export { ${identifier} } from '${path(file)}';\n`;

/** Its declarations: the kernel, and the types of its file (attributes, for one). */
export const declarationsOf = ({ operation, identifier, file, elementwise }, path) =>
  elementwise
    ? `import type { elementwiseKernels } from '${path(file)}';\nexport declare const ${identifier}: (typeof elementwiseKernels)['${operation}'];\n`
    : `export { ${identifier} } from '${path(file)}';\nexport type * from '${path(file)}';\n`;
