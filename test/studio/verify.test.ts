import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { axeFaults, chooser, enterRoom, Studio } from './studioPage.ts';

/** Milliseconds after which what is waited for does not come any more. */
const LIMIT = 5 * 60_000;
const root = path.join(import.meta.dirname, '../..');

/** What the room runs here; `npm run test:runtimes -- --verify` runs all cases. Node runs all in verify.test.ts. */
const ONE_PER_FAMILY = [
  ...['matmul', 'conv2d', 'max_pool2d', 'batch_norm', 'add', 'softmax', 'sort', 'nms', 'roi_align'],
  ...['sigmoid_focal_loss', 'gaussian_blur', 'gather_rows', 'adamw_step'],
];

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;
beforeEach(async () => {
  context = await studio.visitor();
  return () => studio.leave(context);
});

async function open(address = '#/verify'): Promise<void> {
  page = await studio.open(context, address);
  page.setDefaultTimeout(LIMIT);
  await run().waitFor();
}
const run = () => page.getByRole('button', { name: /^Check .*cases? ?|^Check the case/ });
const ended = () => page.locator('.verify:not([data-state=running]) .summary:not([hidden])').waitFor();
const fault = () => page.locator('.verify .note.error').textContent();
const summary = () => page.textContent('.verify .summary');
const chooseFiles = (files: Parameters<Page['setInputFiles']>[1]) =>
  chooser(page, 'Cases from files').setInputFiles(files);
const shownRows = () =>
  page.$$eval('.verify .results tbody tr', (elements) =>
    (elements as HTMLTableRowElement[]).map(({ cells }) => Array.from(cells, (cell) => cell.textContent)),
  );
