import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForPage, launchBrowser, openPage } from './browser.ts';

/** The browser itself draws on SwiftShader too, as it does on a GPU: only then it imports videos into WebGPU. */
const ON_GPU = [
  '--use-vulkan=swiftshader',
  '--use-angle=vulkan',
  '--use-gl=angle',
  '--ignore-gpu-blocklist',
  '--enable-gpu-rasterization',
];

let script: string;
beforeAll(async () => {
  script = await bundleForPage({ file: path.join(import.meta.dirname, 'framesInPage.ts') });
}, 60_000);

const SOURCES = [
  'ImageBitmap',
  'OffscreenCanvas',
  'VideoFrame of a canvas',
  'VideoFrame of bytes',
  'canvas',
  'transparent canvas',
  'video',
];

const isHere = process.platform === 'linux' && process.arch === 'x64';

describe.runIf(isHere).each([
  ['that draws on the CPU', [], true],
  ['that draws on the GPU', ON_GPU, false],
] as const)('frames in a Chromium %s', (_name, flags, draws) => {
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  beforeAll(async () => {
    browser = await launchBrowser(...flags);
    page = await openPage(browser);
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.route('http://localhost/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>frames</title>' }),
    );
    await page.goto('http://localhost/');
    await page.addScriptTag({ content: script });
  }, 60_000);
  afterAll(() => browser?.close());

  it('have the values of the same pixels on the host, from whatever source', async () => {
    for (const [width, height] of [
      [90, 60],
      [1, 1],
    ] as const) {
      const found = await page.evaluate((given) => window.framesOf(...given), [
        width,
        height,
        draws,
      ] as const);
      expect(Object.keys(found).sort()).toEqual(SOURCES);
      for (const [name, { distance, ...size }] of Object.entries(found)) {
        expect(size, name).toEqual({ width, height });
        expect(distance, name).toBeLessThan(1e-3);
      }
    }
  });

  it('are turned, cut and stretched as they are displayed', async () => {
    const found = await page.evaluate((given) => window.turnedFrames(given), draws);
    const sizes = Object.entries(found).map(([name, { width, height }]) => [name, width, height]);
    expect(sizes).toEqual([
      ['turned by 90', 32, 48],
      ['turned by 180 and flipped', 48, 32],
      ['a part of it', 24, 16],
      ['in display size', 96, 40],
    ]);
    for (const [name, { distance }] of Object.entries(found)) expect(distance, name).toBeLessThan(1e-3);
  });

  it('are searched as the same pixels on the host', async () => {
    const { count, distance } = await page.evaluate(() => window.detectInFrame());
    expect(count).toBe(10);
    expect(distance).toBeLessThan(0.01);
  });

  it('are refused where there is nothing to copy', async () => {
    expect(await page.evaluate(() => window.refusedFrames())).toEqual({
      'closed frame':
        'UsageError: fromVideoFrame: the VideoFrame of 0x0 is closed; call fromVideoFrame before close()',
      'closed bitmap':
        'UsageError: fromVideoFrame: the ImageBitmap of 0x0 is closed; call fromVideoFrame before close()',
      'video without a frame':
        'UsageError: fromVideoFrame: the HTMLVideoElement of 0x0 has no frame yet (readyState 0); wait for its loadeddata event (readyState 2)',
      'canvas without pixels':
        'UsageError: fromVideoFrame: the HTMLCanvasElement of 0x8 has no pixel; give one of at least 1x1',
      'large canvas':
        "DeviceLimitError: fromVideoFrame: the HTMLCanvasElement of MOREx1 is larger than the device's textures (MOST); shrink it first, for example by createImageBitmap(source, { resizeWidth })",
      'image element':
        'UsageError: fromVideoFrame: source is a HTMLImageElement; give a VideoFrame, HTMLVideoElement, ImageBitmap, HTMLCanvasElement, OffscreenCanvas',
      'lost device': expect.stringMatching(/^DeviceLostError: fromVideoFrame: the GPU device is lost /),
    });
    expect(errors).toEqual([]);
  });
});
