import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { enterRoom, Studio } from './studioPage.ts';
import { Visit } from './trainPage.ts';

const studio = Studio.ofTests();

const SHORT = { Steps: 400, 'Side of the crops, in pixels': 64, 'Crops per step': 2 };

async function withCoins(options: BrowserContextOptions = {}): Promise<Visit> {
  const visit = await Visit.begin(studio, options);
  await visit.addCoins();
  await visit.enter('Train');
  await visit.choose(SHORT);
  await visit.page.getByText('400 steps of 2 crops').waitFor();
  return visit;
}

/** Changes all rows of a store of the database; those for which nothing is returned are deleted. */
const changeRows = (page: Page, store: string, change: string): Promise<void> =>
  page.evaluate(
    async ([store, change]) => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('fovea-studio');
        request.onsuccess = () => resolve(request.result);
      });
      const rows = database.transaction(store!, 'readwrite').objectStore(store!);
      await new Promise<void>((resolve) => {
        rows.openCursor().onsuccess = ({ target }) => {
          const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
          if (!cursor) return resolve();
          if (change === 'delete') cursor.delete();
          else {
            const row = cursor.value as { classes: { name: string }[] };
            cursor.update({ ...row, classes: row.classes.map((one) => ({ ...one, name: change })) });
          }
          cursor.continue();
        };
      });
      database.close();
    },
    [store, change],
  );

/** Flips bits in the middle of the checkpoint that is stored. */
const damageCheckpoint = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('fovea-studio');
    for await (const name of folder.keys()) {
      const inner = await folder.getDirectoryHandle(name);
      for await (const kind of inner.keys()) if (kind === 'checkpoints') folder = inner;
    }
    folder = await folder.getDirectoryHandle('checkpoints');
    for await (const name of folder.keys()) {
      const file = await folder.getFileHandle(name);
      const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
      bytes[bytes.length >> 1]! ^= 255;
      const out = await file.createWritable();
      await out.write(bytes);
      await out.close();
    }
  });

const goOn = (page: Page) => page.getByRole('button', { name: 'Go on with My project' });

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'a training of what has changed',
  () => {
    it('says what to do where classes were renamed, pictures deleted, or the checkpoint is damaged', async () => {
      const visit = await withCoins();
      const { page } = visit;
      // Two clicks begin one training.
      await page.getByRole('button', { name: 'Train', exact: true }).dblclick();
      await visit.reached(2);
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByText(/paused, \d+ of 400 steps/).waitFor();
      await expect.poll(() => page.locator('.training').count()).toBe(1);

      await changeRows(page, 'projects', 'penny');
      await goOn(page).click();
      const renamed =
        /its pictures now have objects of penny, and it learns coin; name the classes as before, /;
      await page.locator('.training').getByText(renamed).waitFor();
      await changeRows(page, 'projects', 'coin');
      // With the classes as they were, it goes on from where it was.
      const before = Number(
        /, (\d+) of 400/.exec((await page.locator('.training summary').textContent()) ?? '')?.[1],
      );
      expect(before).toBeGreaterThan(1);
      await goOn(page).click();
      await visit.reached(before + 1);
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByText(/paused, \d+ of 400 steps/).waitFor();

      await changeRows(page, 'pictures', 'delete');
      await goOn(page).click();
      const deleted = /the pictures that it learns from were deleted.*keep the best so far, or remove this/;
      await page.locator('.training').getByText(deleted).waitFor();

      await damageCheckpoint(page);
      await goOn(page).click();
      const damaged = /is damaged; remove the training, and begin a new one/;
      await page.locator('.training').getByText(damaged).waitFor();
      // What was told before lies over the buttons.
      for (const close of (await page.locator('.notice button').all()).reverse()) await close.click();
      await page.getByRole('button', { name: 'Keep the best so far' }).click();
      await page.locator('.notice').getByText(damaged).waitFor();
      await visit.end();
    });

    it('ends where numbers are none any more, and says what to do in the studio', async () => {
      const visit = await withCoins();
      const { page } = visit;
      await visit.choose({ 'Highest learning rate': 1e30 });
      await page.getByText('400 steps of 2 crops').waitFor();
      await visit.train();
      await visit.finished();
      const text = await page.locator('.training .problem').textContent();
      expect(text).toContain('begin a new one with a learning rate below 1e+30, under More settings');
      expect(text).not.toContain('--');
      await visit.choose({ 'Crops per step': 100_000 });
      await page.getByText('Crops per step: 100000; give a whole number from 1 to 4,096').waitFor();
      await visit.choose({ 'Crops per step': 2, Steps: 0.5 });
      await page.getByText('Steps: 0.5; give a whole number from 1').waitFor();
      await visit.choose({ Steps: 7 });
      await page.getByText('7 steps of 2 crops').waitFor();
      await visit.end();
    });

    it('ends without a complaint where its project is removed', async () => {
      const visit = await withCoins();
      const { page } = visit;
      await visit.train();
      await visit.reached(1);
      await enterRoom(page, 'Projects');
      await page.getByRole('button', { name: /^Remove/ }).click();
      await page.getByRole('button', { name: 'Remove', exact: true }).click();
      await page
        .getByText(/My project is removed|removed/)
        .first()
        .waitFor();
      await expect.poll(() => page.locator('.notice.error').count()).toBe(0);
      await visit.end();
    });

    it('says so where its worker cannot be loaded, and other projects can be opened', async () => {
      // A service worker has the script without the network.
      const visit = await withCoins({ serviceWorkers: 'block' });
      const { page } = visit;
      await visit.context.route(/trainer/, (route) => route.abort());
      await page.reload();
      await page.getByText('the worker that trains failed').first().waitFor();
      await enterRoom(page, 'Projects');
      await page.getByLabel('Name of a new project').fill('another');
      await page.keyboard.press('Enter');
      await page.locator('header .project', { hasText: 'another' }).waitFor();
      // Each room that asks the worker is told.
      studio.forget();
      await visit.end();
    });

    it('is not begun without WebGPU, and the room says why', async () => {
      const visit = await withCoins();
      const { page } = visit;
      await page.addInitScript(() => {
        Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined });
      });
      await page.reload();
      await page.getByRole('alert').getByRole('heading').waitFor();
      await page.getByText('Learns from 1 picture').waitFor();
      await expect
        .poll(() => page.getByRole('button', { name: 'Train', exact: true }).isDisabled())
        .toBe(true);
      await visit.end();
    });
  },
);
