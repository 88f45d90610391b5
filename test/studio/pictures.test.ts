import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { addPictures, COINS, chooser, coins, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-studio-'));
  context = await studio.visitor();
  page = await studio.open(context);
  await page.getByText('No pictures yet').waitFor();
  return async () => {
    rmSync(folder, { recursive: true });
    await studio.leave(context);
  };
});

const tiles = () => page.locator('.tile');

it('adds pictures, keeps them over a reload, and adds none twice', async () => {
  await addPictures(page, [coins(1), coins(2)]);
  await page.reload();
  await tiles().nth(1).waitFor();
  await expect.poll(() => tiles().count()).toBe(2);
  await page.waitForFunction(() =>
    [...document.querySelectorAll<HTMLImageElement>('.tile img')].every((image) => image.naturalWidth > 0),
  );
  await chooser(page, 'Add pictures').setInputFiles([coins(2), coins(3)]);
  await page.getByText('1 picture added, 1 was there already').waitFor();
  await expect.poll(() => tiles().count()).toBe(3);
});

it('reads a folder of YOLO with its labels, and tells what is bad', async () => {
  const set = path.join(folder, 'set');
  for (const name of ['images', 'labels']) mkdirSync(path.join(set, name), { recursive: true });
  writeFileSync(path.join(set, 'classes.txt'), 'coin\n');
  writeFileSync(path.join(set, 'images/one.png'), COINS);
  writeFileSync(
    path.join(set, 'labels/one.txt'),
    '0 0.5 0.5 0.25 0.5\n0 0.2 0.2 0.1 0.1\n0 nonsense 1 1 1\n',
  );
  await chooser(page, 'Add a folder').setInputFiles(set);
  await page.getByText('2 objects').waitFor();
  await page.getByText(/1 label was left out or changed: .*labels\/one\.txt/).waitFor();
});

it('says which files are no pictures, and takes names for text', async () => {
  const hostile = '<img src=x onerror=alert(1)>.png';
  await chooser(page, 'Add pictures').setInputFiles([
    { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') },
    { ...coins(1), name: hostile },
  ]);
  await page.getByText(/broken\.png is no picture that this browser can read/).waitFor();
  await page.getByText(hostile).waitFor();
  await expect.poll(() => page.locator('.tile img[onerror]').count()).toBe(0);
});

it('has only the tiles that are in sight', async () => {
  const many = Array.from({ length: 120 }, (_, i) => coins(i));
  await page.setViewportSize({ width: 700, height: 500 });
  await addPictures(page, many);
  expect(await tiles().count()).toBeLessThan(60);
  await page.locator('.grid').evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  await page.getByText('coins 119.png').waitFor();
  expect(await tiles().count()).toBeLessThan(60);
});

it('lets one tab edit a project, and says so in the other', async () => {
  await addPictures(page, [coins(1)]);
  await tiles().first().waitFor();
  const other = await studio.open(context);
  await other.locator('.tile').first().waitFor();
  await other.getByText(/another tab/i).waitFor();
  await expect.poll(() => chooser(other, 'Add pictures').isDisabled()).toBe(true);
  await other.getByText('Edit it here').click();
  await page.getByText(/another tab/i).waitFor();
  await expect.poll(() => chooser(other, 'Add pictures').isEnabled(), { timeout: 60_000 }).toBe(true);
  await addPictures(other, [coins(2)]);
});
