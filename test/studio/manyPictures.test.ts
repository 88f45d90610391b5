import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Picture } from '../../web/src/studio/project/model.ts';
import { addPictures, coins, Studio } from './studioPage.ts';

/** How many pictures the project has, and the limit of issue 16 for what one frame keeps the page from answering. */
const COUNT = 5000;
const LIMIT_MS = 50;

const studio = Studio.ofTests();

/** Makes many rows of the one picture that there is; `sharedThumbnails` gives all of them its thumbnail. */
const multiply = (page: Page): Promise<void> =>
  page.evaluate(
    (count) =>
      new Promise<void>((resolve) => {
        indexedDB.open('fovea-studio').onsuccess = ({ target }) => {
          const db = (target as IDBOpenDBRequest).result;
          const transaction = db.transaction('pictures', 'readwrite');
          const pictures = transaction.objectStore('pictures');
          pictures.getAll().onsuccess = (event) => {
            const [first] = (event.target as IDBRequest<Picture[]>).result;
            for (let i = 1; i < count; i++) {
              const split = (['train', 'valid', 'test'] as const)[i % 3]!;
              const own = { id: `copy ${i}`, digest: `digest ${i}`, name: `picture ${i}.png`, split };
              pictures.add({ ...first, ...own, objects: i % 40, done: i % 2 === 0, added: first!.added + i });
            }
          };
          transaction.oncomplete = () => {
            db.close();
            resolve();
          };
        };
      }),
    COUNT,
  );

/** Pictures without a thumbnail have that of another: 5,000 files would be most of the test. */
const sharedThumbnails = () => {
  const { getFileHandle } = FileSystemDirectoryHandle.prototype;
  FileSystemDirectoryHandle.prototype.getFileHandle = async function (name, options) {
    if (!name.startsWith('copy ')) return getFileHandle.call(this, name, options);
    const names = (this as unknown as { keys(): AsyncIterable<string> }).keys();
    for await (const known of names) return getFileHandle.call(this, known);
    throw new DOMException('no file', 'NotFoundError');
  };
};

interface Scrolled {
  /** The most tiles that were in the document at once. */
  readonly tiles: number;
  readonly frames: number;
}

/** Scrolls through all pictures: slowly, so that tiles come and go one row after another, then in leaps. */
const scroll = (page: Page): Promise<Scrolled> =>
  page.evaluate(async () => {
    const grid = document.querySelector('.grid')!;
    let [tiles, frames] = [0, 0];
    const to = async (top: number) => {
      grid.scrollTop = top;
      await new Promise((done) => requestAnimationFrame(done));
      frames += 1;
      tiles = Math.max(tiles, document.querySelectorAll('.tile').length);
    };
    for (let i = 1; i <= 60; i++) await to(60 * i);
    const height = grid.scrollHeight;
    for (let i = 1; i <= 80; i++) await to((height * i) / 80);
    await to(0);
    return { tiles, frames };
  });

it.each([
  ['1,100 px', { width: 1100, height: 800 }, 80],
  ['4K', { width: 3840, height: 2160 }, 250],
])('scrolls 5,000 pictures without a task of more than 50 ms, at %s', async (_, viewport, most) => {
  const context = await studio.visitor({ viewport });
  const page = await studio.open(context);
  await addPictures(page, [coins(1)]);
  await multiply(page);
  await page.addInitScript(sharedThumbnails);
  await page.reload();
  await page.getByText('5,000 pictures').waitFor();
  await page.locator('.tile img').nth(10).waitFor();
  let scrolled: Scrolled | undefined;
  const tasks = await studio.tasksOf(page, async () => {
    scrolled = await scroll(page);
  });
  expect(scrolled!.frames).toBe(141);
  expect(scrolled!.tiles).toBeGreaterThan(20);
  expect(scrolled!.tiles).toBeLessThan(most);
  expect(tasks.length).toBeGreaterThan(scrolled!.frames);
  expect(tasks.filter((ms) => ms > LIMIT_MS)).toEqual([]);
  await page.locator('.tile img').nth(10).waitFor();
  await studio.leave(context);
});
