import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../browser/browser.ts';
import { context, objects, open, page, settled, start, stop, thrown, tool } from './labelPage.ts';
import { axeFaults } from './studioPage.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
  await start(browser);
});
afterAll(async () => {
  await browser?.close();
  stop();
});
afterEach(() => context?.close());

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the panels of the label editor',
  () => {
    it('edits and deletes classes, and asks what becomes of their objects', async () => {
      await open('?boxes=9');
      await page.getByRole('button', { name: 'Edit coin' }).click();
      await page.getByRole('textbox', { name: 'Name', exact: true }).fill('penny');
      await page.getByLabel('Colour').fill('#123456');
      await page.getByLabel('Key', { exact: true }).fill('q');
      await page.getByRole('button', { name: 'Save' }).click();
      expect(await page.evaluate(() => window.label.classes.value[0])).toMatchObject({
        name: 'penny',
        color: '#123456',
        key: 'q',
      });
      await page.getByRole('button', { name: 'Edit penny' }).click();
      await page.getByRole('button', { name: 'Delete class' }).click();
      await page.getByRole('combobox').selectOption({ label: 'Make them button' });
      await page.getByRole('button', { name: 'Delete class' }).click();
      await settled();
      expect((await objects()).filter(({ classId }) => classId === 'button').length).toBe(6);
      await page.getByRole('button', { name: 'Edit button' }).click();
      await page.getByRole('button', { name: 'Delete class' }).click();
      await page.getByRole('button', { name: 'Delete class' }).click();
      await settled();
      expect((await objects()).length).toBe(3);
      expect(thrown).toEqual([]);
    });

    it('accepts proposals', async () => {
      await open('?boxes=9&proposals=3');
      await page.getByRole('button', { name: 'Accept', exact: false }).nth(1).click();
      await settled();
      expect((await objects()).filter(({ score }) => score !== undefined).length).toBe(2);
      await page.getByRole('button', { name: 'Accept 2 proposals' }).click();
      await settled();
      expect((await objects()).some(({ score }) => score !== undefined)).toBe(false);
    });

    it.each([
      ['wide', {}],
      ['narrow and dark', { width: 390, dark: true }],
    ])('has nothing serious that axe-core finds: %s', async (_, how) => {
      await open('?boxes=12&proposals=2', how);
      await tool('Brush');
      expect(await axeFaults(page)).toEqual([]);
      await page.getByRole('button', { name: 'Edit coin' }).click();
      expect(await axeFaults(page)).toEqual([]);
      await page.getByRole('button', { name: 'Keys' }).click();
      expect(await axeFaults(page)).toEqual([]);
    });

    it('has buttons that a finger can hit, and nothing beside the screen', async () => {
      await open('?boxes=12', { width: 390 });
      const small = await page.$$eval('button', (buttons) =>
        buttons
          .filter((button) => button.offsetParent !== null)
          .filter(({ offsetWidth, offsetHeight }) => offsetWidth < 44 || offsetHeight < 44)
          .map(({ outerHTML }) => outerHTML),
      );
      expect(small).toEqual([]);
      const wide = await page.$$eval('html, main, section, fieldset', (elements) =>
        elements.filter(({ scrollWidth }) => scrollWidth > 390).map(({ className }) => className),
      );
      expect(wide).toEqual([]);
    });
  },
);
