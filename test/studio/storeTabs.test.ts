import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser } from '../browser/browser.ts';
import {
  bundleStore,
  everything,
  heard,
  hears,
  makeProject,
  moreFiles,
  noLocks,
  openStoreIn,
  opfs,
  StoreTabs,
} from './storeTabs.ts';

let browser: Browser;
let script: string;
let tabs: StoreTabs;
let page: Page;

beforeAll(async () => {
  script = await bundleStore();
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  tabs = await StoreTabs.open(browser, script);
  page = await tabs.storeTab();
  return async () => {
    expect(tabs.thrown).toEqual([]);
    await tabs.context.close();
  };
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the store in several tabs', () => {
  it('keeps what is whole where a tab is killed in the middle of adding', async () => {
    const other = await tabs.storeTab();
    const id = await makeProject(other, 2);
    const before = await everything(page);
    await other.evaluate(async (id) => {
      const { pictures } = window.studio;
      // Nobody waits for them.
      void window.store.addPictures(id, pictures(200, 50_000, 100)).catch(() => {});
      void window.store
        .createFilledProject({ name: 'half' }, async (add) => {
          await add(pictures(1, 50_000, 500));
          window.heard.push('added');
          await new Promise(() => {});
        })
        .catch(() => {});
    }, id);
    await hears(other, 1);
    await moreFiles(page, 10);
    // Another tab that opens now removes nothing that is being added.
    const third = await tabs.storeTab();
    expect((await opfs(third)).length).toBeGreaterThan(10);
    await other.close();
    expect((await opfs(page)).length).toBeGreaterThan(10);
    await page.reload();
    await noLocks(page);
    expect(await openStoreIn(page)).toBeGreaterThan(0);
    expect(await everything(page)).toEqual(before);
    expect((await opfs(page)).length).toBe(4);
    const rows = await page.evaluate(async () => {
      const db = await window.studio.openDb();
      return [await db.count('pictures'), await db.count('labels'), await db.count('projects')];
    });
    expect(rows).toEqual([2, 1, 1]);
  });

  it('lets one tab edit a project, and another take it over', async () => {
    const other = await tabs.storeTab();
    const hold = (tab: Page, answer: string) =>
      tab.evaluate(async (answer) => {
        const held = await window.studio.holdProject('p', () => {
          window.heard.push('lost');
          return answer === 'hangs' ? new Promise(() => {}) : undefined;
        });
        Object.assign(window, { held });
        return held.state;
      }, answer);
    const takeOver = (tab: Page) =>
      tab.evaluate(async () => {
        const { held } = window as unknown as { held: { takeOver(): Promise<{ state: string }> } };
        const taken = await held.takeOver();
        Object.assign(window, { held: taken });
        return taken.state;
      });
    expect(await hold(page, 'saves')).toBe('held');
    expect(await hold(other, 'hangs')).toBe('elsewhere');
    expect(await other.evaluate(async () => (await window.studio.holdProject('q', () => {})).state)).toBe(
      'held',
    );
    expect(await takeOver(other)).toBe('held');
    expect(await heard(page)).toEqual(['lost']);
    // One that does not let go loses it all the same, and is told once.
    expect(await hold(page, 'saves')).toBe('elsewhere');
    expect(await takeOver(page)).toBe('held');
    expect(await hears(other, 1)).toEqual(['lost']);
    // One that lets go may hold again at once.
    const twice = await page.evaluate(async () => {
      const first = await window.studio.holdProject('r', () => {});
      if (first.state !== 'held') return first.state;
      first.release();
      first.release();
      const second = await window.studio.holdProject('r', () => {});
      if (second.state === 'held') second.release();
      return second.state;
    });
    expect(twice).toBe('held');
    // A tab that is closed, or lets go, loses nothing.
    await page.evaluate(() => (window as unknown as { held: { release(): void } }).held.release());
    expect(await hold(other, 'saves')).toBe('held');
    await other.close();
    await noLocks(page);
    expect(await hold(page, 'saves')).toBe('held');
    expect(await heard(page)).toEqual(['lost']);
  });

  it('tells other tabs what has changed, and not the own one', async () => {
    const other = await tabs.storeTab();
    const id = await makeProject(page, 1);
    for (const tab of [page, other]) {
      await tab.evaluate((id) => {
        window.studio.changes(id, (change) => window.heard.push(change.what));
      }, id);
    }
    const end = await other.evaluateHandle(() =>
      window.studio.changes(undefined, ({ what, project }) => window.heard.push([what, project])),
    );
    await page.evaluate(async (id) => {
      const { store } = window;
      const [picture] = await store.pictures(id);
      await store.saveLabels({ picture: picture!.id, objects: [] });
      await store.createProject({ name: 'another' });
      await store.removePictures([picture!.id]);
      await store.removeProject(id);
    }, id);
    const all = (await hears(other, 7)) as (string | [string, string])[];
    expect(all.filter((change) => typeof change === 'string')).toEqual(['labels', 'pictures', 'removed']);
    expect(all.filter((change) => typeof change !== 'string').map(([what]) => what)).toEqual([
      ...['labels', 'project', 'pictures', 'removed'],
    ]);
    await end.evaluate((stop) => stop());
    expect(await heard(page)).toEqual([]);
    // Both write the same pictures at once: each is there once.
    const { id: project } = await page.evaluate(() => window.store.createProject({ name: 'both' }));
    const add = (tab: Page) =>
      tab.evaluate((id) => window.store.addPictures(id, window.studio.pictures(20, 5000, 7)), project);
    const [mine, theirs] = await Promise.all([add(page), add(other)]);
    expect(mine.added.length + theirs.added.length).toBe(20);
    expect(mine.known.length + theirs.known.length).toBe(20);
    expect((await everything(page)).pictures.length).toBe(20);
    expect((await opfs(page)).length).toBe(40);
  });

  it('closes for a newer studio and says so, and an older studio does not open', async () => {
    await makeProject(page, 1);
    const other = await tabs.tab();
    // A newer studio brings the database up to its version.
    await other.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const request = indexedDB.open('fovea-studio', 1000);
          request.onsuccess = () => resolve();
          request.onerror = () => reject(request.error);
        }),
    );
    expect(await hears(page, 1)).toEqual(['newer']);
    const failures = await page.evaluate(() => {
      const { failure, openStore } = window.studio;
      return Promise.all([failure(window.store.projects()), failure(openStore())]);
    });
    expect(failures).toMatchObject([
      { kind: 'blocked', message: expect.stringContaining('reload the page') },
      { kind: 'blocked', message: expect.stringContaining('a newer version of the studio') },
    ]);
  });
});