const select = (name: string) => page.getByRole('combobox', { name, exact: true });
async function report() {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download the report' }).click();
  return JSON.parse(readFileSync(await (await waiting).path(), 'utf8'));
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the room of checks', () => {
  it('says which adapter it has, what it offers, and loudly that it is a software one', async () => {
    await open();
    await page.getByText(/^Adapter: SwiftShader/).waitFor();
    await expect.poll(() => page.getByText('This is a software adapter').isVisible()).toBe(true);
    await page.getByText('Limits and features of the adapter').click();
    const limit = await page.locator('tr', { hasText: 'maxStorageBufferBindingSize' }).textContent();
    const info = await page.evaluate(async () => {
      const adapter = await navigator.gpu.requestAdapter();
      const { vendor, architecture, description } = adapter!.info;
      const { maxStorageBufferBindingSize } = adapter!.limits;
      return {
        ...{ vendor, architecture, description, maxStorageBufferBindingSize },
        features: [...adapter!.features],
      };
    });
    console.log(studio.browser.version(), JSON.stringify(info));
    expect(info).toMatchObject({ vendor: 'google', architecture: 'swiftshader' });
    expect(limit).toContain(info.maxStorageBufferBindingSize.toLocaleString('en'));
    await page.getByText(/^Features: .*subgroups/).waitFor();
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
    await chooseFiles(files);
    await ended();
    await expect.poll(() => page.locator('.verify .note.error').count()).toBe(0);
    expect(await summary()).toContain(`${files.length} passed, 0 failed, 0 unsupported`);
  });

  it('puts what is wrong before what is right', async () => {
    const one = (value: number) => ({ dtype: 'f32', shape: [1], data: Float32Array.of(value) }) as const;
    const made = (op: string, x: number, y: number) => {
      const bytes = encodeSafetensors({ 'in.x': one(x), 'out.y': one(y) }, { op });
      const name = `${op}-one.safetensors`;
      return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
    };
    await open();
    await chooseFiles([made('abs', -1, 1), made('neg', 1, 3), made('make_coffee', 1, 1)]);
    await ended();
    const rows = await shownRows();
    expect(rows.map(([op]) => op)).toEqual(['neg', 'make_coffee', 'abs']);
    expect(rows[0]![1]).toContain('y[0]: got -1, want 3');
    expect(await summary()).toMatch(/^1 passed, 1 failed, 1 unsupported in f32 on SwiftShader .*, [\d.]+ s$/);
    await select('Show').selectOption('problems');
    await expect.poll(async () => (await shownRows()).length).toBe(2);
    await select('Operation').selectOption('abs');
    await page.getByText('No result matches this choice.').waitFor();
  });

  it('says that f16 is not to be had, where it is not', async () => {
    await open();
    await select('Precision').selectOption('f16');
    await run().click();
    expect(await fault()).toMatch(/f16 needs the feature shader-f16.*SwiftShader/);
  });

  it('verifies the operations that its address names, or the whole table', async () => {
    const asked = process.env.EVERY_CASE ? undefined : ONE_PER_FAMILY;
    const its = cases.filter(({ op }) => asked?.includes(op) ?? true);
    await open(asked && `?op=${asked.join(',')}`);
    await expect.poll(() => run().textContent()).toContain(`${its.length.toLocaleString('en')} cases`);
    // The work is a worker's: the page goes on, other rooms can be looked at, and it does not end.
    const work = async () => {
      await run().click();
      await page.locator('.verify .results tr').nth(3).waitFor();
      await enterRoom(page, 'Pictures');
      await page.getByText('No pictures yet').waitFor();
      await enterRoom(page, 'Verify');
      await ended();
    };
    if (asked) {
      const tasks = await studio.tasksOf(page, work);
      expect(tasks.length).toBeGreaterThan(100);
      expect(tasks.filter((ms) => ms > 50)).toEqual([]);
    } else await work(); // A trace of all cases would be too long.
    await expect.poll(() => page.locator('.verify .note.error').count()).toBe(0);

    const differentiated = its.filter(({ grad = [] }) => grad.length > 0);
    const saved = await report();
    const failures = (saved.rows as { status: string }[]).filter(({ status }) => status === 'failed');
    expect(failures.slice(0, 20)).toEqual([]);
    expect(saved.rows.length).toBe(its.length + differentiated.length);
    const { passed } = saved;
    expect(saved).toMatchObject({ complete: true, failed: 0, dtype: 'f32', adapter: { software: true } });
    expect(saved.features).toContain('subgroups');
    expect(passed).toBe((saved.rows as { status: string }[]).filter(({ status }) => status === 'ok').length);
    expect(await summary()).toContain(
      `${passed} passed, 0 failed, ${saved.rows.length - passed} unsupported`,
    );

    // Some row differs from its reference: a table of zeros would mean that nothing was compared.
    const rows = await shownRows();
    expect(rows.some((cells) => /^[1-9.]+e-[5-9]$/.test(cells[3]!))).toBe(true);
    // Two hundred rows, and more when asked.
    const first = Math.min(200, saved.rows.length);
    expect(rows.length).toBe(first);
    if (saved.rows.length > first) {
      await page.getByRole('button', { name: /^Show \d+ more/ }).click();
      await expect.poll(async () => (await shownRows()).length).toBe(Math.min(400, saved.rows.length));
    }
    await select('Operation').selectOption('conv2d');
    const ofConv = (saved.rows as { op: string }[]).filter(({ op }) => op === 'conv2d').length;
    await expect.poll(async () => (await shownRows()).length).toBe(Math.min(200, ofConv));
  });

  it('says that an operation in its address is not there', async () => {
    await open('#/verify/nms,make_coffee');
    await run().click();
    expect(await fault()).toContain('no operation is called make_coffee');
    await select('Operations').selectOption('sort');
    await page.getByRole('button', { name: /cases of sort$/ }).waitFor();
    expect(page.url()).toMatch(/#\/verify\/sort$/);
  });

  it('computes nothing on the main thread, and stops when asked', async () => {
    await context.addInitScript(() => {
      GPUAdapter.prototype.requestDevice = () => {
        throw new Error('the main thread has opened a device');
      };
    });
    await open();
    await run().click();
    await page.locator('.verify .results tr').nth(1).waitFor();
    // What is shown can be changed while it runs.
    await select('Show').selectOption('problems');
    await expect.poll(() => page.locator('.verify[data-state=running]').count()).toBe(1);
    await page.getByRole('button', { name: 'Stop' }).click();
    await ended();
    expect(await summary()).toContain('stopped before the end');
    expect(await report()).toMatchObject({ complete: false });
  });

  it('says that the GPU was lost, keeps what was found, and goes on with a new device', async () => {
    await open('#/verify/conv2d');
    await run().click();
    await page.locator('.verify .results tr').nth(2).waitFor();
    const session = await studio.browser.newBrowserCDPSession();
    await session.send('Browser.crashGpuProcess').catch(() => {});
    await page.getByText(/^The GPU was lost at conv2d, .*: .+/).waitFor();
    expect(await summary()).toContain('stopped before the end');
    expect((await shownRows()).length).toBeGreaterThan(0);
    await select('Operations').selectOption('nms');
    await run().click();
    await page.locator('.verify[data-state=done]').waitFor();
    expect(await summary()).toContain('0 failed, 0 unsupported');
  });

  it('times operations beside what the adapter can do at most, and stops when asked', async () => {
    await open();
    await page.getByRole('button', { name: 'Time them' }).click();
    const rows = page.locator('.bench tbody tr');
    await rows.nth(1).waitFor();
    await expect
      .poll(() => page.locator('.bench').textContent())
      .toMatch(/At most [\d.]+ GFLOP\/s and [\d.]+ GB\/s here/);
    await expect.poll(() => rows.first().textContent()).toMatch(/^gemm 512[\d.]+ ± [\d.]+ ms[\d.]+ GFLOP\/s/);
    await expect.poll(() => run().isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Stop' }).click();
    expect(await run().isEnabled()).toBe(true);
    await expect.poll(() => page.locator('.bench .note').count()).toBe(0);
  });

  it.each([
    ['browser', () => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined })],
    ['adapter', () => Object.defineProperty(GPU.prototype, 'requestAdapter', { value: async () => null })],
  ])('says why nothing can be computed, and what to do: %s', async (why, without) => {
    await context.addInitScript(without);
    await open();
    const note = page.getByRole('alert');
    await expect
      .poll(() => note.textContent())
      .toContain(why === 'browser' ? 'This browser has no WebGPU' : 'offers no GPU');
    await expect.poll(() => note.getByRole('listitem').count()).toBeGreaterThan(2);
    await expect.poll(() => note.textContent()).toContain('labelling pictures works all the same');
    await expect.poll(() => run().isDisabled()).toBe(true);
    await note.getByRole('button', { name: 'Look again' }).click();
    await note.waitFor();
  });

  it.each([
    ['wide', { width: 1100, height: 800 }, 'light'],
    ['narrow and dark', { width: 390, height: 844 }, 'dark'],
  ] as const)('has nothing serious that axe-core finds: %s', async (_, viewport, colorScheme) => {
    await open('#/verify/abs');
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await run().click();
    await page.locator('.verify[data-state=done]').waitFor();
    await page.getByText('Limits and features of the adapter').click();
    expect(await axeFaults(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
  });
});
