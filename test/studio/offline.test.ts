import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { writeServiceWorker } from '../../web/offline.mjs';
import { launchBrowser, openPage } from '../browser/browser.ts';
import { PlainHost } from './plainHost.ts';
import { addPictures, coins } from './studioPage.ts';

const dist = path.join(import.meta.dirname, '../../web/dist');
const PLACE = 'any/where/';
/** Milliseconds after which what is waited for does not come any more. */
const LIMIT = 5 * 60_000;

let browser: Browser;
let context: BrowserContext;
let host: PlainHost;
let folder: string;
let thrown: string[];

beforeAll(async () => {
  await ensureBuilt(['web']);
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-offline-'));
  host = await new PlainHost().start();
  host.folders.set(PLACE, dist);
  context = await browser.newContext();
  thrown = [];
  return async () => {
    await context.close();
    await host.stop();
    rmSync(folder, { recursive: true });
    expect(thrown).toEqual([]);
  };
});

/** Opens the studio of a place, and waits until it is kept. */
async function visit(place = PLACE): Promise<Page> {
  const page = await openPage(context);
  page.setDefaultTimeout(LIMIT);
  page.on('pageerror', (error) => thrown.push(error.message));
  await page.goto(host.url + place);
  await page.getByText('No pictures yet').waitFor();
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (navigator.serviceWorker.controller) return;
    await new Promise((done) => navigator.serviceWorker.addEventListener('controllerchange', done));
  });
  return page;
}

/** Another build of the studio: it says so in its title. */
async function otherBuild(name: string): Promise<string> {
  const other = path.join(folder, name);
  cpSync(dist, other, { recursive: true, filter: (file) => !file.endsWith('.map') });
  const index = path.join(other, 'index.html');
  writeFileSync(
    index,
    readFileSync(index, 'utf8').replace('<title>Fovea Studio', `<title>Fovea Studio ${name}`),
  );
  await writeServiceWorker(other);
  return other;
}
const lookForUpdate = (page: Page) =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
  });
