// npm run freeze: how long the tasks of a page's main thread compute while it loads a model, detects and trains.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { saveWeights } from '../../src/io/checkpoint.ts';
import type { StateDict } from '../../src/io/safetensors.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { bundleForPage, launchBrowser, openPage, type Served, serve } from './browser.ts';

const root = path.join(import.meta.dirname, '../..');
const COINS = path.join(root, 'examples/coins/coins.png');
/**
 * Milliseconds above which a task is felt: what browsers call a long one. Only a quiet machine keeps below, so npm test counts
 * work instead (test/plan/slices.test.ts).
 */
const LONG_TASK = 50;

let browser: Browser;
let server: Served;
let folder: string;

beforeAll(async () => {
  await ensureBuilt(['web']);
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-freeze-'));
  // On a ResNet-18: 12 million weights.
  const backbone = { ...SMALL_RESNET, width: 64, depth: [2, 2, 2, 2] } as const;
  const config = { backbone, pyramidWidth: 128, headDepth: 2, numClasses: 1 };
  const model = new RetinaNet(config);
  const weights = await model.stateDict(async (state) => state.initial);
  const trained = {
    name: 'retinanet',
    model,
    classNames: ['coin'],
    preprocessing: { maxSide: 192 },
  } as const;
  await saveWeights(path.join(folder, 'large.safetensors'), weights as StateDict, metadataOf(trained));
  server = await serve(path.join(folder, 'large.safetensors'));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** An event of a trace, times in microseconds. `tdur` is what the thread computed, however busy the machine was. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Milliseconds of work of each task of the page's main thread while something happens, longest first. */
async function tasksDuring(doing: (page: Page) => Promise<void>): Promise<number[]> {
  const page = await openPage(browser);
  let recorded = '';
  try {
    await browser.startTracing(page, { categories: ['toplevel'] });
    await doing(page).finally(async () => {
      recorded = (await browser.stopTracing()).toString();
    });
    const trace = JSON.parse(recorded) as { traceEvents: TraceEvent[] };
    const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
    const mains = trace.traceEvents.filter(({ args }) => args?.name === 'CrRendererMain').map(threadOf);
    return trace.traceEvents
      .filter(
        (event) => event.name.endsWith('RunTask') && event.ph === 'X' && mains.includes(threadOf(event)),
      )
      .map(({ tdur = 0 }) => tdur / 1000)
      .sort((a, b) => b - a);
  } finally {
    await page.close();
  }
}

function expectShort(tasks: readonly number[]): void {
  const longest = tasks.slice(0, 5).map((ms) => ms.toFixed(1));
  console.log(`the longest tasks compute for ${longest.join(', ')} ms`);
  // Else nothing was measured.
  expect(tasks.length).toBeGreaterThan(100);
  expect(tasks[0]).toBeLessThan(LONG_TASK);
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the page', () => {
  it('stays free while it loads a large model and detects for the first time', async () => {
    const tasks = await tasksDuring(async (page) => {
      await page.goto(server.url);
      await page.waitForSelector('html[data-weights=ready]');
      await page.setInputFiles('#image-file', COINS);
      await page.waitForSelector('html[data-detect=done]');
    });
    expectShort(tasks);
  });

  it('stays free while it makes a model, captures its training step and runs it', async () => {
    const script = await bundleForPage({ file: path.join(import.meta.dirname, 'trainInPage.ts') });
    let loss = Number.NaN;
    const tasks = await tasksDuring(async (page) => {
      // A site with nothing on it but the library.
      const body = '<!doctype html><title>training</title>';
      await page.route('http://localhost/**', (route) => route.fulfill({ contentType: 'text/html', body }));
      await page.goto('http://localhost/');
      await page.addScriptTag({ content: script });
      loss = await page.evaluate(() => window.trainOnce());
    });
    expect(loss).toBeGreaterThan(0);
    expectShort(tasks);
  });

  it('is known to be busy where it is', async () => {
    const tasks = await tasksDuring(async (page) => {
      await page.goto(server.url);
      await page.evaluate(() => {
        const end = performance.now() + 1000;
        while (performance.now() < end);
      });
    });
    expect(tasks[0]).toBeGreaterThan(LONG_TASK);
  });
});
