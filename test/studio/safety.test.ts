import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addPictures, COINS, chooser, coins, enterRoom, Studio } from './studioPage.ts';

/** Names that do harm where a text is taken for something else. */
const HOSTILE = [
  '<img src=x onerror=window.ran=1>',
  '"><script>window.ran=1</script>',
  '__proto__',
  'constructor',
  'javascript:window.ran=1',
  '\u202egnp.exe',
  '%2e%2e%00',
  // With .png, as long as a name may be.
  'x'.repeat(996),
];

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;
/** Another origin, and who has asked it. */
let elsewhere: Server;
let foreign: string;
let asked: string[];
let dialogs: string[];
let requests: string[];

beforeAll(async () => {
  elsewhere = createServer(({ url }, response) => {
    asked.push(url!);
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end('x');
  });
  await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
  foreign = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  elsewhere?.close();
});
beforeEach(async () => {
  context = await studio.visitor();
  asked = [];
  dialogs = [];
  requests = [];
  // Also those of workers.
  context.on('request', (request) => requests.push(request.url()));
  page = await studio.open(context);
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  return () => studio.leave(context);
});

const rooms = () => page.getByRole('navigation').getByRole('link');
/** Goes through all rooms, waits for each, and for what it does at first. */
async function everyRoom(then: () => Promise<void>): Promise<void> {
  const count = await rooms().count();
  expect(count).toBeGreaterThan(4);
  for (let i = 0; i <= count; i++) {
    await (i < count ? rooms().nth(i) : page.locator('header .project')).click();
    await page.waitForFunction(() => !/^Loading…$/m.test(document.querySelector('main')!.innerText));
    await page.waitForLoadState('networkidle');
    await then();
  }
}
const nothingRan = async () => {
  expect(await page.evaluate(() => 'ran' in window)).toBe(false);
  expect(await page.evaluate(() => document.querySelector('[onerror], body script, iframe'))).toBe(null);
  expect(dialogs).toEqual([]);
};

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the safety of the studio', () => {
  it('asks nobody but its own origin, in any room', async () => {
    await addPictures(page, [coins(1)]);
    await everyRoom(async () => {});
    expect(requests.length).toBeGreaterThan(20);
    expect(
      requests.filter((url) => !url.startsWith(studio.server.url) && !/^(?:blob|data):/.test(url)),
    ).toEqual([]);
  });

  it('takes names of files, classes and projects for text', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'fovea-safety-'));
    try {
      for (const name of ['images', 'labels']) mkdirSync(path.join(folder, name));
      writeFileSync(path.join(folder, 'classes.txt'), `${HOSTILE.join('\n')}\n`);
      writeFileSync(path.join(folder, 'images/one.png'), COINS);
      writeFileSync(
        path.join(folder, 'labels/one.txt'),
        HOSTILE.map((_, i) => `${i} 0.5 0.5 0.25 0.5\n`).join(''),
      );
      await chooser(page, 'Add a folder').setInputFiles(folder);
      await page.getByText('1 picture added').waitFor();
    } finally {
      rmSync(folder, { recursive: true });
    }
    const files = HOSTILE.map((name, i) => ({ ...coins(i), name: `${name}.png` }));
    await addPictures(page, files);
    await enterRoom(page, 'Projects');
    await page
      .getByRole('button', { name: /^Rename/ })
      .first()
      .click();
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill(HOSTILE[0]!);
    await page.keyboard.press('Enter');
    await page.locator('header .project', { hasText: HOSTILE[0]! }).waitFor();

    await page.setViewportSize({ width: 390, height: 844 });
    await everyRoom(async () => {
      await nothingRan();
      // Nor does a long name push anything out of sight.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    });
    await page.goto(`${studio.server.url}#/pictures`);
    await page.locator('.tile').first().click();
    await page.locator('.label-canvas').first().waitFor();
    for (const name of HOSTILE.slice(0, 4)) await page.getByText(name).first().waitFor();
    await nothingRan();
    for (let i = 0; i < HOSTILE.length; i++) await page.keyboard.press('PageDown');
    await nothingRan();
    expect(await page.evaluate(() => Object.keys(Object.prototype))).toEqual([]);
  });

  it('runs no script that is not its own, and reaches no other origin, whatever gets into it', async () => {
    const violations = await page.evaluate(async (other) => {
      const seen: string[] = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        seen.push(effectiveDirective);
      });
      const markup = `<img src=x onerror="window.ran=1"><a href="javascript:window.ran=1">a</a><iframe src="${other}frame"></iframe><style>body{color:red}</style><link rel=stylesheet href="${other}style"><form action="${other}form" method=post><button>x</button></form>`;
      document.body.insertAdjacentHTML('beforeend', `<div id=injected>${markup}</div>`);
      const script = document.createElement('script');
      script.textContent = 'window.ran=1';
      document.body.append(script);
      const far = document.createElement('script');
      far.src = `${other}script`;
      document.body.append(far);
      const image = new Image();
      image.src = `${other}image`;
      await fetch(`${other}fetch`).catch(() => {});
      navigator.sendBeacon(`${other}beacon`);
      try {
        new WebSocket(other.replace('http', 'ws'));
      } catch {}
      try {
        new EventSource(`${other}events`);
      } catch {}
      try {
        new Worker(URL.createObjectURL(new Blob(['fetch("/")'])));
      } catch {}
      // In a turn of its own: what the test runs is exempt.
      setTimeout(() => {
        try {
          new Function('window.ran=1')();
        } catch {}
      });
      document.querySelector<HTMLElement>('#injected a')!.click();
      document.querySelector<HTMLElement>('#injected button')!.click();
      await new Promise((done) => setTimeout(done, 500));
      return [...new Set(seen)].sort();
    }, foreign);
    for (const directive of ['connect-src', 'form-action', 'frame-src', 'img-src', 'worker-src']) {
      expect(violations).toContain(directive);
    }
    expect(violations.filter((name) => name.startsWith('script-src'))).not.toEqual([]);
    expect(await page.evaluate(() => 'ran' in window)).toBe(false);
    expect(await page.evaluate(() => getComputedStyle(document.body).color)).not.toBe('rgb(255, 0, 0)');
    expect(asked).toEqual([]);
    expect(dialogs).toEqual([]);
    // What was tried counts as a request of the page, which the policy stopped.
    studio.forget();
  });

  it('is isolated, also as its service worker answers, so that its threads share memory', async () => {
    const isolated = () => page.evaluate(() => crossOriginIsolated && 'SharedArrayBuffer' in globalThis);
    expect(await isolated()).toBe(true);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.reload();
    await page.locator('header .project').waitFor();
    expect(await page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
    expect(await isolated()).toBe(true);
  });
});
