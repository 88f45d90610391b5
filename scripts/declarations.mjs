// What the declarations of dist/types need so that they compile for everyone: older and newer TypeScript, with and without
// WebGPU's types, which TypeScript has in its DOM library from 6.0 on and @webgpu/types brings before; in Node without that library.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** WebGPU's types that are no classes, so that no global value tells whether they are there. */
const PLAIN = new Map([
  ['GPUBufferUsageFlags', 'number'],
  ['GPUFeatureName', 'string'],
]);

/** WebGPU's, and the DOM library's that Fovea takes. */
const NAMES =
  /\b(?:GPU[A-Z]\w*|HTMLCanvasElement|HTMLVideoElement|ImageBitmap|OffscreenCanvas|VideoFrame)\b/g;

/** @param {string} text */
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*/g, '');

/**
 * A class of WebGPU or the DOM where it is known, else `any`: declarations that name a global type do not compile without it, and
 * declarations that bring their own collide with those of the DOM library.
 *
 * @param {string} name
 */
const aliasOf = (name) =>
  PLAIN.has(name)
    ? `export type ${name} = ${PLAIN.get(name)};`
    : `export type ${name} = typeof globalThis extends { ${name}: { prototype: infer T } } ? T : any;`;

/** @param {string} text */
const finished = (text) =>
  text
    // A module is x.js to everybody else. TypeScript 7 leaves the source's name.
    .replace(/((?:from|import)\s*\(?\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2')
    // Typed arrays are generic from 5.7 on. This is Uint8Array<ArrayBuffer> there, and Uint8Array before.
    .replace(/\b(\w+Array)<ArrayBuffer>/g, 'ReturnType<$1Constructor["from"]>')
    .replace(/\b(\w+Array)<ArrayBufferLike>/g, '$1');

/**
 * Rewrites declarations in place, and writes webgpu.d.ts beside them, which they import WebGPU's types from.
 *
 * @param {string} folder of the declarations
 * @param {readonly string[]} files their paths
 * @returns {Promise<string>} the path of webgpu.d.ts
 */
export async function finishDeclarations(folder, files) {
  const shared = path.join(folder, 'webgpu.d.ts');
  /** @type {Set<string>} */
  const all = new Set();
  await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8');
      const names = [...new Set(withoutComments(text).match(NAMES) ?? [])].sort();
      for (const name of names) all.add(name);
      const relative = path.relative(path.dirname(file), folder).split(path.sep).join('/') || '.';
      const line = `import type { ${names.join(', ')} } from '${relative}/webgpu.js';\n`;
      // References come first in a file.
      const [head = ''] = text.match(/^(?:\/\/\/.*\n)*/) ?? [];
      await writeFile(file, head + (names.length > 0 ? line : '') + finished(text.slice(head.length)));
    }),
  );
  await writeFile(
    shared,
    `/** Types of WebGPU and the DOM: of TypeScript's DOM library, or of @webgpu/types; without either they are \`any\`. */\n${[...all].sort().map(aliasOf).join('\n')}\n`,
  );
  return shared;
}
