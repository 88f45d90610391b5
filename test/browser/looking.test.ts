import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countPlot, placesPlot } from '../../cli/src/boxPlots.ts';
import { pageImage } from '../../cli/src/draw.ts';
import type { Gallery } from '../../cli/src/gallery.ts';
import { barPlot, confusionPlot } from '../../cli/src/plots.ts';
import { renderReport } from '../../cli/src/report.ts';
import type { UndrawnText } from '../../src/draw/index.ts';
import { History, plotLoss, plotLrFind, plotRates, showBatch } from '../../src/learn/index.ts';
import { bundleForPage, launchBrowser, openPage } from './browser.ts';

/** What the page's bundle gives to its global `fovea`. */
type PageBundle = Pick<typeof import('../../src/draw/index.ts'), 'drawOnCanvas' | 'drawOverlay'> & {
  readonly showBatch: typeof showBatch;
};
/** What is in names: markup, right to left, emoji, East Asian letters, and too many letters. */
const HOSTILE = [
  '<script>document.title = "run"</script>',
  '\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd',
  '\ud83c\udf4e\ud83c\udf4f apple',
  'a'.repeat(150),
  '\u65e5\u672c\u8a9e\u306e\u30af\u30e9\u30b9'.repeat(8),
  '"><img src=x onerror="document.title = 1">',
];
const MANY = Array.from({ length: 80 }, (_, i) => `class number ${i} of many`);

