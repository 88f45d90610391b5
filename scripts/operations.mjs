// `fovea/kernels/<operation>`: an entry point for every row of the table of kernels, made from the table itself.
// roi_align is `export { roiAlign } from src/kernels/roi/roiAlign.ts`; relu_backward_x is
// the kernel relu.backward.x.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { wgsl } from './wgsl.mjs';

/** @param {string} name */
const camelCase = (name) => name.replace(/_(\w)/g, (_, /** @type {string} */ letter) => letter.toUpperCase());

/**
 * An operation: its name, the name of its kernel, and the file that exports that, relative to src/. `base` and `arg` are set
 * for the gradient of an elementwise operation: it is `base.backward.arg`.
 *
 * @typedef {{ operation: string, identifier: string, file: string, base: string | undefined, arg: string | undefined }} Row
 */

/**
 * Lists the operations in the order of the table.
 *
 * @param {typeof import('esbuild')} esbuild
 * @param {string} root of the repository
 * @returns {Promise<Row[]>}
 */
export async function listOperations(esbuild, root) {
  const folder = path.join(root, 'src/kernels');
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `export { elementwiseKernels, kernels } from './ops.ts';`,
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
    const [before, arg] = operation.split('_backward_');
    const base = arg && Object.hasOwn(elementwiseKernels, before) ? camelCase(before) : undefined;
    const file = fileOf.get(base ?? identifier);
    if (!file)
      throw new Error(`operations: no file in src/kernels exports ${identifier}, the kernel of ${operation}`);
    return { operation, identifier, file, base, arg };
  });
}

/**
 * The text of an operation's entry point.
 *
 * @param {Row} row
 * @param {(file: string) => string} specifierOf the specifier of a file of src/
 */
export const sourceOf = ({ identifier, file, base, arg }, specifierOf) =>
  base
    ? `import { ${base} } from '${specifierOf(file)}';\nexport const ${identifier} = ${base}.backward.${arg};\n`
    : `export { ${identifier} } from '${specifierOf(file)}';\n`;

/**
 * Its declarations: the kernel, and the types of its file, such as its attributes.
 *
 * @param {Row} row
 * @param {(file: string) => string} specifierOf the specifier of a file of src/
 */
export const declarationsOf = ({ identifier, file, base, arg }, specifierOf) =>
  base
    ? `import type { ${base} } from '${specifierOf(file)}';\nexport declare const ${identifier}: (typeof ${base})['backward']['${arg}'];\n`
    : `export { ${identifier} } from '${specifierOf(file)}';\nexport type * from '${specifierOf(file)}';\n`;
