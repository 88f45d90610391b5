import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { encodePng } from '../../src/draw/index.ts';
import { differenceHash } from '../../src/similarity/index.ts';
import { Random } from '../../src/vision/random.ts';
import { bestOf } from '../../web/src/studio/project/bestOf.ts';
import type { Picture } from '../../web/src/studio/project/model.ts';
import { addPictures, axeFaults, type ChosenFile, coins, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

beforeEach(async () => {
  context = await studio.visitor();
  page = await studio.open(context);
  return () => studio.leave(context);
});

/** Grey squares, which no other seed has; `more` makes all of them a little lighter. */
function squares(seed: number, more = 0): { data: Uint8Array; width: number; height: number } {
  const random = new Random(seed);
  const levels = Array.from({ length: 12 * 8 }, () => random.integer(200));
  const data = Uint8Array.from(
    { length: 120 * 80 },
    (_, i) => levels[12 * Math.floor(i / 1200) + Math.floor((i % 120) / 10)]! + more,
  );
  return { data, width: 120, height: 80 };
}
const rgba = ({ data, width, height }: ReturnType<typeof squares>) => ({
  ...{ width, height },
  data: Uint8ClampedArray.from({ length: 4 * data.length }, (_, i) => (i % 4 === 3 ? 255 : data[i >> 2]!)),
});
const file = async (name: string, seed: number, more = 0): Promise<ChosenFile> => ({
  ...{ name, mimeType: 'image/png' },
  buffer: Buffer.from(await encodePng(rgba(squares(seed, more)))),
});

/** The pictures in the database, by their names. */
const rows = async (): Promise<Map<string, Picture>> =>
  new Map(
    (
      await page.evaluate(
        () =>
          new Promise<Picture[]>((resolve) => {
            indexedDB.open('fovea-studio').onsuccess = ({ target }) => {
              const db = (target as IDBOpenDBRequest).result;
              db.transaction('pictures').objectStore('pictures').getAll().onsuccess = (event) => {
                db.close();
                resolve((event.target as IDBRequest<Picture[]>).result);
              };
            };
          }),
      )
    ).map((one) => [one.name, one]),
  );

it('finds near-duplicates, and deletes all but one of each', async () => {
  await addPictures(page, [
    await file('a.png', 1),
    await file('b.png', 2),
    await file('a lighter.png', 1, 20),
    await file('c.png', 3),
    coins(1),
    coins(2),
    coins(3),
  ]);
  const known = await rows();
  expect(known.get('a.png')!.hash).toBe(differenceHash(rgba(squares(1))).toString());
  expect(known.get(coins(1).name)!.hash).toBe(known.get(coins(2).name)!.hash);
  await page.getByLabel('Show').selectOption('alike');
  await page.getByText('2 groups').waitFor();
  const names = () => page.locator('.tile .name').allTextContents();
  const all = ['a.png', 'a lighter.png', coins(1).name, coins(2).name, coins(3).name];
  expect((await names()).sort()).toEqual(all.sort());
  await expect.poll(() => page.locator('.tile', { hasText: 'group 2' }).count()).toBe(3);
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Choose all but one of each group' }).click();
  await page.locator('.chosen').getByText('3 chosen').last().waitFor();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('There are none.').waitFor();
  await page.getByLabel('Show').selectOption('all');
  await page.getByText('4 pictures', { exact: true }).waitFor();
});

it('gives pictures of older studios their hashes and counts', async () => {
  await addPictures(page, [coins(1), await file('a.png', 1)]);
  await page.locator('.tile', { hasText: 'a.png' }).click();
  await page.getByLabel('Name of a new class').fill('coin');
  await page.getByRole('button', { name: 'Add class' }).click();
  await page.getByRole('button', { name: 'Point', exact: true }).click();
  await page.locator('.label-canvas').click();
  await expect.poll(async () => (await rows()).get('a.png')!.classes?.length).toBe(1);
  const before = await rows();
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        indexedDB.open('fovea-studio').onsuccess = ({ target }) => {
          const db = (target as IDBOpenDBRequest).result;
          const transaction = db.transaction('pictures', 'readwrite');
          transaction.objectStore('pictures').openCursor().onsuccess = (event) => {
            const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
            if (!cursor) return;
            const { hash: _, classes: __, ...old } = cursor.value;
            cursor.update(old);
            cursor.continue();
          };
          transaction.oncomplete = () => {
            db.close();
            resolve();
          };
        };
      }),
  );
  expect((await rows()).get('a.png')).not.toHaveProperty('hash');
  await page.reload();
  await expect.poll(rows).toEqual(before);
});

it('keeps the one of a group that has most to lose', () => {
  const one = (id: string, more: Partial<Picture> = {}) =>
    ({ ...{ id, objects: 0, done: false, width: 10, height: 10, size: 10 }, ...more }) as Picture;
  const best = (...group: Picture[]) => bestOf(group).id;
  expect(best(one('a'), one('b'))).toBe('a');
  expect(best(one('a'), one('b', { size: 11 }))).toBe('b');
  expect(best(one('a', { size: 99 }), one('b', { width: 11 }))).toBe('b');
  expect(best(one('a', { width: 99 }), one('b', { done: true }), one('c', { objects: 1 }))).toBe('c');
});
