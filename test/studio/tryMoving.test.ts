import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { detectorFile } from './modelFiles.ts';
import { chooser, launchWithCamera, Studio } from './studioPage.ts';

const studio = Studio.ofTests(launchWithCamera);

/** The room with a model in it. */
async function openRoom(page: Page): Promise<void> {
  const model = await detectorFile(['thing'], 64);
  await chooser(page, 'Model from a file').setInputFiles([
    { name: 'things.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.from(model) },
  ]);
  await page.getByText('classes thing').waitFor();
}

/** Counts the calls of the worker, and how many wait for their answers at the same time. */
const countCalls = () => {
  const waiting = new Set<unknown>();
  const counts = { most: 0, all: 0 };
  const { addEventListener: add, postMessage: post } = Worker.prototype;
  // Before all others: what they do may be the next call.
  Worker.prototype.addEventListener = function (this: Worker, ...given: unknown[]) {
    if (given[0] === 'message')
      add.call(this, 'message', (event) => waiting.delete((event as MessageEvent).data.id));
    add.apply(this, given as Parameters<typeof add>);
  };
  Worker.prototype.postMessage = function (this: Worker, ...given: unknown[]) {
    const { id, path } = given[0] as { readonly id: string; readonly path?: readonly string[] };
    if (path?.at(-1) === 'predict') {
      waiting.add(id);
      counts.all += 1;
      counts.most = Math.max(counts.most, waiting.size);
    }
    post.apply(this, given as Parameters<typeof post>);
  };
  Object.assign(window, { counts });
};
const counts = (page: Page) =>
  page.evaluate(() => (window as unknown as { counts: { most: number; all: number } }).counts);

it('looks at what the camera sees, one frame at a time, and keeps the last', async () => {
  const context = await studio.visitor({ permissions: ['camera'] });
  await context.addInitScript(countCalls);
  const page = await studio.open(context, '#/try');
  await openRoom(page);
  await page.getByRole('button', { name: 'Camera' }).click();
  await page.getByText(/^[\d.]+ frames a second$/).waitFor();
  await page.locator('.try-view figcaption', { hasText: /^Camera at [\d.]+ s · 1280 × 720/ }).waitFor();
  await expect.poll(async () => (await counts(page)).all).toBeGreaterThan(5);
  expect((await counts(page)).most).toBe(1);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused').waitFor();
  // The frame that was looked at last may still be on its way.
  await page.waitForTimeout(1000);
  const { all } = await counts(page);
  await page.waitForTimeout(1000);
  expect((await counts(page)).all).toBe(all);
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(async () => (await counts(page)).all).toBeGreaterThan(all);
  await page.getByRole('button', { name: 'End' }).click();
  await expect.poll(() => page.locator('.try-results').count()).toBe(1);
  await page.getByRole('button', { name: 'Take as labels' }).click();
  await page.getByText(/for the labels of Camera at [\d.]+ s\.png/).waitFor();
  await studio.leave(context);
});

it('looks at a video, and at the frame where it is paused', async () => {
  const context = await studio.visitor();
  const page = await studio.open(context, '#/try');
  await openRoom(page);
  // Two seconds of a square that moves.
  const recorded = await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 240;
    const context = canvas.getContext('2d')!;
    const parts: Blob[] = [];
    const recorder = new MediaRecorder(canvas.captureStream(10), { mimeType: 'video/webm' });
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.start();
    for (let i = 0; i < 20; i++) {
      context.fillStyle = 'white';
      context.fillRect(0, 0, 320, 240);
      context.fillStyle = 'black';
      context.fillRect(10 * i, 100, 40, 40);
      await new Promise((done) => setTimeout(done, 100));
    }
    const ended = new Promise((done) => {
      recorder.onstop = done;
    });
    recorder.stop();
    await ended;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return Array.from(bytes);
  });
  const video = { name: 'square.webm', mimeType: 'video/webm', buffer: Buffer.from(recorded) };
  await chooser(page, 'Picture or video').setInputFiles([video]);
  await page.locator('.try-view figcaption', { hasText: /^square\.webm at .* 320 × 240/ }).waitFor();
  await page.getByText('Paused').waitFor();
  const caption = () => page.locator('.try-view figcaption').textContent();
  const before = await caption();
  // Seeking shows another frame, which is looked at too.
  await page.locator('.try-player video').evaluate((own: HTMLVideoElement) => {
    own.currentTime = 0.3;
  });
  await expect.poll(caption).not.toBe(before);
  const broken = { name: 'broken.webm', mimeType: 'video/webm', buffer: Buffer.from('no video') };
  await chooser(page, 'Picture or video').setInputFiles([broken]);
  await page.locator('.try [role="alert"]', { hasText: 'broken.webm: not a video' }).waitFor();
  await studio.leave(context);
});
