import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOXES, DISCS, PROPOSALS, SIZE, sceneAt } from '../../examples/embed/scene.ts';
import { ensureBuilt } from '../../scripts/built.mjs';
import { conv2d } from '../../src/reference/conv2d.ts';
import { nms } from '../../src/reference/nms.ts';
import { launchBrowser, openPage, type Served, serveScript } from './browser.ts';

const TIME = 2;

let browser: Browser;
let server: Served;
let page: Page;
/** What the page threw or complained of: WebGPU's validation errors come as warnings. */
const complaints: string[] = [];
/** The canvas, in bytes of RGBA, and the frames that were drawn when it was read. */
let pixels: Uint8Array;
let frames: number;

declare global {
  interface Window {
    /** What the app has just drawn, in RGBA. */
    readCanvas(): Promise<{ base64: string; frames: number }>;
  }
}

/**
 * Runs in the page, before the app, and gives it a texture of ours to draw into instead of the canvas's. Headless
 * Chromium shows and copies WebGPU canvases only where the system has a Vulkan driver to share textures through.
 */
function listenIn(): void {
  let configuration: GPUCanvasConfiguration;
  let texture: GPUTexture;
  GPUCanvasContext.prototype.configure = function (options) {
    configuration = options;
    const { device, format } = options;
    const { width, height } = this.canvas;
    const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
    texture = device.createTexture({ size: [width, height], format, usage });
  };
  GPUCanvasContext.prototype.getCurrentTexture = () => texture;
  window.readCanvas = () =>
    new Promise((resolve, reject) => {
      const read = async () => {
        const { device, format } = configuration;
        const { width, height } = texture;
        const bytesPerRow = Math.ceil((width * 4) / 256) * 256;
        const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
        const buffer = device.createBuffer({ size: bytesPerRow * height, usage });
        const encoder = device.createCommandEncoder();
        encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, { width, height });
        device.queue.submit([encoder.finish()]);
        const frames = Number(document.documentElement.dataset.frames);
        await buffer.mapAsync(GPUMapMode.READ);
        const bytes = new Uint8Array(buffer.getMappedRange());
        const order = format === 'bgra8unorm' ? [2, 1, 0, 3] : [0, 1, 2, 3];
        let text = '';
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            for (const c of order) text += String.fromCharCode(bytes[y * bytesPerRow + x * 4 + c]!);
          }
        }
        resolve({ base64: btoa(text), frames });
      };
      // In the frame that the app has just drawn: its own callback runs before this one.
      requestAnimationFrame(() => read().catch(reject));
    });
}

beforeAll(async () => {
  await ensureBuilt(['library']);
  server = await serveScript('examples/embed/serve.mjs');
  browser = await launchBrowser();
  page = await openPage(browser);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() !== 'info') complaints.push(message.text());
  });
  await page.addInitScript(listenIn);
  await page.goto(`${server.url}?time=${TIME}`);
  await page.waitForFunction(() => Number(document.documentElement.dataset.frames) >= 5);
  const read = await page.evaluate(() => window.readCanvas());
  pixels = Buffer.from(read.base64, 'base64');
  frames = read.frames;
});
afterAll(async () => {
  await browser?.close();
  server?.stop();
});

/** What shaders.wgsl's `paint` paints. */
function paint(): Float64Array {
  const { discs } = sceneAt(TIME);
  const image = new Float64Array(SIZE * SIZE * 4).fill(1);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      let colour = [0.16, 0.17, 0.22];
      for (let d = 0; d < DISCS; d++) {
        const [cx, cy, radius, hue] = discs.subarray(d * 4, d * 4 + 4) as unknown as [
          number,
          number,
          number,
          number,
        ];
        const inside = Math.min(Math.max((radius - Math.hypot(x + 0.5 - cx, y + 0.5 - cy)) / 6, 0), 1);
        const own = [0, 0.33, 0.67].map((shift) => 0.5 + 0.45 * Math.cos(2 * Math.PI * (hue + shift)));
        colour = colour.map((value, c) => value + (own[c]! - value) * inside);
      }
      image.set(colour, (y * SIZE + x) * 4);
    }
  }
  return image;
}

/** What main.ts plans, by the float64 reference. */
function emboss(image: Float64Array): Float64Array {
  const light = [-2, -1, 0, -1, 2, 1, 0, 1, 2];
  const weight = new Float64Array(9 * 16);
  for (const [tap, value] of light.entries()) {
    for (let c = 0; c < 4; c++) weight[tap * 16 + c * 5] = value / 2;
  }
  const spec = (shape: number[]) => ({ shape, dtype: 'f32' }) as const;
  const y = spec([1, SIZE, SIZE, 4]);
  const inputs = {
    x: { ...y, data: image },
    weight: { ...spec([3, 3, 4, 4]), data: weight },
  };
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
  return conv2d(inputs, attrs, { y }).y as Float64Array;
}

