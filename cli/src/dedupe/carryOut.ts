import { createHash } from 'node:crypto';
import { copyFile, link, lstat, open, rename, rm, stat, unlink, utimes } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError } from 'fovea';
import { fileProblem, makeFolder, openFile } from '../files.ts';
import { sha256 } from '../sha256.ts';
import type { Plan, Problem, Step } from './plan.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The status of a path, without following links; undefined if there is nothing. */
const found = (place: string) =>
  lstat(place, { bigint: true }).catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
type Found = NonNullable<Awaited<ReturnType<typeof found>>>;

const folderOf = (place: string): Promise<Found> => stat(path.dirname(place), { bigint: true });

/** Whether two names are of one file. Where the file system has no numbers for files it is not known, and then they are not. */
const isOneFile = (a: Found, b: Found): boolean => a.ino !== 0n && a.ino === b.ino && a.dev === b.dev;

async function sha256Of(place: string): Promise<string> {
  const handle = await openFile(place);
  const hash = createHash('sha256');
  // The stream closes the file.
  await pipeline(handle.createReadStream(), hash);
  return hash.digest('hex');
}

/** Why a step is not carried out. */
const refused = (text: string): DataError => new DataError(text);

/** Makes sure that a file has the bytes that it had when the plan was made. */
async function expectBytes(place: string, sha256: string): Promise<void> {
  const there = await found(place);
  if (!there) throw refused(`${place} is not there any more`);
  if (!there.isFile()) throw refused(`${place} is no longer a file`);
  if ((await sha256Of(place)) !== sha256) throw refused(`${place} has changed`);
}

/** A name for a file on its way, in the folder of another: short, as names have a limit, and the same in the next run, which removes it. */
const passing = (place: string): string =>
  path.join(path.dirname(place), `.fovea-dedupe-${sha256(place).slice(0, 24)}.tmp`);

/** Copies a file to a name where nothing is: to another disk, or where there are no hard links. Whole or not at all. */
async function copyTo(file: string, to: string, sha256: string): Promise<void> {
  const temporary = passing(to);
  await rm(temporary, { force: true });
  try {
    await copyFile(file, temporary);
    const { atime, mtime } = await stat(file);
    await utimes(temporary, atime, mtime);
    const handle = await open(temporary, 'r+');
    await handle.sync().finally(() => handle.close());
    await expectBytes(temporary, sha256);
    if (await found(to)) throw refused(`${to} is there already`);
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Error codes of systems that cannot make a hard link there. */
const NO_LINK = ['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR'];

/** Moves a file: it gets its new name, and then loses the old one. Killed in between it has both. */
async function move({ file, to, sha256, kept, keptSha256 }: Step & { readonly to: string }): Promise<void> {
  const [from, there] = [await found(file), await found(to)];
  if (!from && there) {
    await expectBytes(to, sha256);
    return;
  }
  await expectBytes(file, sha256);
  await expectBytes(kept, keptSha256);
  await makeFolder(path.dirname(to));
  // One folder may have two paths: the file would then be its own copy.
  const [own, other] = [await folderOf(file), await folderOf(to)];
  if (isOneFile(own, other)) throw refused(`${to} is the file itself`);
  if (!there) {
    try {
      await link(file, to);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw refused(`${to} is there already`);
      if (!NO_LINK.includes(codeOf(error) ?? '')) throw error;
      await copyTo(file, to, sha256);
    }
  } else if (!isOneFile(from!, there)) {
    // The copy of a run that was killed before it removed the file; or another file.
    if (!there.isFile() || (await sha256Of(to)) !== sha256) throw refused(`${to} is there already`);
  }
  await unlink(file).catch(async (error) => {
    // A folder that lets nothing go: what was made here would be one more copy.
    if (!there && (await found(file))) await unlink(to).catch(() => undefined);
    throw error;
  });
}

/** Replaces a file by a hard link of one with the same bytes: at any moment its name leads to one of the two. */
async function replace({ file, sha256, kept }: Step): Promise<void> {
  const temporary = passing(file);
  await rm(temporary, { force: true });
  const [own, stays] = [await found(file), await found(kept)];
  if (own && stays && isOneFile(own, stays)) return;
  await expectBytes(file, sha256);
  await expectBytes(kept, sha256);
  try {
    await link(kept, temporary);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    if (codeOf(error) === 'EXDEV') throw refused(`${kept} is on another disk, where no hard link can lead`);
    throw error;
  }
}

/**
 * Does what a plan says. Each step is whole or not done, checks what it finds, and does nothing that was done before, so that a plan can be
 * carried out again after a kill. What cannot be done is left as it is.
 *
 * @param tell Called with the number of steps that are done, before each; false ends the run before it.
 * @returns What could not be done; undefined where `tell` has ended the run.
 */
export async function carryOut(
  { steps }: Plan,
  tell: (done: number) => boolean,
): Promise<readonly Problem[] | undefined> {
  const problems: Problem[] = [];
  for (const [done, step] of steps.entries()) {
    if (!tell(done)) return undefined;
    const { to } = step;
    try {
      await (to === undefined ? replace(step) : move({ ...step, to }));
    } catch (error) {
      const system = typeof codeOf(error) === 'string';
      if (!system && !(error instanceof DataError)) throw error;
      problems.push({
        file: step.file,
        message: error instanceof DataError ? error.message : fileProblem(error),
      });
    }
  }
  return problems;
}
