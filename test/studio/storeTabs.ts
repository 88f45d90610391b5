import path from 'node:path';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openPage } from '../browser/browser.ts';
import type {} from './storeInPage.ts';

/** An origin with a secure connection, as OPFS and digests want it; all that it serves is made here. */
export const ORIGIN = 'https://studio.test';

/** The tabs of one visitor, who has stored nothing yet. */
export class StoreTabs {
  readonly context: BrowserContext;
  /** What pages threw. */
  readonly thrown: string[] = [];

  private constructor(context: BrowserContext) {
    this.context = context;
  }

  static async open(browser: Browser, script: string): Promise<StoreTabs> {
    const context = await browser.newContext();
    await context.route('**/*', (route) =>
      new URL(route.request().url()).pathname === '/store.js'
        ? route.fulfill({ contentType: 'text/javascript', body: script })
        : route.fulfill({
            contentType: 'text/html',
            body: '<!doctype html><script src="/store.js"></script>',
          }),
    );
    return new StoreTabs(context);
  }

  /** Opens a tab with the store's modules in it. */
  async tab(): Promise<Page> {
    const tab = await openPage(this.context);
    tab.on('pageerror', (error) => this.thrown.push(error.message));
    await tab.goto(ORIGIN);
    return tab;
  }

  /** A tab with the store open, as `window.store`. */
  async storeTab(): Promise<Page> {
    const tab = await this.tab();
    await openStoreIn(tab);
    return tab;
  }
}

/** Bundles the store for pages. */
export async function bundleStore(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'storeInPage.ts')],
    ...{ bundle: true, format: 'iife', target: 'es2023', write: false, keepNames: true },
  });
  return outputFiles[0]!.text;
}

/** Returns how many files without pictures were removed. */
export const openStoreIn = (tab: Page): Promise<number> =>
  tab.evaluate(async () => {
    window.store = await window.studio.openStore({ onClosed: (reason) => window.heard.push(reason) });
    return window.store.tidied;
  });

export const everything = (tab: Page) => tab.evaluate(() => window.studio.everything(window.store));

/** The paths of all files in OPFS. */
export const opfs = (tab: Page): Promise<string[]> => tab.evaluate(() => window.studio.opfs());

export const heard = (tab: Page): Promise<unknown[]> => tab.evaluate(() => window.heard);

/** Waits until the tab has heard as many things. */
export async function hears(tab: Page, count: number): Promise<unknown[]> {
  await tab.waitForFunction((want) => window.heard.length >= want, count);
  return heard(tab);
}

/** Waits until no tab holds a lock. */
export const noLocks = (tab: Page): Promise<void> =>
  tab.evaluate(async () => {
    const held = async () => (await navigator.locks.query()).held!.length;
    while ((await held()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

/** Waits until OPFS has more files than these. */
export const moreFiles = (tab: Page, count: number): Promise<void> =>
  tab.evaluate(async (count) => {
    while ((await window.studio.opfs()).length <= count)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }, count);

/** Makes a project with pictures, and returns its id. */
export const makeProject = (tab: Page, count: number, bytes = 2000): Promise<string> =>
  tab.evaluate(
    async ([count, bytes]) => {
      const { PROJECT, pictures } = window.studio;
      const { id } = await window.store.createProject(PROJECT);
      await window.store.addPictures(id, pictures(count, bytes));
      return id;
    },
    [count, bytes] as const,
  );
