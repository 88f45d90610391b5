/** The studio in Chromium, as tests of its rooms open it: every page's errors and requests are watched. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { AxeResults } from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { FLAGS, launchBrowser, openPage, type Served, serve, unpackBrowser } from '../browser/browser.ts';
import { tasksOf } from './tasks.ts';

export const COINS = readFileSync(path.join(import.meta.dirname, '../../examples/coins/coins.png'));
/** Milliseconds after which what is waited for does not come any more: long, as other work on the machine takes its time. */
const LIMIT = 5 * 60_000;

/** A file for a chooser. */
export interface ChosenFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** Pictures that differ: the coins with some bytes after the end, which decoders pass over. */
export const coins = (i: number): ChosenFile => ({
  name: `coins ${String(i).padStart(3, '0')}.png`,
  mimeType: 'image/png',
  buffer: Buffer.concat([COINS, Buffer.from(String(i))]),
});

/** A browser with a camera that shows a pattern, which pages get without asking. */
export function launchWithCamera(): Promise<Browser> {
  const { executable, environment } = unpackBrowser();
  return chromium.launch({
    executablePath: executable,
    args: [...FLAGS, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    env: { ...(process.env as Record<string, string>), ...environment },
  });
}

/** A browser and a server for a file of tests. */
export class Studio {
  #browser: Browser | undefined;
  #server: Served | undefined;
  /** What pages threw, and where they asked beyond their own origin. */
  readonly #faults: string[] = [];

  private constructor() {}

  /**
   * The studio of the file that calls it: it starts before the first test, and stops after the last.
   *
   * @param launch Starts another browser than `launchBrowser` does.
   */
  static ofTests(launch: () => Promise<Browser> = launchBrowser): Studio {
    const studio = new Studio();
    beforeAll(async () => {
      await ensureBuilt(['web']);
      studio.#browser = await launch();
      studio.#server = await serve();
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') await studio.#showPages(task.name);
    });
    afterAll(async () => {
      studio.#server?.stop();
      await studio.#browser?.close();
    });
    return studio;
  }

  get browser(): Browser {
    return this.#browser!;
  }

  get server(): Served {
    return this.#server!;
  }

  /** Prints what the open pages show, as why a test failed is seldom in its error. */
  async #showPages(test: string): Promise<void> {
    const pages = this.#browser?.contexts().flatMap((context) => context.pages()) ?? [];
    for (const page of pages) {
      const seen = page.locator('body').innerText({ timeout: 5_000 });
      console.error(`${test}: ${page.url()}\n${await seen.catch((error) => String(error))}\n`);
    }
    console.error(`${test}: faults of pages: ${JSON.stringify(this.#faults)}`);
  }

  /** A visitor who has stored nothing yet. */
  visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    return this.browser.newContext({ viewport: { width: 1100, height: 800 }, ...options });
  }

  /** Opens the studio in a tab. */
  async open(context: BrowserContext, hash = ''): Promise<Page> {
    const page = await openPage(context);
    page.setDefaultTimeout(LIMIT);
    page.on('pageerror', (error) => this.#faults.push(error.message));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.server.url) && !/^(?:blob|data):/.test(url)) this.#faults.push(url);
    });
    await page.goto(`${this.server.url}${hash}`);
    await page.locator('header .project').waitFor();
    return page;
  }

  /** The milliseconds of every task of a page's main thread while something is done: see `tasksOf`. */
  tasksOf(page: Page, work: () => Promise<void>): Promise<number[]> {
    return tasksOf(this.browser, page, work);
  }

  /** What has gone wrong so far was meant to. */
  forget(): void {
    this.#faults.length = 0;
  }

  /** Closes a visitor's tabs, in which nothing may have gone wrong. */
  async leave(context: BrowserContext): Promise<void> {
    await context.close();
    expect(this.#faults.splice(0)).toEqual([]);
  }
}

/** The input behind a button that chooses files. */
export const chooser = (page: Page, name: string) =>
  page.locator('label', { hasText: name }).locator('input[type="file"]');

/** Enters a room by the navigation, the list of projects by the name of the open one, and waits until it is there: until then the one before is. */
export async function enterRoom(page: Page, name: string): Promise<void> {
  const link =
    name === 'Projects'
      ? page.locator('header .project')
      : page.getByRole('navigation').getByRole('link', { name, exact: true });
  await link.click();
  await page.locator(`main[data-room="${name.toLowerCase()}"]:not([aria-busy="true"])`).waitFor();
}

/** Adds pictures by their chooser. */
export async function addPictures(page: Page, files: readonly ChosenFile[]): Promise<void> {
  await chooser(page, 'Add pictures').setInputFiles([...files]);
  await page.getByText(`${files.length} picture${files.length === 1 ? '' : 's'} added`).waitFor();
}

/** What axe-core finds on a page that is serious. */
export async function axeFaults(page: Page): Promise<string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  // Through the protocol, as the page's own policy lets no other script run.
  await page.evaluate(source);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
