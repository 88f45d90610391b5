import { countsOf } from '../project/counts.ts';
import type { LabelObject, Picture, PictureLabels, Project, Split } from '../project/model.ts';
import type { Check } from './check.ts';
import { type StudioDb, transact } from './db.ts';
import { digestOf } from './digest.ts';
import { StoreError } from './errors.ts';
import type { Files } from './files.ts';
import { checkLabels } from './labelCheck.ts';
import { packLabels } from './maskRuns.ts';
import { inParallel } from './parallel.ts';

/** A picture to add. */
export interface NewPicture {
  /** The file as it came; it is copied. */
  readonly file: Blob;
  /** With folders where it came with some: `left/0001.jpg`. */
  readonly name: string;
  /** Pixels of the decoded picture, turned as its EXIF says. */
  readonly width: number;
  readonly height: number;
  /** A small picture for lists; one can be given later (`saveThumbnail`). */
  readonly thumbnail?: Blob;
  readonly labels?: readonly LabelObject[];
  /** Default train. */
  readonly split?: Split;
  /** Default false. */
  readonly done?: boolean;
  readonly hash?: string;
  /** Milliseconds since 1970; default now. */
  readonly added?: number;
  /** SHA-256 of the file in hex, where the caller has computed it. */
  readonly digest?: string;
}

export interface AddedPictures {
  /** In the order in which they were given. */
  readonly added: readonly Picture[];
  /** Those whose file the project has already, or that were given twice, and the picture that has it. */
  readonly known: readonly { readonly name: string; readonly picture: string }[];
}

/** How many files are read or written at a time: more is no faster, and a digest takes the memory of its file. */
const AT_ONCE = 4;

interface Row {
  readonly given: NewPicture;
  readonly picture: Picture;
  readonly labels: PictureLabels | undefined;
}

/**
 * Writes the files, then all rows in one transaction; where anything fails, the files are removed again. Hold `whileAdding`
 * around it, as nothing says that the files are wanted until the rows are there.
 *
 * @param project Its id.
 * @param mustExist Whether the project's row must be there, or comes later.
 */
export async function addRows(
  { db, files, check }: { readonly db: StudioDb; readonly files: Files; readonly check: Check },
  project: string,
  pictures: readonly NewPicture[],
  mustExist: boolean,
): Promise<AddedPictures> {
  const now = Date.now();
  const known: { name: string; picture: string }[] = [];
  const rows: Row[] = [];
  const own = new Map<string, string>();
  const made = await inParallel(pictures, AT_ONCE, async (given) => {
    const row = await makeRow(check, project, given, now);
    const other = await db.getKeyFromIndex('pictures', 'digest', [project, row.picture.digest]);
    return { row, other };
  });
  for (const { row, other } of made) {
    const { id, name, digest } = row.picture;
    const picture = other ?? own.get(digest);
    if (picture === undefined) rows.push(row);
    else known.push({ name, picture });
    own.set(digest, own.get(digest) ?? id);
  }
  try {
    await inParallel(rows, AT_ONCE, async ({ picture: { id }, given: { file, thumbnail } }) => {
      await files.write({ project, kind: 'pictures', id }, file);
      if (thumbnail) await files.write({ project, kind: 'thumbnails', id }, thumbnail);
    });
    const late = await putRows(db, project, rows, mustExist, check.did);
    const others = new Map(late.map(({ row, other }) => [row.picture.id, other]));
    const lost = rows.map(({ picture }) => picture).filter(({ id }) => others.has(id));
    await removeFiles(files, lost);
    return {
      added: rows.map(({ picture }) => picture).filter(({ id }) => !others.has(id)),
      known: [...known, ...lost.map(({ name, id }) => ({ name, picture: id }))].map(({ name, picture }) => ({
        name,
        picture: others.get(picture) ?? picture,
      })),
    };
  } catch (error) {
    // What cannot be removed now is removed at the next opening.
    const all = rows.map(({ picture }) => picture);
    await removeFiles(files, all).catch(() => {});
    throw error;
  }
}

/** Returns those that another tab has added in the meantime. */
function putRows(
  db: StudioDb,
  project: string,
  rows: readonly Row[],
  mustExist: boolean,
  did: string,
): Promise<{ row: Row; other: string }[]> {
  return transact(db, ['projects', 'pictures', 'labels'], async (tx) => {
    if (mustExist && (await tx.objectStore('projects').getKey(project)) === undefined) {
      throw new StoreError('missing', did, 'the project was removed in another tab; choose another one');
    }
    const late: { row: Row; other: string }[] = [];
    const pictures = tx.objectStore('pictures');
    for (const row of rows) {
      const other = await pictures.index('digest').getKey([project, row.picture.digest]);
      if (other !== undefined) {
        late.push({ row, other });
        continue;
      }
      await pictures.add(row.picture);
      if (row.labels) await tx.objectStore('labels').put(row.labels);
    }
    return late;
  });
}

async function makeRow(check: Check, project: string, given: NewPicture, now: number): Promise<Row> {
  const { file, labels = [], split = 'train', done = false, added = now, hash } = given;
  const of = check.record(given, `picture ${JSON.stringify(String(given.name).slice(0, 200))}`);
  const id = crypto.randomUUID();
  const objects = checkLabels(check, labels);
  const picture: Picture = {
    id,
    project,
    name: of.text('name', 1000, 1),
    width: of.integer('width', 1, 2 ** 20),
    height: of.integer('height', 1, 2 ** 20),
    size: file.size,
    digest: given.digest ?? (await digestOf(file)),
    ...(hash === undefined ? {} : { hash }),
    added,
    split,
    done,
    ...countsOf(objects),
  };
  return { given, picture, labels: objects.length > 0 ? packLabels({ picture: id, objects }) : undefined };
}

export async function removeFiles(files: Files, pictures: readonly Picture[]): Promise<void> {
  await inParallel(pictures, AT_ONCE, async ({ project, id }) => {
    await files.remove({ project, kind: 'pictures', id });
    await files.remove({ project, kind: 'thumbnails', id });
  });
}

/** Removes a project's row, all of its pictures, labels, trainings and models in one transaction; their files are not touched. */
export const removeProjectRows = (db: StudioDb, project: Project['id']): Promise<void> =>
  transact(db, ['projects', 'pictures', 'labels', 'trainings', 'models'], async (tx) => {
    const pictures = tx.objectStore('pictures');
    for (const id of await pictures.index('project').getAllKeys(project)) {
      await tx.objectStore('labels').delete(id);
      await pictures.delete(id);
    }
    for (const name of ['trainings', 'models'] as const) {
      const rows = tx.objectStore(name);
      for (const id of await rows.index('project').getAllKeys(project)) await rows.delete(id);
    }
    await tx.objectStore('projects').delete(project);
  });
