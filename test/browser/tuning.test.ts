import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tuned } from '../../src/plan/tuner.ts';
import { bundleForPage, launchBrowser, openPage } from './browser.ts';

const ENTRY = `
import { conv2d, openGpu, zeros } from './src/index.ts';
const convolution = () => ({ y: conv2d(zeros([1, 8, 8, 16]), zeros([3, 3, 16, 16]), undefined, { padding: 1 }) });
globalThis.tuneOnce = async () => {
  const gpu = await openGpu({ autotune: true });
  try {
    return { place: await gpu.tunedPlace(), found: await gpu.tune(convolution) };
  } finally {
    gpu.dispose();
  }
};
`;

declare global {
  interface Window {
    tuneOnce(): Promise<{ place: string; found: Tuned[] }>;
  }
}

let browser: Browser;
let context: BrowserContext;
let script: string;

/** A page of a site of its own, with nothing on it but the library. */
async function openSite(): Promise<Page> {
  const page = await openPage(context);
  await page.route('http://localhost/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>tuning</title>' }),
  );
  await page.goto('http://localhost/');
  await page.addScriptTag({ content: script });
  return page;
}

beforeAll(async () => {
  script = await bundleForPage({ text: ENTRY });
  browser = await launchBrowser();
  context = await browser.newContext();
});
afterAll(() => browser?.close());

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('autotuning in Chromium', () => {
  it('remembers in IndexedDB, from page to page of a site', async () => {
    const first = await openSite();
    const { place, found } = await first.evaluate(() => window.tuneOnce());
    expect(place).toMatch(/^IndexedDB of this site: tuning-.*\.json$/);
    expect(found).toHaveLength(1);
    expect(Object.keys(found[0]!.ms)).toContain('winograd2');
    await first.close();
    const second = await openSite();
    expect((await second.evaluate(() => window.tuneOnce())).found).toEqual([]);
  });
});
