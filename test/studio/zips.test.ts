import { readFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { addPictures, axeFaults, COINS, chooser, coins, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

beforeEach(async () => {
  context = await studio.visitor({ acceptDownloads: true });
  await context.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  page = await studio.open(context);
  return () => studio.leave(context);
});

const zipFile = (bytes: Uint8Array, name = 'things.zip') => ({
  name,
  mimeType: 'application/zip',
  buffer: Buffer.from(bytes),
});
const choose = (...files: ReturnType<typeof zipFile>[]) => chooser(page, 'Add pictures').setInputFiles(files);
const names = () => page.locator('.tile .name').allTextContents();

it('reads a data set in a zip with its labels, and pictures alone', async () => {
  const set = zipSync({
    set: {
      images: { 'one.png': new Uint8Array(COINS) },
      labels: { 'one.txt': strToU8('0 0.5 0.5 0.25 0.5\n0 0.2 0.2 0.1 0.1\n') },
      'classes.txt': strToU8('coin\n'),
    },
    __MACOSX: { set: { images: { '._one.png': strToU8('no picture') } } },
  });
  await choose(zipFile(set));
  await page.getByText('1 picture added').waitFor();
  await page.locator('.tile', { hasText: 'one.png' }).getByText('2 objects').waitFor();
  const plain = (i: number) => zipSync({ 'a.png': new Uint8Array(coins(i).buffer) }, { level: 0 });
  await choose(zipFile(plain(1), 'left.zip'), zipFile(plain(2), 'right.ZIP'));
  await page.getByText('2 pictures added').waitFor();
  await page.locator('.tile[title="left/a.png"]').waitFor();
  await page.locator('.tile[title="right/a.png"]').waitFor();
});

it('offers to open a project, and does so only then', async () => {
  await addPictures(page, [coins(1), coins(2)]);
  await enterRoom(page, 'Projects');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as a file: My project' }).click();
  const project = zipFile(readFileSync(await (await download).path()), 'mine.zip');
  await page.getByLabel('Name of a new project').fill('Second');
  await page.getByRole('button', { name: 'Make a project' }).click();
  await page.getByText('No pictures yet').waitFor();
  await choose(project);
  await page.getByText(/mine\.zip is a project that the studio has saved\. Open it/).waitFor();
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('No pictures yet').waitFor();
  await choose(project, zipFile(zipSync({ 'a.png': new Uint8Array(COINS) })));
  await page.getByText('mine.zip is a project that the studio has saved: drop it alone').waitFor();
  await choose(project);
  await page.getByRole('button', { name: 'Open the project' }).click();
  await page.getByText('My project is here now, and open.').waitFor();
  await page.locator('header .project', { hasText: 'My project' }).waitFor();
  expect(await names()).toEqual(['coins 001.png', 'coins 002.png']);
});

/** A zip whose list of files says another size, unpacked, of each: bytes 24 to 27 of an entry. */
function withSizes(zip: Uint8Array, size: number): Uint8Array {
  const view = new DataView(zip.buffer, zip.byteOffset);
  for (let at = 0; at + 28 < zip.length; at++) {
    if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, size, true);
  }
  return zip;
}

it.each([
  ['paths that lead out', () => zipSync({ '../out.png': new Uint8Array(COINS) }), /would lead out/],
  [
    'more than there may be',
    () => withSizes(zipSync({ 'a.txt': strToU8('a'), 'b.txt': strToU8('b') }), 2 ** 32 - 2),
    /unpacking the zip things\.zip: its pictures and labels have 8589934588 bytes/,
  ],
  [
    'a file that is larger than it says',
    () => withSizes(zipSync({ 'a.txt': new Uint8Array(1e6) }), 1000),
    /unpacks to more than the 1000 bytes/,
  ],
  ['no zip', () => strToU8('no zip'), /it is no zip/],
])('refuses a zip with %s, and adds nothing', async (_, zip, message) => {
  await choose(zipFile(zip()));
  await page.getByText(message).waitFor();
  await page.getByText('No pictures yet').waitFor();
});
