/** What tests of training do with the studio: open it, bring labelled coins, and reach into the worker. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, BrowserContext, Page, Worker } from 'playwright-core';
import { expect } from 'vitest';
import { openPage } from '../browser/browser.ts';

const COINS = path.join(import.meta.dirname, '../../examples/coins');

/** A visit of the studio: its page, and what went wrong in it. */
export class Visit {
  readonly thrown: string[] = [];
  readonly foreign: string[] = [];
  readonly page: Page;
  readonly context: BrowserContext;
  readonly #url: string;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.context = context;
    this.page = page;
    this.#url = url;
    page.on('pageerror', (error) => this.thrown.push(error.message));
    page.on('request', (request) => {
      const asked = request.url();
      if (!asked.startsWith(url) && !/^(?:blob|data):/.test(asked)) this.foreign.push(asked);
    });
  }

  /** Opens an empty studio. */
  static async begin(browser: Browser, url: string, width = 1100): Promise<Visit> {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    const visit = new Visit(context, await openPage(context), url);
    await visit.page.goto(url);
    await visit.page.getByText('No pictures yet').waitFor();
    return visit;
  }

  /** Another tab of the same browser. */
  async secondTab(): Promise<Visit> {
    const visit = new Visit(this.context, await openPage(this.context), this.#url);
    await visit.page.goto(this.#url);
    return visit;
  }

  async end(): Promise<void> {
    await this.context.close();
    expect(this.thrown).toEqual([]);
    expect(this.foreign).toEqual([]);
  }

  /** Brings the photograph of 24 coins with its outlines, a Labelme file. */
  async addCoins(): Promise<void> {
    await this.page.locator('label', { hasText: 'Add a folder' }).locator('input').setInputFiles(COINS);
    await this.page.getByText('1 picture added').waitFor();
  }

  async enter(room: string): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name: room, exact: true }).click();
  }

  /** Fills in the numbers of "More settings". */
  async choose(numbers: Readonly<Record<string, number>>): Promise<void> {
    const { page } = this;
    const details = page.locator('.training-form details');
    if (!(await details.evaluate((one: HTMLDetailsElement) => one.open))) {
      await page.getByText('More settings').click();
    }
    for (const [label, value] of Object.entries(numbers)) {
      await page.getByLabel(label, { exact: true }).fill(String(value));
    }
  }

  async train(): Promise<void> {
    await this.page.getByRole('button', { name: 'Train', exact: true }).click();
  }

  /** The number of the step that is shown. */
  async step(): Promise<number> {
    const text = (await this.page.locator('.running .facts').textContent()) ?? '';
    return Number(/Step ([\d,]+) of/.exec(text)?.[1]?.replaceAll(',', '') ?? Number.NaN);
  }

  async reached(step: number): Promise<void> {
    await this.page.waitForFunction((least) => {
      const text = document.querySelector('.running .facts')?.textContent ?? '';
      return Number(/Step ([\d,]+) of/.exec(text)?.[1]?.replaceAll(',', '')) >= least;
    }, step);
  }

  /** The worker that trains. */
  trainer(): Worker {
    const worker = this.page.workers().find((one) => one.url().includes('trainer'));
    if (!worker) throw new Error('no worker trains');
    return worker;
  }
}

/** The photograph's bytes. */
export const coinsPng = (): Buffer => readFileSync(path.join(COINS, 'coins.png'));