/** The numbers of the boxes that stay, by the reference. */
function keptBoxes(): number[] {
  const { boxes, scores } = sceneAt(TIME);
  const inputs = {
    boxes: { shape: [1, BOXES, 4], dtype: 'f32', data: Float64Array.from(boxes) },
    scores: { shape: [1, BOXES], dtype: 'f32', data: Float64Array.from(scores) },
  } as const;
  const outputs = {
    indices: { shape: [1, BOXES], dtype: 'i32' },
    count: { shape: [1], dtype: 'i32' },
  } as const;
  const { indices, count } = nms(inputs, { iouThreshold: 0.3 }, outputs);
  return [...indices!].slice(0, count![0]);
}

const OUTLINES = [
  [0.75, 0.75, 0.8],
  [1, 0.85, 0.1],
].map((colour) => colour.map((value) => Math.round(255 * value)));
const rgbAt = (x: number, y: number) => [
  ...pixels.subarray((y * 4 * SIZE + x) * 4, (y * 4 * SIZE + x) * 4 + 3),
];
const isOutline = (rgb: readonly number[]) =>
  OUTLINES.some((colour) => colour.every((value, c) => value === rgb[c]));

/** How many canvas pixels of a half, outlines aside, are further than a rounding from what is expected there. */
function compareHalf(left: number, want: Float64Array): { compared: number; wrong: string[] } {
  const wrong: string[] = [];
  let compared = 0;
  for (let y = 0; y < 2 * SIZE; y++) {
    for (let x = 0; x < 2 * SIZE; x++) {
      const got = rgbAt(left + x, y);
      if (isOutline(got)) continue;
      const at = ((y >> 1) * SIZE + (x >> 1)) * 4;
      const expected = [0, 1, 2].map((c) => 255 * Math.min(Math.max(want[at + c]!, 0), 1));
      compared++;
      if (got.some((value, c) => Math.abs(value - expected[c]!) > 1))
        wrong.push(`${x},${y}: ${got} not ${expected}`);
    }
  }
  return { compared, wrong };
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('examples/embed in Chromium', () => {
  it('goes on drawing, and nothing complains', async () => {
    await page.waitForFunction(
      (drawn) => Number(document.documentElement.dataset.frames) > drawn + 5,
      frames,
    );
    expect(complaints).toEqual([]);
  });

  it('shows the image, and what conv2d makes of it on the CPU', () => {
    const image = paint();
    const plain = compareHalf(0, image);
    expect(plain.wrong.slice(0, 5)).toEqual([]);
    const embossed = compareHalf(2 * SIZE, emboss(image));
    expect(embossed.wrong.slice(0, 5)).toEqual([]);
    // Outlines cover a small part.
    expect(Math.min(plain.compared, embossed.compared)).toBeGreaterThan(0.85 * 4 * SIZE * SIZE);
    // The two differ at the discs' edges and nowhere else.
    const lit = emboss(image);
    const changed = image.filter((value, i) => Math.abs(value - lit[i]!) > 0.05).length / image.length;
    expect(changed).toBeGreaterThan(0.01);
    expect(changed).toBeLessThan(0.1);
  });

  it('outlines the boxes that nms keeps on the CPU, and no other', () => {
    const { boxes } = sceneAt(TIME);
    const kept = keptBoxes();
    expect(kept).toEqual(Array.from({ length: DISCS }, (_, d) => d * PROPOSALS));
    const near = (x: number, y: number) =>
      [-1, 0, 1].some((dx) =>
        [-1, 0, 1].some((dy) =>
          rgbAt(2 * SIZE + x + dx, y + dy).every((value, c) => value === OUTLINES[1]![c]),
        ),
      );
    const cornersOf = (box: number) => {
      const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => Math.round(2 * boxes[box * 4 + k]!)) as [
        number,
        number,
        number,
        number,
      ];
      return [
        [x1, y1],
        [x2, y1],
        [x2, y2],
        [x1, y2],
      ] as const;
    };
    for (const box of kept) {
      expect(
        cornersOf(box).map(([x, y]) => near(x, y)),
        `box ${box}`,
      ).toEqual([true, true, true, true]);
    }
    const removed = Array.from({ length: BOXES }, (_, box) => box).filter((box) => !kept.includes(box));
    const drawn = removed.filter((box) => cornersOf(box).every(([x, y]) => near(x, y)));
    expect(drawn).toEqual([]);
  });
});
