import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Studio } from './studioPage.ts';
import { Visit } from './trainPage.ts';

let studio: Studio;

beforeAll(async () => {
  studio = await Studio.start();
});
afterAll(() => studio?.stop());

const SHORT = { Steps: 400, 'Side of the crops, in pixels': 64, 'Crops per step': 2 };

async function withCoins(): Promise<Visit> {
  const visit = await Visit.begin(studio);
  await visit.addCoins();
  await visit.enter('Train');
  await visit.choose(SHORT);
  await visit.page.getByText('400 steps of 2 crops').waitFor();
  return visit;
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'a training of what has changed',
  () => {
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
      await page.locator('header .project').click();
      await page.getByRole('button', { name: /^Remove/ }).click();
      await page.getByRole('button', { name: 'Remove', exact: true }).click();
      await page
        .getByText(/My project is removed|removed/)
        .first()
        .waitFor();
      expect(await page.locator('.notice.error').count()).toBe(0);
      await visit.end();
    });

    it('says so where its worker cannot be loaded, and other projects can be opened', async () => {
      const visit = await withCoins();
      const { page } = visit;
      await visit.context.route(/trainer/, (route) => route.abort());
      await page.evaluate(async () => {
        for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister();
      });
      await page.reload();
      await page.getByText('the worker that trains failed').first().waitFor();
      studio.forget();
      await page.locator('header .project').click();
      await page.getByRole('textbox', { name: 'Name' }).first().fill('another');
      await page.keyboard.press('Enter');
      await page.locator('header .project', { hasText: 'another' }).waitFor();
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
      expect(await page.getByRole('button', { name: 'Train', exact: true }).isDisabled()).toBe(true);
      await visit.end();
    });
  },
);
