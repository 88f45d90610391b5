import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '../..');

/** Every page that users and contributors read, relative to the root. docs/api is generated. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'cli/README.md',
  ...below('docs').filter((file) => !file.startsWith('docs/api/')),
  ...below('examples'),
];

function below(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => path.posix.join(folder, file.split(path.sep).join('/')))
    .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
    .sort();
}

export const readPage = (page: string): string => readFileSync(path.join(root, page), 'utf8');

export interface Block {
  readonly page: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
  readonly language: string;
  /** The words after the language: `run`, `continues`. */
  readonly words: readonly string[];
  readonly text: string;
}

/** The fenced blocks of a page. */
export function blocksOf(page: string, text = readPage(page)): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (!open) {
      if (fence) open = { line: i + 2, info: fence[1]!.trim(), lines: [] };
    } else if (fence) {
      const [language = '', ...words] = open.info.split(/\s+/);
      blocks.push({ page, line: open.line, language, words, text: open.lines.join('\n') });
      open = undefined;
    } else open.lines.push(line);
  }
  if (open) throw new Error(`${page}:${open.line - 1}: this block has no end`);
  return blocks;
}

export interface ShownCommand {
  readonly page: string;
  readonly line: number;
  /** As it is shown, without its comment. */
  readonly text: string;
  /** It is mentioned in a sentence: what it needs besides may be left out. */
  readonly inline: boolean;
}

/** The commands that a page shows: in indented blocks, in blocks of `sh`, and in sentences. */
export function commandsOf(page: string, text = readPage(page)): ShownCommand[] {
  const commands: ShownCommand[] = [];
  const add = (line: number, shown: string, inline: boolean) => {
    for (const part of shown.replace(/\s+#.*$/, '').split('&&')) {
      const command = part.trim();
      if (command !== '') commands.push({ page, line, text: command, inline });
    }
  };
  const shells = blocksOf(page, text).filter(({ language }) => language === 'sh');
  for (const block of shells) {
    for (const [i, line] of block.text.split('\n').entries()) {
      if (!/^\s*(#|$)/.test(line)) add(block.line + i, line, false);
    }
  }
  let fenced = false;
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('```')) fenced = !fenced;
    if (fenced) continue;
    if (/^ {4}(?:[A-Z_]+=\S+ )*(?:npx|npm|node|bash|git|cd|deno|bun) /.test(line)) {
      let whole = line;
      for (let next = i + 1; whole.endsWith('\\'); next++)
        whole = whole.slice(0, -1) + lines[next]!.trimStart();
      add(i + 1, whole, false);
    }
    for (const [, code] of line.matchAll(/`([^`]+)`/g)) {
      if (/^(?:npx |npm run |node |(?:npx )?fovea [a-z])/.test(code!)) add(i + 1, code!, true);
    }
  }
  return commands;
}
