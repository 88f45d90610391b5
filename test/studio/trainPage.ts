/** What tests of training do with the studio: open it, bring labelled coins, and reach into the worker. */
import path from 'node:path';
import type { BrowserContext, BrowserContextOptions, Page, Worker } from 'playwright-core';
import { enterRoom, type Studio } from './studioPage.ts';

const COINS = path.join(import.meta.dirname, '../../examples/coins');

/** A tab of the studio in which something is trained. */
export class Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly #studio: Studio;

  private constructor(studio: Studio, context: BrowserContext, page: Page) {
    this.#studio = studio;
    this.context = context;
    this.page = page;
    // What hangs is caught by the test's own limit: a busy machine trains slowly.
    page.setDefaultTimeout(0);
  }

  /** Opens an empty studio. */
  static async begin(studio: Studio, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await studio.visitor(options);
    return new Visit(studio, context, await studio.open(context));
  }

  /** Another tab of the same browser. */
  async secondTab(room = ''): Promise<Visit> {
    return new Visit(this.#studio, this.context, await this.#studio.open(this.context, `#/${room}`));
  }

  /** Closes all tabs of the browser. */
  end(): Promise<void> {
    return this.#studio.leave(this.context);
  }

  /** Brings the photograph of 24 coins with its outlines, a Labelme file. */
  async addCoins(): Promise<void> {
    await this.page.locator('label', { hasText: 'Add a folder' }).locator('input').setInputFiles(COINS);
    await this.page.getByText('1 picture added').waitFor();
  }

  enter(room: string): Promise<void> {
    return enterRoom(this.page, room);
  }

  /** Fills in the numbers of "More settings". */
  async choose(numbers: Readonly<Record<string, number>>): Promise<void> {
    const { page } = this;
    const details = page.locator('.training-form details');
    if (!(await details.evaluate((one: HTMLDetailsElement) => one.open))) {
      await page.getByText('More settings', { exact: true }).click();
    }
    for (const [label, value] of Object.entries(numbers)) {
      await page.getByLabel(label, { exact: true }).fill(String(value));
    }
  }

  async train(): Promise<void> {
    await this.page.getByRole('button', { name: 'Train', exact: true }).click();
    await this.page.locator('.running').waitFor();
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

  /** Waits until nothing is trained any more. */
  async finished(): Promise<void> {
    await this.page.locator('.running').waitFor({ state: 'detached' });
  }

  /** Gives the next model a name. */
  async named(name: string): Promise<void> {
    await this.page.getByLabel('Name of the model').fill(name);
  }

  /** The bytes of the newest model that the browser has stored. */
  async newestModel(): Promise<Uint8Array> {
    const bytes = await this.page.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open('fovea-studio');
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const models = await new Promise<{ id: string; project: string; created: number }[]>((resolve) => {
        const request = database.transaction('models').objectStore('models').getAll();
        request.onsuccess = () => resolve(request.result);
      });
      database.close();
      const { project, id } = models.sort((a, b) => b.created - a.created)[0]!;
      let folder = await navigator.storage.getDirectory();
      for (const name of ['fovea-studio', project, 'models']) folder = await folder.getDirectoryHandle(name);
      const file = await (await folder.getFileHandle(id)).getFile();
      return [...new Uint8Array(await file.arrayBuffer())];
    });
    return Uint8Array.from(bytes);
  }

  /** The worker that trains. */
  trainer(): Worker {
    const worker = this.page.workers().find((one) => one.url().includes('trainer'));
    if (!worker) throw new Error('no worker trains');
    return worker;
  }
}
