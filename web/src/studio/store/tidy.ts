import { removeProjectRows } from './adding.ts';
import type { StudioDb } from './db.ts';
import type { Files } from './files.ts';

/**
 * Removes what a tab that was killed has left: pictures of a project that was not whole yet, and files that no row names.
 * Nobody may add pictures meanwhile.
 *
 * @returns How many files were removed; the folder of a project that is gone counts as one.
 */
export async function tidy(db: StudioDb, files: Files): Promise<number> {
  const projects = new Set(await db.getAllKeys('projects'));
  const named = new Map<string, Set<string>>();
  for (const project of projects) named.set(project, new Set());
  const homeless = new Set<string>();
  for (const rows of ['pictures', 'models', 'trainings'] as const) {
    for (let cursor = await db.transaction(rows).store.index('project').openKeyCursor(); cursor; ) {
      const ids = named.get(cursor.key);
      if (ids) ids.add(cursor.primaryKey);
      else homeless.add(cursor.key);
      cursor = await cursor.continue();
    }
  }
  for (const project of homeless) await removeProjectRows(db, project);
  return files.keepOnly(named);
}
