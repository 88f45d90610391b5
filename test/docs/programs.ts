import { type Block, blocksOf, readPage } from './pages.ts';

export interface Program {
  /** Where its last block is: `docs/verify.md:64`. */
  readonly place: string;
  readonly page: string;
  readonly language: 'js' | 'ts';
  readonly runs: boolean;
  /** Its blocks on the lines that they have on the page, so that a message's line is one of the page. */
  readonly text: string;
}

const KNOWN = new Set(['run', 'continues', 'rows']);
const CODE = new Set(['js', 'ts']);
const OTHER = new Set(['sh', 'json', 'wgsl', 'text', 'html', 'mermaid', 'toml']);

/**
 * The programs of a page: each block of js or ts by itself, or behind those that it continues.
 *
 * - `js run`: a program; the tests run it.
 * - `js continues`: goes on with the block of code before it; what that declares is there.
 * - `js rows`: the code in the last column of the tables below it, up to the next block of code, continues it, row by row.
 */
export function programsOf(page: string, text = readPage(page)): Program[] {
  const programs: Program[] = [];
  let chain: Block[] = [];
  for (const block of blocksOf(page, text)) {
    const place = `${page}:${block.line}`;
    if (!CODE.has(block.language)) {
      if (OTHER.has(block.language)) continue;
      throw new Error(
        `${place}: a block of "${block.language}"; say js, ts, or one of ${[...OTHER].join(', ')}`,
      );
    }
    const unknown = block.words.find((word) => !KNOWN.has(word));
    if (unknown) throw new Error(`${place}: unknown word "${unknown}"; choose from ${[...KNOWN].join(', ')}`);
    const continues = block.words.includes('continues');
    if (continues && chain.length === 0) throw new Error(`${place}: there is nothing that it could continue`);
    chain = continues ? [...chain, block] : [block];
    if (block.words.includes('rows')) chain = [...chain, ...rowsBelow(block, text)];
    const language = chain.some((part) => part.language === 'ts') ? 'ts' : 'js';
    programs.push({ place, page, language, runs: block.words.includes('run'), text: joined(chain) });
  }
  return programs;
}

/** The rows of the tables below a block, up to the next one: the code in the last column of each, as a block on its line. */
function rowsBelow(block: Block, text: string): Block[] {
  const lines = text.split('\n');
  const first = block.line + block.text.split('\n').length;
  const rows: Block[] = [];
  for (let i = first; i < lines.length && !lines[i]!.startsWith('```'); i++) {
    const isRow = lines[i]!.startsWith('| ') && !lines[i]!.startsWith('| ---');
    if (!isRow || lines[i + 1]?.startsWith('| ---')) continue;
    const cell = lines[i]!.replace(/ \|$/, '').split(' | ').at(-1)!;
    const code = [...cell.matchAll(/`([^`]+)`/g)].map(([, span]) => span!.replace(/;?$/, ';'));
    if (code.length === 0) throw new Error(`${block.page}:${i + 1}: the last column of this row has no code`);
    rows.push({ ...block, line: i + 1, words: [], text: code.join(' ') });
  }
  if (rows.length === 0) throw new Error(`${block.page}:${block.line}: there is no row below this block`);
  return rows;
}

const IMPORT = /^import\s+(?:type\s+)?(?:[^'"]*?\sfrom\s+)?'[^']+';[^\n]*$/gms;

/**
 * One module of several blocks. Each block after the first is a scope of its own, as it may declare names anew; imports
 * go to the first line, which no block has.
 */
function joined(chain: readonly Block[]): string {
  const lines: string[] = [];
  const imports = new Set<string>();
  for (const [i, { line, text }] of chain.entries()) {
    const rest = text.replace(IMPORT, (found) => {
      for (const single of singleImports(found)) imports.add(single);
      return found.replace(/[^\n]/g, '');
    });
    while (lines.length < line - 2) lines.push('');
    lines.push(i === 0 ? '' : '{', ...rest.split('\n'));
  }
  const ends = '}'.repeat(chain.length - 1);
  // A module even where it imports nothing.
  return [`${[...imports].join(' ')} export {};`, ...lines.slice(1), ends].join('\n');
}

/** `import { a, type B } from 'c'` as one import for each name, so that names that two blocks import are there once. */
function singleImports(text: string): string[] {
  const match = /^import\s+(type\s+)?\{([^}]*)\}\s+from\s+('[^']+')/s.exec(text);
  if (!match) return [text.trim()];
  const [, type = '', names, source] = match;
  return names!
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => `import ${type}{ ${name} } from ${source};`);
}

/** The modules that a program imports, and the names it takes from each; types left out. */
export function importsOf(text: string): { readonly source: string; readonly names: readonly string[] }[] {
  return [...text.matchAll(/\bimport\s+(type\s+)?(?:\{([^}]*)\}\s+from\s+)?'([^']+)'/gs)]
    .filter(([, type]) => type === undefined)
    .map(([, , names = '', source]) => ({
      source: source!,
      names: names
        .split(',')
        .map((name) => name.trim().split(/\s+as\s+/)[0]!)
        .filter((name) => name !== '' && !name.startsWith('type ')),
    }));
}
