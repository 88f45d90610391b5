import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOXES, DISCS, LEVELS, PROPOSALS, SIZE, sceneAt } from '../../examples/embed/scene.ts';
import { ensureBuilt } from '../../scripts/built.mjs';
import { imageFromBytes } from '../../src/data/image.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { nms } from '../../src/reference/nms.ts';
import { pyrDown } from '../../src/reference/resample.ts';
import { type Preferences, recommend } from '../../src/similarity/recommend.ts';
import { loadDetector } from '../../src/tasks/infer.ts';
import { launchBrowser, openPage, type Served, serveScript } from './browser.ts';
import { saveRandomDetector } from './randomDetector.ts';

const root = path.join(import.meta.dirname, '../..');

const TIME = 2;

let browser: Browser;
let server: Served;
let page: Page;
beforeAll(async () => {
  await ensureBuilt(['library']);
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

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

/** The levels that main.ts plans, by the float64 reference, as shaders.wgsl shows them: a third of the image from each. */
function pyramid(image: Float64Array): Float64Array {
  const spec = (size: number) => ({ shape: [1, size, size, 4], dtype: 'f32' }) as const;
  const levels: { size: number; data: Float64Array }[] = [];
  let x = { ...spec(SIZE), data: image };
  for (const size of LEVELS) {
    const { y } = pyrDown({ x }, {}, { y: spec(size) });
    x = { ...spec(size), data: y as Float64Array };
    levels.push({ size, data: x.data });
  }
  const shown = new Float64Array(image.length);
  for (let i = 0; i < SIZE * SIZE; i++) {
    const [row, column] = [Math.floor(i / SIZE), i % SIZE];
    const { size, data } = levels[Math.floor((3 * column) / SIZE)]!;
    const at = Math.floor((row * size) / SIZE) * size + Math.floor((column * size) / SIZE);
    shown.set(data.subarray(at * 4, at * 4 + 4), i * 4);
  }
  return shown;
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

const onLinux = describe.runIf(process.platform === 'linux' && process.arch === 'x64');

onLinux('examples/embed in Chromium', () => {
  beforeAll(async () => {
    server = await serveScript('examples/serve.mjs', 'embed');
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
    await page?.close();
    server?.stop();
  });

  it('goes on drawing, and nothing complains', async () => {
    await page.waitForFunction(
      (drawn) => Number(document.documentElement.dataset.frames) > drawn + 5,
      frames,
    );
    expect(complaints).toEqual([]);
  });

  it('shows the image, and its pyramid as the CPU computes it', () => {
    const image = paint();
    const plain = compareHalf(0, image);
    expect(plain.wrong.slice(0, 5)).toEqual([]);
    const levels = pyramid(image);
    const reduced = compareHalf(2 * SIZE, levels);
    expect(reduced.wrong.slice(0, 5)).toEqual([]);
    // Outlines cover a small part.
    expect(Math.min(plain.compared, reduced.compared)).toBeGreaterThan(0.85 * 4 * SIZE * SIZE);
    // The two differ at the discs' edges and nowhere else.
    const changed = image.filter((value, i) => Math.abs(value - levels[i]!) > 0.05).length / image.length;
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

onLinux('examples/detect in Chromium', () => {
  let weights: string;
  beforeAll(async () => {
    weights = path.join(mkdtempSync(path.join(tmpdir(), 'fovea-detect-')), 'random.safetensors');
    await saveRandomDetector(weights, 96);
    server = await serveScript('examples/serve.mjs', 'detect', weights);
    page = await openPage(browser);
    await page.goto(server.url);
    await page.waitForFunction(() => document.querySelector('#status')?.textContent?.includes('found on'));
  });
  afterAll(async () => {
    await page?.close();
    server?.stop();
    rmSync(path.dirname(weights), { recursive: true });
  });

  it('finds what the same weights find in Node, and draws it', async () => {
    const { data, info } = await sharp(path.join(root, 'examples/coins/coins.png'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const gpu = await openGpu();
    const detector = loadDetector(gpu, readFileSync(weights));
    const found = await detector.detect(imageFromBytes(data, info), { scoreThreshold: 0.5 });
    gpu.dispose();
    const listed = await page.locator('li').allTextContents();
    const [labels, numbers] = [
      listed.map((line) => line.split(' ')[0]),
      listed.map((line) => line.match(/[\d.]+/g)!.map(Number)),
    ];
    expect(listed.length).toBeGreaterThan(5);
    expect(labels).toEqual(found.map(({ label }) => label));
    for (const [i, { score, box }] of found.entries()) {
      expect(numbers[i]![0]).toBeCloseTo(score, 2);
      for (const [side, value] of box.entries())
        expect(Math.abs(numbers[i]![side + 1]! - value)).toBeLessThan(0.5);
    }
    const yellow = await page.evaluate(() => {
      const canvas = document.querySelector('canvas')!;
      const { data: bytes } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      let pixels = 0;
      for (let i = 0; i < bytes.length; i += 4) if (bytes[i]! > 240 && bytes[i + 2]! < 80) pixels++;
      return pixels;
    });
    expect(yellow).toBeGreaterThan(100);
  });

  it('says what is wrong with a file that holds no detector', async () => {
    await page.setInputFiles('#weights', {
      name: 'notes.safetensors',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('nothing'),
    });
    await page.waitForFunction(() => !document.querySelector('#status')?.textContent?.includes('found on'));
    expect(await page.textContent('#status')).toContain('safetensors');
  });
});

onLinux('examples/recommend in Chromium', () => {
  const { embeddings, labels } = JSON.parse(
    readFileSync(path.join(root, 'examples/recommend/items.json'), 'utf8'),
  ) as { embeddings: number[][]; labels: string[] };
  const items = { data: Float32Array.from(embeddings.flat()), shape: [60, embeddings[0]!.length] };
  const rankedFor = (preferences: Preferences, lambda: number) =>
    recommend(items, preferences, { k: 12, lambda }).map(({ index }) => index);
  const shown = () =>
    page
      .locator('#recommended > li')
      .evaluateAll((list) => list.map((item) => Number((item as HTMLElement).dataset.index)));
  const faults: string[] = [];

  beforeAll(async () => {
    server = await serveScript('examples/serve.mjs', 'recommend');
    page = await openPage(browser);
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => faults.push(message.text()));
    page.on('requestfailed', (request) => faults.push(request.url()));
    await page.goto(server.url);
    await page.waitForSelector('#recommended > li');
  });
  afterAll(async () => {
    await page?.close();
    server?.stop();
  });

  it('ranks by what is clicked, and by how different it should be', async () => {
    expect(await shown()).toEqual(rankedFor({}, 0.7));
    const frogs = labels.flatMap((label, i) => (label === 'frog' ? [i] : []));
    const all = (i: number, button: string) => page.locator(`#all > li:nth-child(${i + 1}) .${button}`);
    await all(frogs[0]!, 'image').click();
    await all(frogs[1]!, 'image').click();
    await all(0, 'not').click();
    const preferences = { likes: frogs.slice(0, 2), dislikes: [0] };
    expect(await shown()).toEqual(rankedFor(preferences, 0.7));
    expect(await page.textContent('#status')).toContain('2 liked, 1 not');
    expect(await all(frogs[0]!, 'image').getAttribute('aria-pressed')).toBe('true');
    await page.locator('#diversity').fill('0');
    expect(await shown()).toEqual(rankedFor(preferences, 1));
    // Another click takes it back.
    await all(0, 'not').click();
    expect(await shown()).toEqual(rankedFor({ likes: frogs.slice(0, 2) }, 1));
    await page.locator('#reset').click();
    expect(await shown()).toEqual(rankedFor({}, 1));
    expect(faults).toEqual([]);
  });

  it('is used with the keyboard alone, and the focus stays where it was', async () => {
    await page.locator('#reset').focus();
    await page.keyboard.press('Tab');
    const [first] = await shown();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      `Like ${labels[first!]}, image ${first! + 1}`,
    );
    await page.keyboard.press('Space');
    const ranked = rankedFor({ likes: [first!] }, 1);
    expect(await shown()).toEqual(ranked);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      `Like ${labels[ranked[0]!]}, image ${ranked[0]! + 1}`,
    );
    await page.locator('#reset').click();
  });

  it.each([390, 1200])('fits a width of %i', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    const [wide, smallest] = await page.evaluate(() => [
      document.documentElement.scrollWidth - document.documentElement.clientWidth,
      Math.min(
        ...[...document.querySelectorAll('button')].map((button) =>
          Math.min(button.getBoundingClientRect().width, button.getBoundingClientRect().height),
        ),
      ),
    ]);
    expect(wide).toBe(0);
    // WCAG 2.2, target size.
    expect(smallest).toBeGreaterThanOrEqual(24);
  });
});
