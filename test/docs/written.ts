import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { PAGES, root } from './pages.ts';
import { type Program, programsOf } from './programs.ts';

export const programs: readonly Program[] = PAGES.flatMap((page) => programsOf(page));

/** What blocks of code use without making it. */
export const CONTEXT = path.join(import.meta.dirname, 'context.ts');
export const contextNames: readonly string[] = [
  ...readFileSync(CONTEXT, 'utf8').matchAll(/^export const (\w+)/gm),
].map(([, name]) => name!);

/** A folder below the root, so that the packages are found by their names. Git ignores it. */
export class Folder {
  readonly path: string;

  constructor(name: string) {
    this.path = path.join(root, 'out', name);
    rmSync(this.path, { recursive: true, force: true });
    mkdirSync(this.path, { recursive: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  fileOf = ({ page, place, language }: Program): string =>
    path.join(this.path, `${page.replaceAll('/', '+')}+${place.split(':')[1]}.${language}`);

  write(name: string, text: string): void {
    writeFileSync(path.join(this.path, name), text);
  }

  /** Runs node there: what it printed, whether it failed or not. */
  async node(...args: string[]): Promise<string> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: this.path });
      return stdout + stderr;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return stdout + stderr;
    }
  }
}
