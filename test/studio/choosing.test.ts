import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { addPictures, axeFaults, coins, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

beforeEach(async () => {
  context = await studio.visitor();
  page = await studio.open(context);
  await addPictures(
    page,
    Array.from({ length: 10 }, (_, i) => coins(i)),
  );
  return () => studio.leave(context);
});

const tile = (i: number) => page.locator('.tile', { hasText: coins(i).name });
const chosen = (n: number) =>
  page.locator('.chosen').getByText(`${n} chosen`, { exact: true }).last().waitFor();
/** How many tiles say that they are of a part. */
const ofPart = (part: string) => page.locator(`.tile .split.${part}`).count();

it('chooses by click, Ctrl and Shift, and changes what is chosen', async () => {
  await page.getByLabel(`Choose ${coins(1).name}`, { exact: true }).check();
  await chosen(1);
  await tile(3).click({ modifiers: ['Shift'] });
  await chosen(3);
  await tile(2).click({ modifiers: ['Control'] });
  await chosen(2);
  // Some are chosen already: a click chooses, too.
  await tile(5).click();
  await chosen(3);
  await page.getByLabel('Set the part…').selectOption('valid');
  await expect.poll(() => ofPart('valid')).toBe(3);
  await page.getByRole('button', { name: 'Mark as done' }).click();
  await tile(5).getByText('no labels · done').waitFor();
  expect(await axeFaults(page)).toEqual([]);

  await page.getByRole('button', { name: 'Choose none' }).click();
  await page.getByLabel('Part').selectOption('valid');
  await page.getByText('3 pictures', { exact: true }).waitFor();
  await page.getByLabel('Show').selectOption('unlabelled');
  await page.getByText('0 pictures', { exact: true }).waitFor();
  await page.getByLabel('Show').selectOption('labelled');
  await page.getByLabel(`Choose ${coins(1).name}`, { exact: true }).check();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await page.getByText('Delete 1 picture with no labels from this project?').waitFor();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('2 pictures', { exact: true }).waitFor();
  await page.reload();
  await tile(9).waitFor();
  await expect.poll(() => page.locator('.tile').count()).toBe(9);
  expect(await ofPart('valid')).toBe(2);
  // Nothing is chosen: a click leads to the labels.
  await tile(3).click();
  await page.locator('.label-canvas').waitFor();
});

it('does the same by the keyboard alone', async () => {
  await page.getByLabel('Part').focus();
  await page.keyboard.press('Tab');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('title'));
  expect(await focused()).toBe(coins(0).name);
  await page.keyboard.press('ArrowRight');
  expect(await focused()).toBe(coins(1).name);
  await page.keyboard.press('Space');
  await chosen(1);
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await chosen(3);
  await page.keyboard.press('End');
  expect(await focused()).toBe(coins(9).name);
  await page.keyboard.press('Control+a');
  await chosen(10);
  await page.keyboard.press('Escape');
  await page.locator('.chosen').waitFor({ state: 'detached' });
  await page.keyboard.press('Home');
  await page.keyboard.press('Delete');
  await page.getByText('Delete 1 picture with no labels').waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('9 pictures', { exact: true }).waitFor();
  await tile(1).focus();
  await page.keyboard.press('Enter');
  await page.locator('.label-canvas').waitFor();
});

it('splits at random, by the shares that are asked for', async () => {
  await page.getByRole('button', { name: 'Split at random…' }).click();
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole('spinbutton', { name: 'test' }).fill('95');
  await page.getByRole('button', { name: 'Split', exact: true }).click();
  expect(
    await page
      .getByRole('spinbutton', { name: 'test' })
      .evaluate((input: HTMLInputElement) => input.validity.valid),
  ).toBe(false);
  await page.getByRole('spinbutton', { name: 'test' }).fill('10');
  await page.getByRole('button', { name: 'Split', exact: true }).click();
  // The coins are always the same.
  await page.getByText('Nearly all of these pictures look alike').waitFor();
  await page.getByRole('button', { name: 'Split at random…' }).click();
  await page.getByRole('spinbutton', { name: 'test' }).fill('10');
  await page.getByLabel('Keep pictures that look alike in one part').uncheck();
  await page.getByRole('button', { name: 'Split', exact: true }).click();
  await page.getByText('Split: 7 to train, 2 to validate, 1 to test.').waitFor();
  expect([await ofPart('train'), await ofPart('valid'), await ofPart('test')]).toEqual([7, 2, 1]);
});

it('shows the pictures of a class', async () => {
  await tile(4).click();
  await page.locator('.label-canvas').waitFor();
  await page.getByLabel('Name of a new class').fill('coin');
  await page.getByRole('button', { name: 'Add class' }).click();
  await page.getByRole('button', { name: 'Point', exact: true }).click();
  await page.locator('.label-canvas').click();
  await enterRoom(page, 'Pictures');
  await page.locator('.choice', { hasText: 'Class' }).locator('select').selectOption({ label: 'coin' });
  await page.getByText('1 picture', { exact: true }).waitFor();
  expect(await page.locator('.tile .name').allTextContents()).toEqual([coins(4).name]);
});

it('has nothing serious that axe-core finds, narrow and dark', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeFaults(page)).toEqual([]);
  await page.getByLabel(`Choose ${coins(1).name}`, { exact: true }).check();
  await page.getByLabel('Set the part…').selectOption('test');
  await page.getByLabel(`Choose ${coins(0).name}`, { exact: true }).check();
  await page.getByLabel('Set the part…').selectOption('valid');
  await page.getByLabel(`Choose ${coins(0).name}`, { exact: true }).uncheck();
  await page.getByLabel('Set the part…').selectOption('test');
  await expect.poll(() => ofPart('test')).toBe(1);
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Delete…' }).click();
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Split at random…' }).click();
  expect(await axeFaults(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});
