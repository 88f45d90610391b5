import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { addPictures, coins, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

beforeEach(async () => {
  context = await studio.visitor();
  page = await studio.open(context);
  await addPictures(page, [1, 2, 3].map(coins));
  return () => studio.leave(context);
});

const openTile = async (name: string) => {
  await page.locator('.tile', { hasText: name }).click();
  await page.locator('.label-canvas').first().waitFor();
};
const canvas = async () => (await page.locator('.label-canvas').first().boundingBox())!;
/** Draws a box between two places of the canvas, in parts of it. */
async function drawBox(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  await page.getByRole('button', { name: 'Box', exact: true }).click();
  const { x, y, width, height } = await canvas();
  await page.mouse.move(x + from[0] * width, y + from[1] * height);
  await page.mouse.down();
  await page.mouse.move(x + to[0] * width, y + to[1] * height, { steps: 4 });
  await page.mouse.up();
}
async function addClass(name: string): Promise<void> {
  await page.getByLabel('Name of a new class').fill(name);
  await page.getByRole('button', { name: 'Add class' }).click();
}
const objects = () => page.getByRole('button', { name: /coin box, / });

it('begins with the first picture without labels, and stays there once it has some', async () => {
  await enterRoom(page, 'Label');
  await page.locator('.label-canvas').first().waitFor();
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await page.getByText('Saved on this machine').waitFor();
  await expect.poll(() => objects().count()).toBe(1);
  await page.getByText('1 of 3').waitFor();
});

it('what is drawn is there after a reload, and in the grid', async () => {
  await openTile('coins 002');
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await drawBox([0.55, 0.3], [0.7, 0.5]);
  await expect.poll(() => objects().count()).toBe(2);
  await page.reload();
  await objects().nth(1).waitFor();
  await enterRoom(page, 'Pictures');
  await page.locator('.tile', { hasText: 'coins 002' }).getByText('2 objects').waitFor();
});

it('goes from picture to picture, and copies what the one before has', async () => {
  await openTile('coins 001');
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await page.keyboard.press('PageDown');
  await page.getByText('2 of 3').waitFor();
  await page.getByRole('button', { name: 'Copy the labels of the picture before' }).click();
  await objects().first().waitFor();
  // Classes count in all pictures.
  await page.getByRole('button', { name: 'coin 2 objects' }).waitFor();
  await page.getByLabel('Everything is labelled').check();
  await page.keyboard.press('PageUp');
  await page.getByText('1 of 3').waitFor();
  await enterRoom(page, 'Pictures');
  await page.locator('.tile', { hasText: 'coins 002' }).getByText('1 object · done').waitFor();
});

it('makes a class for the first object, which can be renamed', async () => {
  await openTile('coins 001');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await page.getByText('The class “object” was made for it.').waitFor();
  await drawBox([0.55, 0.3], [0.7, 0.5]);
  await page.getByRole('button', { name: 'object 2 objects' }).waitFor();
  await page.getByRole('button', { name: 'Edit object' }).click();
  await page.getByLabel('Name', { exact: true }).fill('coin');
  await page.keyboard.press('Enter');
  await page.reload();
  await objects().nth(1).waitFor();
  await expect.poll(() => page.locator('.label-classes li').count()).toBe(1);
});

it('goes on in another tab with what the first one has', async () => {
  await openTile('coins 001');
  const other = await studio.open(context, new URL(page.url()).hash);
  await other.locator('.label-canvas').first().waitFor();
  // After the other one was opened, and seen there at once.
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await other.locator('.label-classes').getByText('coin').waitFor();
  await other.getByText('Edit it here').click();
  await other.getByRole('button', { name: /coin box, / }).waitFor();
  await other.getByLabel('Name of a new class').fill('bolt');
  await other.getByRole('button', { name: 'Add class' }).click();
  await page.locator('.label-classes').getByText('bolt').waitFor();
  await other.reload();
  await other.locator('.label-classes').getByText('bolt').waitFor();
  await expect.poll(() => other.locator('.label-classes li').count()).toBe(2);
});
