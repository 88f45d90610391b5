import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../browser/browser.ts';
import { context, expectBox, open, page, settled, shapes, start, stop, thrown } from './labelPage.ts';
import { tasksOf } from './tasks.ts';

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

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the label editor, of much', () => {
  it('draws 5,000 resting boxes once while one of them is dragged', async () => {
    await open('?boxes=5000&width=5000&height=4000');
    const box = (await page.locator('.label-canvas').boundingBox())!;
    const scale = Math.min((box.width - 24) / 5000, (box.height - 24) / 4000);
    const at = (x: number, y: number): [number, number] => [
      box.x + box.width / 2 + (x - 2500) * scale,
      box.y + box.height / 2 + (y - 2000) * scale,
    ];
    const target = (await shapes())[2520]!;
    const [x1, y1, x2, y2] = target.kind === 'box' ? target.box : [0, 0, 0, 0];
    await page.mouse.move(...at((x1 + x2) / 2, (y1 + y2) / 2));
    await page.mouse.down();
    await settled();
    const before = await page.evaluate(() => ({ ...window.drawings }));
    const tasks = await tasksOf(browser, page, async () => {
      for (let i = 1; i <= 30; i++) {
        await page.mouse.move(...at((x1 + x2) / 2 + 20 * i, (y1 + y2) / 2 + 10 * i));
        await settled();
      }
    });
    // What a frame takes of the thread leaves room for 30 in a second.
    expect(tasks.length).toBeGreaterThan(60);
    expect(tasks.filter((milliseconds) => milliseconds > 33)).toEqual([]);
    await page.mouse.up();
    await settled();
    const after = await page.evaluate(() => ({ ...window.drawings }));
    expect(after['label-rest']).toBe(before['label-rest']);
    expect(after['label-top']! - before['label-top']!).toBeGreaterThanOrEqual(30);
    expectBox((await shapes())[2520], [x1 + 600, y1 + 300, x2 + 600, y2 + 300]);
    // The list has no more rows than are seen.
    expect(await page.locator('.label-objects .label-row').count()).toBeLessThan(40);
    await expect
      .poll(() => page.locator('.label-objects li[aria-setsize="5000"]').count())
      .toBeGreaterThan(0);
    expect(thrown).toEqual([]);
  });

  it('draws a picture beyond the limits of canvases from a smaller copy, and its pixels when close', async () => {
    await open('?width=12000&height=9000');
    // The copy is made meanwhile.
    await page.waitForFunction(() => window.drawings['source width'] === 4096);
    for (let i = 0; i < 12; i++) await page.getByRole('button', { name: 'Zoom in' }).click();
    await settled();
    expect(await page.evaluate(() => window.drawings['source width'])).toBe(12000);
    await page.getByRole('button', { name: 'Show the whole picture' }).click();
    await settled();
    expect(await page.evaluate(() => window.drawings['source width'])).toBe(4096);
    expect(thrown).toEqual([]);
  });
});
