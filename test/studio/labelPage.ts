/** What label.test.ts does with the page that has the editor alone: building and opening it, pointers, keys, and what is labelled. */
import { rmSync } from 'node:fs';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { LabelObject, LabelShape } from '../../web/src/studio/project/model.ts';
import { openPage } from '../browser/browser.ts';
import { buildPage, ORIGIN, serveFolder } from './pageBuild.ts';

let browser: Browser;
let folder: string;
export let context: BrowserContext;
export let page: Page;
/** What the page threw, and wrote as errors. */
export let thrown: string[];

/** Builds the page as the studio is built, into a folder that is removed at the end. */
export async function start(launched: Browser): Promise<void> {
  browser = launched;
  folder = await buildPage('label');
}

export const stop = (): void => rmSync(folder, { recursive: true, force: true });

export interface Opened {
  readonly width?: number;
  readonly touch?: boolean;
  readonly dark?: boolean;
}

/** Opens the test's page; its files come from the build. */
export async function open(
  query = '',
  { width = 1100, touch = false, dark = false }: Opened = {},
): Promise<void> {
  context = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 800 },
    hasTouch: touch,
    colorScheme: dark ? 'dark' : 'light',
  });
  page = await openPage(context);
  thrown = [];
  page.on('pageerror', (error) => thrown.push(error.message));
  page.on('console', (message) => message.type() === 'error' && thrown.push(message.text()));
  await serveFolder(page, folder);
  await page.goto(`${ORIGIN}label.html${query}`);
  await settled();
}

/** After the frames in which what was done is drawn. */
export const settled = () =>
  page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))),
  );
export const objects = (): Promise<readonly LabelObject[]> =>
  page.evaluate(() => window.label.objects.value as LabelObject[]);
export const shapes = async (): Promise<readonly LabelShape[]> => (await objects()).map(({ shape }) => shape);
export const status = () => page.textContent('.label-status');
export const tool = (name: string) => page.getByRole('button', { name, exact: true }).click();

/** Where a place of the picture (640 x 480, the whole in view) is on the page. */
export async function placeOf(x: number, y: number): Promise<[number, number]> {
  const box = (await page.locator('.label-canvas').boundingBox())!;
  const scale = Math.min((box.width - 24) / 640, (box.height - 24) / 480, 8);
  return [box.x + box.width / 2 + (x - 320) * scale, box.y + box.height / 2 + (y - 240) * scale];
}
export type Place = readonly [number, number];
export async function dragMouse(...places: readonly Place[]): Promise<void> {
  for (const [i, [x, y]] of places.entries()) {
    await page.mouse.move(...(await placeOf(x, y)), { steps: 4 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
  await settled();
}
export const click = async (x: number, y: number) => {
  await dragMouse([x, y]);
};

/** Fingers by the browser's protocol: each list is where they are in an event. */
export async function touch(session: CDPSession, ...events: readonly (readonly Place[])[]): Promise<void> {
  for (const [i, fingers] of events.entries()) {
    const touchPoints = await Promise.all(
      fingers.map(async ([px, py], id) => {
        const [x, y] = await placeOf(px, py);
        return { x, y, id };
      }),
    );
    await session.send('Input.dispatchTouchEvent', {
      type: i === 0 ? 'touchStart' : 'touchMove',
      touchPoints,
    });
  }
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await settled();
}
export const press = async (...keys: readonly string[]) => {
  for (const key of keys) await page.keyboard.press(key);
  await settled();
};
export const times = (count: number, key: string) => Array.from({ length: count }, () => key);

/** That a shape is a box, to the pixels that a pointer can hit. */
export function expectBox(shape: LabelShape | undefined, box: readonly number[]): void {
  expect(shape?.kind).toBe('box');
  if (shape?.kind !== 'box') return;
  for (const [i, value] of shape.box.entries())
    expect(Math.abs(value - box[i]!), String(shape.box)).toBeLessThan(2);
}
