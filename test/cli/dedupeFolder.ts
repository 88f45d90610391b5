import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { dedupeCommand } from '../../cli/src/commands/dedupe.ts';
import { buildCli } from './run.ts';

let root: string;
let folder: string;

/** A path in the folder of the test that runs. */
export const at = (...names: string[]): string => path.join(folder, ...names);

/** Builds the command line, and gives each test of a file its own folder, in which `at` names paths. */
export function eachInItsFolder(): void {
  beforeAll(async () => {
    await buildCli();
    root = mkdtempSync(path.join(tmpdir(), 'fovea-dedupe-'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  beforeEach(() => {
    folder = mkdtempSync(path.join(root, 'case-'));
  });
}

/** The files in a folder, below it too, with slashes. */
export const filesIn = (name: string): string[] =>
  (readdirSync(at(name), { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      path.relative(at(name), path.join(entry.parentPath, entry.name)).split(path.sep).join('/'),
    )
    .sort();

/** Runs the command in this process, and returns what it prints. */
export async function dedupe(
  options: Parameters<typeof dedupeCommand>[1],
  ...given: string[]
): Promise<string> {
  let text = '';
  await dedupeCommand(
    given.map((one) => at(one)),
    { recursive: true, out: at('out'), ...options },
    { write: (part) => (text += part) },
  );
  return text;
}
