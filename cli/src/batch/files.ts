/** The files of a batch on this machine: models travel once, and are kept by what they hold. */
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from 'fovea';
import { cacheFolder } from 'fovea/io';

import { fileProblem } from '../files.ts';
import type { Place } from '../place/place.ts';
import { sha256 } from '../sha256.ts';
import type { OptionFiles } from './kinds/index.ts';
import { type BatchWork, readWorkFile, type WorkFile } from './work.ts';

/** Sets of files that are kept, and for how long at least, in milliseconds. */
const KEPT = 16;
const LEAST_AGE = 24 * 60 * 60 * 1000;

/** Files beside a model are in its folder under their names; each option has a folder of its own, but the model. */
function nameOf({ option, beside = 'model', name }: WorkFile): string {
  const of = option ?? beside;
  return of === 'model' ? name : path.join(of, name);
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/** Removes what was not used for long, where there is much. */
async function tidy(parent: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const used = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(path.join(parent, name))).mtimeMs })),
  );
  const old = used.sort((a, b) => b.at - a.at).slice(KEPT);
  for (const { name, at } of old) {
    if (Date.now() - at > LEAST_AGE) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

/**
 * Brings the files of a batch into the folder for caches, unless they are there already.
 *
 * @returns Their paths by the options that name them.
 * @throws DataError where one is missing or damaged, or the disk refuses.
 */
export async function fetchFiles(place: Place, { files }: BatchWork): Promise<OptionFiles> {
  if (files.length === 0) return {};
  const key = sha256(JSON.stringify(files));
  const parent = path.join(cacheFolder(), 'batch');
  const folder = path.join(parent, key);
  if (await isThere(folder)) {
    const now = new Date();
    await utimes(folder, now, now).catch(() => undefined);
  } else {
    const contents = await Promise.all(files.map((file) => readWorkFile(place, file)));
    try {
      await mkdir(parent, { recursive: true, mode: 0o700 });
      await tidy(parent);
      const begun = await mkdtemp(path.join(parent, '.begun-'));
      for (const [i, file] of files.entries()) {
        const own = path.join(begun, nameOf(file));
        await mkdir(path.dirname(own), { recursive: true });
        await writeFile(own, contents[i]!);
      }
      await rename(begun, folder).catch(async (error) => {
        await rm(begun, { recursive: true, force: true });
        // Another process may have been faster.
        if (!(await isThere(folder))) throw error;
      });
    } catch (error) {
      throw new DataError(
        `${parent}: the files of the batch cannot be kept there (${fileProblem(error)}); make room, or choose another folder with FOVEA_CACHE`,
        { cause: error },
      );
    }
  }
  return Object.fromEntries(
    files.flatMap((file) => (file.option === null ? [] : [[file.option, path.join(folder, nameOf(file))]])),
  );
}
