import { expect, it } from 'vitest';
import { axeFaults, launchWithCamera, Studio } from './studioPage.ts';

const studio = Studio.ofTests(launchWithCamera);

it('takes pictures of a camera, which is on only meanwhile', async () => {
  const context = await studio.visitor({ permissions: ['camera'] });
  const page = await studio.open(context);
  await page.evaluate(() => {
    const { mediaDevices } = navigator;
    const get = mediaDevices.getUserMedia.bind(mediaDevices);
    const tracks: MediaStreamTrack[] = [];
    Object.assign(window, { tracks });
    mediaDevices.getUserMedia = async (options) => {
      const stream = await get(options);
      tracks.push(...stream.getTracks());
      return stream;
    };
  });
  const states = () =>
    page.evaluate(() =>
      (window as unknown as { tracks: MediaStreamTrack[] }).tracks.map((one) => one.readyState),
    );
  expect(await states()).toEqual([]);
  await page.getByRole('button', { name: 'Camera…' }).click();
  const shoot = page.getByRole('button', { name: 'Take a picture' });
  await shoot.click();
  await page.getByText('1 picture taken').waitFor();
  await shoot.click();
  await page.getByText('2 pictures taken').waitFor();
  expect(await axeFaults(page)).toEqual([]);
  expect(await states()).toEqual(['live']);
  await page.getByRole('button', { name: 'Close' }).click();
  await expect.poll(states).toEqual(['ended']);
  await page.locator('.tile img').nth(1).waitFor();
  const names = await page.locator('.tile .name').allTextContents();
  expect(names.length).toBe(2);
  for (const name of names) expect(name).toMatch(/^camera \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.\d{3}\.jpg$/);
  await studio.leave(context);
});

it.each([
  ['one that is not allowed', 'NotAllowedError', 'The camera is not allowed for this page.'],
  ['none', 'NotFoundError', 'There is no camera at this machine'],
  ['one that another program has', 'NotReadableError', 'another program may use it'],
])('says why there is no picture of a camera: %s', async (_, name, message) => {
  const context = await studio.visitor();
  const page = await studio.open(context);
  await page.evaluate((kind) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('said by the browser', kind));
  }, name);
  await page.getByRole('button', { name: 'Camera…' }).click();
  await page.getByRole('alert').getByText(message).waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'Take a picture' }).isDisabled()).toBe(true);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Camera…' }).click();
  await page.getByRole('alert').waitFor();
  await studio.leave(context);
});
