import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { launchBrowser, openPage, type Served, serve } from '../browser/browser.ts';

const COINS = path.join(import.meta.dirname, '../../examples/coins/coins.png');

let browser: Browser;
let server: Served;
let context: BrowserContext;
let page: Page;
let folder: string;
/** What the page threw, and where it asked beyond its own origin. */
let thrown: string[];
let foreign: string[];

beforeAll(async () => {
  await ensureBuilt(['web']);
  server = await serve();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  server?.stop();
});

const watch = (opened: Page): Page => {
  opened.on('pageerror', (error) => thrown.push(error.message));
  opened.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !/^(?:blob|data):/.test(url)) foreign.push(url);
  });
  return opened;
};

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-studio-'));
  thrown = [];
  foreign = [];
  context = await browser.newContext();
  page = watch(await openPage(context));
  await page.goto(`${server.url}`);
  await page.getByText('No pictures yet').waitFor();
  return async () => {
    await context.close();
    rmSync(folder, { recursive: true });
    expect(thrown).toEqual([]);
    expect(foreign).toEqual([]);
  };
});

const chooser = (name: string) => page.locator('label', { hasText: name }).locator('input');
const tiles = () => page.locator('.tile');
/** Pictures that differ: the coins with some bytes after the end, which decoders pass over. */
const picture = (i: number): { name: string; mimeType: string; buffer: Buffer } => ({
  name: `coins ${String(i).padStart(3, '0')}.png`,
  mimeType: 'image/png',
  buffer: Buffer.concat([readFileSync(COINS), Buffer.from(String(i))]),
});

it('adds pictures, keeps them over a reload, and adds none twice', async () => {
  await chooser('Add pictures').setInputFiles([picture(1), picture(2)]);
  await page.getByText('2 pictures added').waitFor();
  await page.reload();
  await tiles().nth(1).waitFor();
  expect(await tiles().count()).toBe(2);
  await page.waitForFunction(() =>
    [...document.querySelectorAll<HTMLImageElement>('.tile img')].every((image) => image.naturalWidth > 0),
  );
  await chooser('Add pictures').setInputFiles([picture(2), picture(3)]);
  await page.getByText('1 picture added, 1 was there already').waitFor();
  expect(await tiles().count()).toBe(3);
});

it('reads a folder of YOLO with its labels, and tells what is bad', async () => {
  const set = path.join(folder, 'set');
  for (const name of ['images', 'labels']) mkdirSync(path.join(set, name), { recursive: true });
  writeFileSync(path.join(set, 'classes.txt'), 'coin\n');
  writeFileSync(path.join(set, 'images/one.png'), readFileSync(COINS));
  writeFileSync(
    path.join(set, 'labels/one.txt'),
    '0 0.5 0.5 0.25 0.5\n0 0.2 0.2 0.1 0.1\n0 nonsense 1 1 1\n',
  );
  await chooser('Add a folder').setInputFiles(set);
  await page.getByText('2 objects').waitFor();
  await page.getByText(/1 label was left out or changed: .*labels\/one\.txt/).waitFor();
});

it('says which files are no pictures, and takes names for text', async () => {
  const hostile = '<img src=x onerror=alert(1)>.png';
  await chooser('Add pictures').setInputFiles([
    { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') },
    { ...picture(1), name: hostile },
  ]);
  await page.getByText(/broken\.png is no picture that this browser can read/).waitFor();
  await page.getByText(hostile).waitFor();
  expect(await page.locator('.tile img[onerror]').count()).toBe(0);
});

it('has only the tiles that are in sight', async () => {
  const many = Array.from({ length: 120 }, (_, i) => picture(i));
  await page.setViewportSize({ width: 700, height: 500 });
  await chooser('Add pictures').setInputFiles(many);
  await page.getByText('120 pictures added').waitFor();
  expect(await tiles().count()).toBeLessThan(60);
  await page.locator('.grid').evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  await page.getByText('coins 119.png').waitFor();
  expect(await tiles().count()).toBeLessThan(60);
});

it('lets one tab edit a project, and says so in the other', async () => {
  await chooser('Add pictures').setInputFiles([picture(1)]);
  await tiles().first().waitFor();
  const other = watch(await openPage(context));
  await other.goto(`${server.url}`);
  await other.locator('.tile').first().waitFor();
  await other.getByText(/another tab/i).waitFor();
  expect(await other.locator('label', { hasText: 'Add pictures' }).locator('input').isDisabled()).toBe(true);
  await other.getByText('Edit it here').click();
  await page.getByText(/another tab/i).waitFor();
  await other
    .locator('label', { hasText: 'Add pictures' })
    .locator('input')
    .setInputFiles([picture(2)]);
  await other.getByText('1 picture added').waitFor();
});
