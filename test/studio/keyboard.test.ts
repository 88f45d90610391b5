import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { unpackInto } from './exportProject.ts';
import { addPictures, axeFaults, coins, Studio } from './studioPage.ts';

// From a picture to a model on disk without a mouse: what is focused is reached with Tab, what is pressed is a key.

const studio = Studio.ofTests();

/** More elements than any room has. */
const MOST = 120;

/** What the focused element is called, with its role. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const one = document.activeElement;
    if (!one || one === document.body) return '';
    const label = one.getAttribute('aria-label') ?? (one as HTMLInputElement).labels?.[0]?.textContent;
    const role = one.getAttribute('role') ?? one.localName;
    return `${role}: ${(label ?? one.textContent ?? '').trim()}`;
  });

/** Presses Tab until that has the focus. */
async function tabTo(page: Page, what: RegExp): Promise<void> {
  const passed: string[] = [];
  for (let i = 0; i < MOST; i++) {
    const now = await focused(page);
    if (what.test(now)) return;
    passed.push(now);
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${what}, but to ${[...new Set(passed)].join(', ')}`);
}

const press = async (page: Page, ...keys: readonly string[]) => {
  for (const key of keys) await page.keyboard.press(key);
};
const times = (n: number, key: string): string[] => Array<string>(n).fill(key);

/** Goes to a room, waits for what is in it, and has axe look at it. */
async function enter(page: Page, room: string, there: string): Promise<void> {
  await tabTo(page, new RegExp(`^a: ${room}$`));
  await press(page, 'Enter');
  await page.locator(there).first().waitFor();
  expect(await axeFaults(page)).toEqual([]);
}

/** Saves what the focused button saves. */
async function saved(page: Page, folder: string, button: RegExp): Promise<string> {
  await tabTo(page, button);
  const waiting = page.waitForEvent('download');
  await press(page, 'Enter');
  const download = await waiting;
  const to = path.join(folder, download.suggestedFilename());
  await download.saveAs(to);
  return to;
}

it.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'labels, trains and exports by the keyboard alone',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'fovea-keyboard-'));
    const context = await studio.visitor({ acceptDownloads: true });
    // Without the dialog for files, which no test can answer.
    await context.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
    const page = await studio.open(context);
    page.setDefaultTimeout(0);
    await addPictures(page, [coins(1)]);

    // The way onward is offered.
    await tabTo(page, /^a: Label these pictures$/);
    await press(page, 'Enter');
    await page.locator('.label-canvas').first().waitFor();
    await tabTo(page, /^application: /);
    // A box from the middle, and one beside it: the tool is chosen already.
    const box = ['Enter', ...times(4, 'Shift+ArrowRight'), ...times(4, 'Shift+ArrowDown'), 'Enter'];
    await press(page, ...box, 'Escape', ...times(4, 'Shift+ArrowRight'), ...box);
    await page.getByRole('button', { name: 'object 2 objects' }).waitFor();
    expect(await axeFaults(page)).toEqual([]);

    await enter(page, 'Train', '.training-form');
    await tabTo(page, /^summary: More settings$/);
    await press(page, 'Enter');
    for (const [field, value] of [
      ['Steps', '4'],
      ['Side of the crops, in pixels', '64'],
    ] as const) {
      await tabTo(page, new RegExp(`^input: ${field}$`));
      await page.keyboard.type(value);
    }
    await page.getByText('4 steps of 4 crops of 64 x 64 pixels').waitFor();
    await tabTo(page, /^button: Train$/);
    await press(page, 'Enter');
    await page.getByText('My project is trained').waitFor();
    expect(await axeFaults(page)).toEqual([]);

    await enter(page, 'Export', 'section');
    const zip = await saved(page, folder, /^button: Save the data set/);
    const paths = unpackInto(path.join(folder, 'data'), readFileSync(zip));
    const json = path.join(folder, 'data', paths.find((name) => name.endsWith('.json'))!);
    const { annotations } = JSON.parse(readFileSync(json, 'utf8')) as { annotations: { bbox: number[] }[] };
    // The middle of a picture with an odd side is between two pixels.
    const sides = annotations.map(({ bbox }) => bbox.slice(2).map(Math.floor));
    expect(sides).toEqual([
      [40, 40],
      [40, 40],
    ]);
    const weights = await saved(page, folder, /^button: .*\.safetensors/);
    expect(readFileSync(weights).subarray(8, 10).toString()).toBe('{"');
    rmSync(folder, { recursive: true });
    await studio.leave(context);
  },
);
