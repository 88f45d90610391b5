import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { addPictures, axeFaults, chooser, coins, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

/** Without the dialog for files, which no test can answer: what is saved is downloaded. */
const withoutPicker = () => Reflect.deleteProperty(window, 'showSaveFilePicker');

beforeEach(async () => {
  context = await studio.visitor({ acceptDownloads: true });
  await context.addInitScript(withoutPicker);
  page = await studio.open(context);
  return () => studio.leave(context);
});

const card = (name: string) => page.locator('.card', { hasText: name });
const toProjects = async () => {
  await enterRoom(page, 'Projects');
  await page.locator('.card').first().waitFor();
};
const make = async (name: string) => {
  await page.getByLabel('Name of a new project').fill(name);
  await page.getByRole('button', { name: 'Make a project' }).click();
  await page.locator('header .project', { hasText: name }).waitFor();
};

it('makes, opens, renames and removes projects, and keeps them apart', async () => {
  await addPictures(page, [coins(1), coins(2)]);
  await toProjects();
  await card('My project').getByText('2 pictures').waitFor();
  await make('Bolts');
  await page.getByText('No pictures yet').waitFor();
  await addPictures(page, [coins(1)]);
  await page.reload();
  await page.locator('header .project', { hasText: 'Bolts' }).waitFor();
  await page.locator('.tile').first().waitFor();
  await expect.poll(() => page.locator('.tile').count()).toBe(1);

  await toProjects();
  await page.getByRole('button', { name: 'Rename My project' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('<b>Coins</b>');
  await page.keyboard.press('Enter');
  await card('Coins').getByLabel('Task').selectOption('segment');
  await page.getByRole('button', { name: 'Open <b>Coins</b>' }).click();
  await page.locator('.tile').nth(1).waitFor();
  // It is opened as it is stored, not as the list had it: what stores it next does not bring the old task back.
  await enterRoom(page, 'Label');
  await page.getByLabel('Name of a new class').fill('penny');
  await page.keyboard.press('Enter');
  await page.locator('.label-classes', { hasText: 'penny' }).waitFor();

  await toProjects();
  await expect.poll(() => card('Coins').getByLabel('Task').inputValue()).toBe('segment');
  await page.getByRole('button', { name: 'Remove <b>Coins</b>' }).click();
  await page.getByText(/Remove <b>Coins<\/b> with 2 pictures and all labels\?/).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect.poll(() => page.locator('.card').count()).toBe(2);
  await page.getByRole('button', { name: 'Remove <b>Coins</b>' }).click();
  await card('Coins').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.locator('header .project', { hasText: 'Bolts' }).waitFor();
  await page.getByText('<b>Coins</b> is removed.').waitFor();
  await expect.poll(() => page.locator('.card').count()).toBe(1);

  // Without any, there is a new one.
  await page.getByRole('button', { name: 'Remove Bolts' }).click();
  await card('Bolts').getByRole('button', { name: 'Remove', exact: true }).click();
  await card('My project').getByText('0 pictures').waitFor();
});

it('saves a project as a file, and opens it beside the one that is there', async () => {
  await addPictures(page, [coins(1), coins(2), coins(3)]);
  await toProjects();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as a file: My project' }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe('My project.zip');
  const zip = readFileSync(await file.path());
  await page.getByText('My project is saved as a file.').waitFor();
  const chosen = { name: 'a.zip', mimeType: 'application/zip', buffer: zip };
  await chooser(page, 'Open a project file').setInputFiles(chosen);
  await page.getByText('My project is here now, and open.').waitFor();
  await expect.poll(() => card('3 pictures').count()).toBe(2);
  await enterRoom(page, 'Pictures');
  await page.locator('.tile img').nth(2).waitFor();

  // What is no project file changes nothing, and is said.
  await toProjects();
  await chooser(page, 'Open a project file').setInputFiles({ ...chosen, buffer: zip.subarray(0, 1000) });
  await page.getByText(/opening the project file: it is no zip/).waitFor();
  await expect.poll(() => page.locator('.card').count()).toBe(2);
});

it('writes into the file that is chosen, and leaves it where the visitor chooses none', async () => {
  await addPictures(page, [coins(1)]);
  await page.evaluate(() => {
    let turn = 0;
    Object.assign(window, {
      showSaveFilePicker: async () => {
        if (turn++ === 0) throw new DOMException('no file', 'AbortError');
        return (await navigator.storage.getDirectory()).getFileHandle('chosen.zip', { create: true });
      },
    });
  });
  await toProjects();
  const save = page.getByRole('button', { name: 'Save as a file: My project' });
  await save.click();
  await save.click();
  await page.getByText('My project is saved as a file.').waitFor();
  const size = await page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    return (await (await folder.getFileHandle('chosen.zip')).getFile()).size;
  });
  expect(size).toBeGreaterThan(coins(1).buffer.length);
});

it('says how much is stored, and asks the browser to keep it', async () => {
  await page.addInitScript(() => {
    let persists = false;
    const storage = {
      estimate: async () => ({ usage: 1.5e6, quota: 2e9 }),
      persisted: async () => persists,
      persist: async () => {
        persists = true;
        return true;
      },
    };
    for (const [name, value] of Object.entries(storage)) {
      Object.defineProperty(StorageManager.prototype, name, { value });
    }
  });
  await page.goto(`${studio.server.url}#/projects`);
  await page.reload();
  await page.getByText('1.5 MB of 2 GB that this browser gives are used. When the disk is full').waitFor();
  await page.getByRole('button', { name: 'Ask the browser to keep it' }).click();
  await page.getByText('What is stored stays until you remove it.').waitFor();
  await page.reload();
  await page.getByText('When the disk is full').waitFor();
  // The first pictures ask, too.
  await enterRoom(page, 'Pictures');
  await addPictures(page, [coins(1)]);
  await toProjects();
  await page.getByText('What is stored stays until you remove it.').waitFor();
});

it('hears in one tab what another one does', async () => {
  await toProjects();
  const other = await studio.open(context);
  await other.getByText(/another tab edits/i).waitFor();
  await page.getByRole('button', { name: 'Rename My project' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Coins');
  await page.keyboard.press('Enter');
  await other.locator('header .project', { hasText: 'Coins' }).waitFor();
  await enterRoom(page, 'Pictures');
  await addPictures(page, [coins(1)]);
  await other.locator('.tile').first().waitFor();
  await toProjects();
  await page.getByRole('button', { name: 'Remove Coins' }).click();
  await card('Coins').getByRole('button', { name: 'Remove', exact: true }).click();
  await other.getByText('Coins was removed in another tab.').waitFor();
  await other.locator('header .project', { hasText: 'My project' }).waitFor();
});

it.each([
  ['wide', {}],
  ['narrow and dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const }],
])('has nothing serious that axe-core finds: %s', async (_, how) => {
  const visitor = await studio.visitor(how);
  const own = await studio.open(visitor, '#/projects');
  await own.locator('.card').first().waitFor();
  expect(await axeFaults(own)).toEqual([]);
  await own.getByRole('button', { name: 'Remove My project' }).click();
  expect(await axeFaults(own)).toEqual([]);
  await own.getByRole('button', { name: 'Cancel' }).click();
  await own.getByRole('button', { name: 'Rename My project' }).click();
  expect(await axeFaults(own)).toEqual([]);
  expect(await own.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
    own.viewportSize()!.width,
  );
  await studio.leave(visitor);
});