let browser: Browser;
let page: Page;
let folder: string;
let thrown: string[];
beforeAll(async () => {
  browser = await launchBrowser();
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-looking-'));
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => page?.close());

/** Opens a page as a file, on the screen of a telephone. */
async function show(html: string, colorScheme: 'light' | 'dark' = 'light'): Promise<void> {
  const file = path.join(folder, 'page.html');
  writeFileSync(file, html);
  page = await openPage(browser);
  thrown = [];
  page.on('pageerror', (error) => thrown.push(error.message));
  page.on('console', (message) => message.type() === 'error' && thrown.push(message.text()));
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(pathToFileURL(file).href);
}

/** What draws in a page, as its global `fovea`. */
const DRAWING = `
export { drawOnCanvas, drawOverlay } from './src/draw/index.ts';
export { showBatch } from './src/learn/show.ts';
`;

const pixels = (width: number, height: number) => ({
  width,
  height,
  data: new Uint8ClampedArray(width * height * 4).fill(128),
});
const shot = await pageImage(pixels(480, 320));
const [left, right] = [
  { ...shot, caption: 'labelled', alt: 'left' },
  { ...shot, caption: 'predicted', alt: 'right' },
];

const gallery = (names: readonly string[]): Gallery => ({
  title: 'Mistakes',
  legend: names.map((name) => ({ name, color: '#009E73' })),
  filters: [{ name: 'error', values: ['missed', 'duplicate'] }, { name: 'class' }],
  matrix: { names: ['missed', names[0]!], counts: [0, 2, 1, 0] },
  items: [
    {
      title: names[0]!,
      notes: names,
      images: [left, right],
      tags: [{ values: ['missed', names[0]!], rank: 1 }],
    },
    {
      title: 'second',
      images: [left, right],
      tags: [
        { values: ['missed', names[0]!], rank: 3 },
        { values: ['duplicate', names.at(-1)!], rank: 2 },
      ],
    },
    { title: 'third', images: [left, right], tags: [{ values: ['duplicate', names[0]!], rank: 1 }] },
  ],
});

const history = new History();
for (let i = 0; i < 40; i++) {
  history.steps.push({
    step: i + 1,
    epoch: i >> 2,
    lr: 1e-3 / (i + 1),
    momentum: 0.9,
    losses: { loss: 1 / (i + 1) },
  });
  if (i % 4 === 3) history.epochs.push({ loss: 1 / i, val_loss: 1.2 / i });
}

const report = (names: readonly string[]): string =>
  renderReport({
    title: names[0]!,
    lead: names.join(', '),
    runs: [
      {
        name: names.at(-1)!,
        task: 'detection',
        metrics: { 'AP@.5': 0.5 },
        tables: [{ title: 'Classes', header: ['class', 'count'], rows: names.map((name) => [name, 3]) }],
        plots: [
          plotLoss(history),
          plotRates(history),
          plotLrFind({
            lr: 1e-3,
            lrs: [1e-5, 1e-3, 0.1],
            losses: [2, 1, 5],
            valley: 1e-3,
            steep: 5e-4,
            minimum: 1e-3,
          }),
          barPlot({
            title: 'Objects',
            xLabel: 'objects',
            bars: names.map((label, value) => ({ label, value })),
          }),
          countPlot([0, 3, 3, 150], { title: 'Objects per image', xLabel: 'objects', yLabel: 'images' }),
          placesPlot([[0.5, 0.5]], { title: 'Where objects are' }),
          confusionPlot({
            title: 'Confusion',
            names,
            counts: names.flatMap((_, i) => names.map((__, j) => i + j)),
          }),
        ],
        precisionRecall: names
          .slice(0, 7)
          .map((name) => ({ name, recall: [0.5, 1], precision: [1, 0.5], ap: 0.75 })),
        galleries: [gallery(names)],
      },
    ],
    timings: [],
    notes: names,
    versions: {},
  });

const cards = () =>
  page.$$eval('.cards > li:not([hidden]) h4', (found) => found.map((one) => one.textContent));

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'pages to look at, in Chromium',
  () => {
    it.each([
      ['hostile names, light', HOSTILE, 'light'],
      ['hostile names, dark', HOSTILE, 'dark'],
      ['one class', ['coin'], 'dark'],
      ['80 classes', MANY, 'light'],
    ] as const)('fit a telephone: %s', async (_, names, scheme) => {
      await show(report(names), scheme);
      const found = await page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        inner: innerWidth,
        title: document.title,
        scripts: document.querySelectorAll('script').length,
        images: [...document.images].map(({ alt, complete, naturalWidth }) => [
          alt,
          complete && naturalWidth > 0 ? 1 : 0,
        ]),
        background: getComputedStyle(document.body).backgroundColor,
        // Texts of plots that are not on their panel.
        outside: [...document.querySelectorAll('svg')].flatMap((svg) => {
          const panel = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')]
            .filter((text) => {
              const box = text.getBoundingClientRect();
              return box.left < panel.left - 1 || box.right > panel.right + 1;
            })
            .map((text) => text.textContent);
        }),
      }));
      expect(found.scroll).toBeLessThanOrEqual(found.inner);
      expect(found.outside).toEqual([]);
      // The markup in names is text: the only script is the page's own.
      expect([found.title, found.scripts]).toEqual([names[0], 1]);
      expect(found.images.map(([alt]) => alt)).toEqual(['left', 'right', 'left', 'right', 'left', 'right']);
      expect(found.background).toBe(scheme === 'dark' ? 'rgb(15, 19, 24)' : 'rgb(246, 248, 250)');
      expect(thrown).toEqual([]);
    });

    it('show what is chosen, the highest rank first', async () => {
      await show(report(HOSTILE));
      const first = HOSTILE[0]!;
      expect(await page.textContent('.filters output')).toBe('3 of 3 images');
      const [errors, classes] = [
        page.locator('.filters select').nth(0),
        page.locator('.filters select').nth(1),
      ];
      expect(await errors.locator('option').allTextContents()).toEqual([
        'all',
        'missed (2)',
        'duplicate (2)',
      ]);
      await errors.selectOption({ label: 'missed (2)' });
      expect(await cards()).toEqual(['second', first]);
      expect(await page.textContent('.filters output')).toBe('2 of 3 images');
      // One tag must have both: the second image has this class, and a duplicate, but of another class.
      await errors.selectOption({ label: 'duplicate (2)' });
      await classes.selectOption({ label: `${first} (3)` });
      expect(await cards()).toEqual(['third']);
      await page.click('.filters button');
      expect(await cards()).toEqual([first, 'second', 'third']);
      // A cell of the matrix chooses both.
      await page.click('.matrix button');
      expect(await errors.inputValue()).toBe('0');
      expect(await cards()).toEqual(['second', first]);
      expect(thrown).toEqual([]);
    });

    it('show all without their script', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      page = await context.newPage();
      writeFileSync(path.join(folder, 'page.html'), report(HOSTILE));
      await page.goto(pathToFileURL(path.join(folder, 'page.html')).href);
      expect(await page.locator('.cards > li').count()).toBe(3);
      expect(await page.locator('.filters').isVisible()).toBe(false);
      await context.close();
    });

    it('draw on a canvas what a PNG has in Node, and other scripts with fonts of the page', async () => {
      const script = await bundleForPage({ text: DRAWING }, 'fovea');
      await show(
        '<!doctype html><title>canvas</title><canvas id="batch"></canvas><canvas id="photo" width="64" height="48"></canvas>',
      );
      await page.addScriptTag({ content: script });
      const drawn = await page.evaluate(async () => {
        const { drawOnCanvas, drawOverlay, showBatch } = (globalThis as unknown as { fovea: PageBundle })
          .fovea;
        const batch = {
          images: { data: new Float32Array(64 * 64 * 3).fill(0.5), shape: [1, 64, 64, 3] },
          boxes: { data: Float32Array.of(8, 30, 40, 60), shape: [1, 1, 4] },
          labels: { data: Int32Array.of(0), shape: [1, 1] },
          counts: { data: Int32Array.of(1), shape: [1] },
        };
        const canvas = document.querySelector<HTMLCanvasElement>('#batch')!;
        const read = (of: HTMLCanvasElement) => [
          ...of.getContext('2d')!.getImageData(0, 0, of.width, of.height).data,
        ];
        const texts: UndrawnText[] = [];
        drawOnCanvas(canvas, await showBatch(batch, { classNames: ['coin'], undrawn: texts }), { texts });
        const latin = { width: canvas.width, height: canvas.height, data: read(canvas), texts: texts.length };
        const image = await showBatch(batch, { classNames: ['\u05e9\u05dc'], undrawn: texts });
        drawOnCanvas(canvas, image);
        const without = read(canvas);
        drawOnCanvas(canvas, image, { texts });
        const changed = read(canvas).filter((value, i) => value !== without[i]).length;
        const photo = document.querySelector<HTMLCanvasElement>('#photo')!;
        photo.getContext('2d')!.fillRect(0, 0, 64, 48);
        drawOverlay(photo, { boxes: [{ box: [10, 20, 40, 40], color: '#ff0000' }] });
        const at = photo.getContext('2d')!.getImageData(10, 30, 1, 1).data;
        return { latin, texts: texts.length, changed, at: [...at] };
      });
      const node = await showBatch(
        {
          images: { data: new Float32Array(64 * 64 * 3).fill(0.5), shape: [1, 64, 64, 3] },
          boxes: { data: Float32Array.of(8, 30, 40, 60), shape: [1, 1, 4] },
          labels: { data: Int32Array.of(0), shape: [1, 1] },
          counts: { data: Int32Array.of(1), shape: [1] },
        },
        { classNames: ['coin'] },
      );
      expect([drawn.latin.width, drawn.latin.height, drawn.latin.texts]).toEqual([
        node.width,
        node.height,
        0,
      ]);
      expect(drawn.latin.data).toEqual([...node.data]);
      expect(drawn.texts).toBe(1);
      expect(drawn.changed).toBeGreaterThan(0);
      expect(drawn.at).toEqual([255, 0, 0, 255]);
      expect(thrown).toEqual([]);
    });

    it('draw on a canvas with a transform and styles of its own as on any other, and leave them', async () => {
      const script = await bundleForPage({ text: DRAWING }, 'fovea');
      await show(
        '<!doctype html><title>canvas</title><canvas id="plain" width="64" height="48"></canvas><canvas id="own" width="64" height="48"></canvas>',
      );
      await page.addScriptTag({ content: script });
      const [plain, own] = await page.evaluate(() => {
        const { drawOnCanvas, drawOverlay } = (globalThis as unknown as { fovea: PageBundle }).fovea;
        return ['plain', 'own'].map((id) => {
          const canvas = document.querySelector<HTMLCanvasElement>(`#${id}`)!;
          const context = canvas.getContext('2d')!;
          const setOwn = () => {
            if (id === 'plain') return;
            context.setTransform(2, 0, 0, 2, 5, 7);
            Object.assign(context, { globalAlpha: 0.25, fillStyle: '#123456', textAlign: 'right' });
            context.globalCompositeOperation = 'destination-over';
          };
          const read = () => [...context.getImageData(0, 0, canvas.width, canvas.height).data];
          const transform = () => context.getTransform().toJSON() as { a: number; e: number; f: number };
          const texts = [{ text: '\u05e9\u05dc', x: 8, y: 10, size: 10, width: 24, color: '#ff0000' }];
          setOwn();
          const image = { width: 64, height: 48, data: new Uint8ClampedArray(64 * 48 * 4).fill(200) };
          drawOnCanvas(canvas, image, { texts });
          const [shown, after] = [read(), transform()];
          setOwn();
          drawOverlay(canvas, {
            boxes: [{ box: [6, 14, 40, 40], label: '\u05e9\u05dc\u05d5\u05dd', color: '#ff0000' }],
          });
          const { globalAlpha, fillStyle, textAlign, globalCompositeOperation } = context;
          const styles = { globalAlpha, fillStyle, textAlign, globalCompositeOperation };
          return { shown, after, overlaid: read(), transform: transform(), styles };
        });
      });
      expect(own!.shown).toEqual(plain!.shown);
      expect(own!.overlaid).toEqual(plain!.overlaid);
      expect(plain!.overlaid).not.toEqual(plain!.shown);
      expect(own!.after).toMatchObject({ a: 2, d: 2, e: 5, f: 7 });
      expect(own!.transform).toMatchObject({ a: 2, d: 2, e: 5, f: 7 });
      expect(own!.styles).toEqual({
        globalAlpha: 0.25,
        fillStyle: '#123456',
        textAlign: 'right',
        globalCompositeOperation: 'destination-over',
      });
      expect(thrown).toEqual([]);
    });
  },
);
