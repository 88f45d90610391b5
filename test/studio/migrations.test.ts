import { describe, expect, it } from 'vitest';
import { PROJECT_VERSION } from '../../web/src/studio/project/model.ts';
import { asStoreError, StoreError } from '../../web/src/studio/store/errors.ts';
import { typeOfName } from '../../web/src/studio/store/fileTypes.ts';
import { MIGRATIONS, migrateDatabase, migrateFile } from '../../web/src/studio/store/migrations.ts';

type Database = Parameters<typeof migrateDatabase>[0];
type Transaction = Parameters<typeof migrateDatabase>[2];

describe('the migrations of what is stored', () => {
  it('lead from version to version up to the newest', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(
      Array.from({ length: PROJECT_VERSION }, (_, i) => i + 1),
    );
  });

  it('make a new database, and leave one that is new enough', async () => {
    const made: string[] = [];
    const db = {
      createObjectStore: (name: string) => {
        made.push(name);
        return { createIndex: (index: string) => made.push(`${name}.${index}`) };
      },
    } as unknown as Database;
    const projects = { getAll: async () => [], put: () => made.push('a project') };
    await migrateDatabase(db, 0, { objectStore: () => projects } as unknown as Transaction);
    expect(made).toEqual([
      ...['projects', 'pictures', 'pictures.project', 'pictures.digest', 'labels', 'blobs'],
      ...['trainings', 'trainings.project', 'models', 'models.project'],
    ]);
    made.length = 0;
    await migrateDatabase(db, PROJECT_VERSION, {} as Transaction);
    expect(made).toEqual([]);
  });

  it('bring projects of version 1 to version 2', async () => {
    const stored: unknown[] = [];
    const db = {
      createObjectStore: () => ({ createIndex: () => undefined }),
    } as unknown as Database;
    const projects = {
      getAll: async () => [{ version: 1, id: 'a', name: 'coins' }],
      put: (row: unknown) => stored.push(row),
    };
    await migrateDatabase(db, 1, { objectStore: () => projects } as unknown as Transaction);
    expect(stored).toEqual([{ version: 2, id: 'a', name: 'coins' }]);
  });

  it('refuse files of versions that are not there', () => {
    expect(migrateFile({ a: 1 }, PROJECT_VERSION, 'reading')).toEqual({ a: 1 });
    expect(() => migrateFile({}, PROJECT_VERSION + 1, 'reading')).toThrow(
      `reading: the version of project.json is ${PROJECT_VERSION + 1}, and this studio knows 1 to ${PROJECT_VERSION}; reload`,
    );
  });
});

describe('errors of the store', () => {
  it.each([
    ['QuotaExceededError', 'quota'],
    ['VersionError', 'blocked'],
    ['InvalidStateError', 'blocked'],
    ['NotFoundError', 'missing'],
    ['NotReadableError', 'missing'],
    ['UnknownError', 'other'],
    ['constructor', 'other'],
  ])('say what %s means', (name, kind) => {
    const cause = new DOMException('what the browser says', name);
    const error = asStoreError(cause, 'adding pictures');
    expect(error).toBeInstanceOf(StoreError);
    expect([error.kind, error.cause]).toEqual([kind, cause]);
    expect(error.message).toMatch(/^adding pictures: .{20,}; .{10,}$/);
    expect(asStoreError(error, 'something else')).toBe(error);
  });

  it('take whatever is thrown', () => {
    expect(asStoreError(undefined, 'adding').message).toMatch(/^adding: undefined; try again/);
    expect(asStoreError(new Error(), 'adding').kind).toBe('other');
  });
});

it('gives files types in which no script runs', () => {
  expect(['a.JPG', 'b/c.png', 'd.svg', 'e.html', 'constructor', ''].map(typeOfName)).toEqual([
    ...['image/jpeg', 'image/png', 'application/octet-stream', 'application/octet-stream'],
    ...['application/octet-stream', 'application/octet-stream'],
  ]);
});
