// How every bundle takes in WGSL: comments and spaces go, line breaks stay, so that a compiler's `nms_scan.wgsl:23` is
// still line 23 of the file. The first line keeps the file's name.
import { readFile } from 'node:fs/promises';

/**
 * Drops the spaces that separate no two tokens. They stay in `a - -b`, `a / *b` and `array<T> = …`, where other tokens would form.
 *
 * @param {string} line
 */
const squeeze = (line) =>
  line
    .replace(/\/\/.*/, '')
    .trim()
    .replace(/\s*([,;:{}()[\]+*%&|^])\s*/g, '$1')
    .replace(/(?<!-)\s*-\s*(?!-)/g, '-')
    .replace(/\s*\/\s*(?![*/])/g, '/')
    .replace(/\s*([<>])\s*(?!=)/g, '$1')
    .replace(/\s*>=\s*/g, '>=')
    .replace(/(?<!>)\s*=\s*/g, '=');

/** @param {string} text */
export function shrink(text) {
  const [first, ...lines] = text.split('\n');
  const name = first.replace(/^(\/\/ [\w.]+):.*/, '$1');
  return `${[name, ...lines.map(squeeze)].join('\n').trimEnd()}\n`;
}

/** @type {import('esbuild').Plugin} */
export const wgsl = {
  name: 'wgsl',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path }) => ({
      contents: shrink(await readFile(path, 'utf8')),
      loader: 'text',
    }));
  },
};