const banner = (page: Page) => page.locator('.banner');
/** Every address that is kept, by cache. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const names = (await caches.keys()).sort();
    return Promise.all(
      names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)),
    );
  });

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the studio without a network', () => {
  it('opens from a folder of any host, all rooms and pictures, when the host is gone', async () => {
    const page = await visit();
    await addPictures(page, [coins(1)]);
    await host.stop();
    await page.reload();
    await page.locator('.tile').waitFor();
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>('.tile img')?.naturalWidth);
    const rooms = page.getByRole('navigation').getByRole('link');
    for (let i = 0; i < (await rooms.count()); i++) {
      await rooms.nth(i).click();
      await page.waitForFunction(
        () => document.querySelector('main')!.textContent!.includes('Loading') === false,
      );
    }
    // Workers too: the one of checks says how many cases there are.
    await page.getByRole('button', { name: /^Check all [\d,]+ cases$/ }).waitFor();
    await page.getByText(/Loading/).waitFor({ state: 'detached' });

    await page.goto(`${host.url + PLACE}?op=nms`);
    await page.getByRole('button', { name: /cases of nms$/ }).waitFor();
    // What is not there leads to the studio.
    await page.goto(`${host.url + PLACE}no/such/page#/verify`);
    await page.getByRole('heading', { name: 'Verify' }).waitFor();
    expect(page.url()).toBe(`${host.url + PLACE}#/verify`);
  });

  it('keeps the files of the build, and nothing else', async () => {
    const page = await visit();
    writeFileSync(path.join(folder, 'other.txt'), 'other');
    host.folders.set(`${PLACE}more/`, folder);
    host.folders.delete(PLACE);
    host.folders.set(PLACE, dist);
    expect(await page.evaluate(async () => (await fetch('more/other.txt')).text())).toBe('other');
    const files = readdirSync(dist, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.map') && entry.name !== 'sw.js')
      .map((entry) => host.url + PLACE + path.relative(dist, path.join(entry.parentPath, entry.name)));
    const caches = await kept(page);
    expect(caches.length).toBe(1);
    expect(caches[0]!.sort()).toEqual(files.sort());
    await host.stop();
    expect(await page.evaluate(() => fetch('more/other.txt').catch(() => 'refused'))).toBe('refused');
  });

  it('offers a new version, forces it on nobody, and fetches only what has changed', async () => {
    const page = await visit();
    const second = await openPage(context);
    await second.goto(host.url + PLACE);
    await second.getByText('No pictures yet').waitFor();
    host.folders.set(PLACE, await otherBuild('two'));
    host.asked.length = 0;
    await lookForUpdate(page);
    await banner(page).getByText('A new version of the studio is ready').waitFor();
    expect(new Set(host.asked)).toEqual(new Set([`/${PLACE}sw.js`, `/${PLACE}index.html`]));
    await banner(page).getByRole('button', { name: 'Later' }).click();
    await page.reload();
    expect(await page.title()).toBe('Fovea Studio');
    await banner(page).getByRole('button', { name: 'Reload' }).click();
    await page.waitForFunction(() => document.title === 'Fovea Studio two');

    // The other tab stays as it is, with files of the old build, until somebody wants the new one.
    await banner(second).getByText('Another tab has changed to a new version').waitFor();
    expect(await second.title()).toBe('Fovea Studio');
    expect((await kept(page)).length).toBe(2);
    await banner(second).getByRole('button', { name: 'Reload' }).click();
    await second.waitForFunction(() => document.title === 'Fovea Studio two');
    await second.close();
    await page.reload();
    await expect.poll(async () => (await kept(page)).length).toBe(1);
    await host.stop();
    await page.reload();
    expect(await page.title()).toBe('Fovea Studio two');
  });

  it('refuses a build that arrives with other content, and goes on with what it has', async () => {
    const page = await visit();
    const two = await otherBuild('two');
    host.folders.set(PLACE, two);
    const script = readdirSync(two).find((name) => /^pictures-.*\.js$/.test(name))!;
    // A file of the new build that a cache on the way has changed, under a name that is not kept yet.
    const renamed = script.replace('pictures-', 'pictures-x');
    cpSync(path.join(two, script), path.join(two, renamed));
    await writeServiceWorker(two);
    host.instead.set(renamed, 'alert(1)');
    const failed = await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
      const worker = registration.installing;
      while (worker && worker.state !== 'redundant') {
        await new Promise((done) => worker.addEventListener('statechange', done, { once: true }));
      }
      return registration.waiting === null;
    });
    expect(failed).toBe(true);
    expect((await kept(page)).length).toBe(1);
    await expect.poll(() => banner(page).count()).toBe(0);
    await host.stop();
    await page.reload();
    await page.getByText('No pictures yet').waitFor();
  });

  it('leaves the studio of another folder alone', async () => {
    host.folders.set('elsewhere/', await otherBuild('two'));
    const one = await visit();
    const two = await visit('elsewhere/');
    expect((await kept(one)).length).toBe(2);
    await host.stop();
    await one.reload();
    await two.reload();
    expect([await one.title(), await two.title()]).toEqual(['Fovea Studio', 'Fovea Studio two']);
  });

  it('can be installed: a name, a start and an icon, from any folder', async () => {
    const page = await visit();
    const session = await context.newCDPSession(page);
    const { url, data, errors } = await session.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    expect(url).toBe(`${host.url + PLACE}manifest.webmanifest`);
    const manifest = JSON.parse(data!);
    expect(new URL(manifest.start_url, url).href).toBe(host.url + PLACE);
    expect(new URL(manifest.scope, url).href).toBe(host.url + PLACE);
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
    // A visitor without a profile on disk can install nothing.
    expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito')).toEqual(
      [],
    );
    const width = await page.evaluate(async (icon) => {
      const image = new Image();
      image.src = icon;
      await image.decode();
      return image.naturalWidth;
    }, manifest.icons[0].src);
    expect(width).toBeGreaterThan(0);
  });
});
