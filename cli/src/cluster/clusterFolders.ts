import { copyFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from 'fovea';
import { fileProblem, makeFolder, realPath, temporaryFor } from '../files.ts';
import { imageInputs } from '../imageInputs.ts';

/** The folder of a cluster: `cluster-07`, with as many digits as the last one has. */
export const clusterFolder = (cluster: number, clusters: number): string =>
  `cluster-${String(cluster).padStart(String(clusters - 1).length, '0')}`;

/** The file that an item is of: without the moment of a video. */
const fileOf = (name: string): string => name.replace(/#t=[\d.]+$/, '');

/** Throws DataError for a folder that has folders of clusters already, in which old and new files could not be told apart, and for what is none. */
export async function expectNoClusters(out: string): Promise<void> {
  const there = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    const problem = error.code === 'ENOTDIR' ? 'it is a file, not a folder' : fileProblem(error);
    throw new DataError(`${out}: cannot be used as a folder (${problem}); choose another output path`, {
      cause: error,
    });
  });
  if (there.some((name) => /^cluster-\d+$/.test(name)))
    throw new DataError(`${out}: has clusters already; choose another folder, or remove them`);
}

/** Throws DataError, before clusters are sought, for items that are no files, and a folder that cannot be made. */
export async function checkClusterFolder(out: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const found = await stat(fileOf(name)).catch(() => undefined);
    if (found?.isFile()) continue;
    throw new DataError(
      `${name}: is not there, and cannot be put into ${out}; run the command where the images are, or leave out --out`,
    );
  }
  await makeFolder(out);
}

/** Puts links to the files of items, or copies of them, into a folder for each cluster. Files keep their folders. */
export async function writeClusterFolders(
  out: string,
  names: readonly string[],
  { labels, clusters, copy }: { labels: Int32Array; clusters: number; copy: boolean },
): Promise<void> {
  const files = names.map(fileOf);
  const inside = new Map(
    (await imageInputs(files, {})).map((input) => [path.resolve(input.file), input.inside] as const),
  );
  const done = new Set<string>();
  for (const [i, file] of files.entries()) {
    const whole = path.resolve(file);
    const place = path.join(out, clusterFolder(labels[i]!, clusters), inside.get(whole)!);
    // Frames of one video may be in one cluster.
    if (done.has(place)) continue;
    done.add(place);
    await makeFolder(path.dirname(place));
    const begun = temporaryFor(place);
    try {
      if (copy) await copyFile(whole, begun);
      else await symlink(path.relative(await realPath(path.dirname(place)), await realPath(whole)), begun);
      await rename(begun, place);
    } catch (error) {
      await rm(begun, { force: true });
      const way = copy ? 'make room, or choose another folder' : 'copy the files with --copy';
      throw new DataError(`${place}: cannot be written (${fileProblem(error)}); ${way}`, { cause: error });
    }
  }
}
