import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../src/tasks/modelFile.ts';
import { Studio } from './studioPage.ts';
import { Visit } from './trainPage.ts';

const studio = Studio.ofTests();

const SHORT = { Steps: 14, 'Side of the crops, in pixels': 64, 'Crops per step': 2 };

async function withCoins(): Promise<Visit> {
  const visit = await Visit.begin(studio);
  await visit.addCoins();
  await visit.enter('Train');
  await visit.choose(SHORT);
  await visit.page.getByText('14 steps of 2 crops').waitFor();
  return visit;
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('a training in the studio', () => {
  it('ends with a file to save where the storage is full', async () => {
    const visit = await withCoins();
    const { page } = visit;
    await visit.train();
    await visit.reached(1);
    const session = await visit.context.newCDPSession(page);
    const { origin } = new URL(studio.server.url);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
    // The checkpoint of step 10 is not stored, and the training goes on.
    await page.getByText(/saving the checkpoint: the storage of this browser is full/).waitFor();
    await visit.finished();
    await page.getByText('The browser could not store the model').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save the file' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('My project.safetensors');
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const model = decodeModel(new Uint8Array(Buffer.concat(chunks)), 'model.safetensors');
    expect([model.name, model.training?.step]).toEqual(['retinanet', 14]);
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    await visit.end();
  });

  it('is paused, and goes on in the tab that takes the project over', async () => {
    const visit = await withCoins();
    await visit.choose({ Steps: 400 });
    await visit.page.getByText('400 steps of 2 crops').waitFor();
    await visit.train();
    await visit.reached(2);
    const other = await visit.secondTab('train');
    const { page } = other;
    await page.getByText('Another tab edits this project').waitFor();
    const goOn = page.getByRole('button', { name: 'Go on with My project' });
    await expect.poll(() => goOn.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Edit it here' }).click();
    await visit.finished();
    await visit.page.getByText('Another tab edits this project').waitFor();
    await page.getByText(/paused, \d+ of 400 steps/).waitFor();
    await goOn.click();
    await other.reached(4);
    await page.getByRole('button', { name: 'Stop, and keep the best so far' }).click();
    await page.getByText('My project is trained').waitFor();
    await visit.end();
  });

  it('leaves the page free: no task of it takes more than 50 ms', async () => {
    const visit = await withCoins();
    const tasks = await studio.tasksOf(visit.page, async () => {
      await visit.train();
      await visit.finished();
    });
    expect(tasks.length).toBeGreaterThan(20);
    expect(tasks.filter((milliseconds) => milliseconds > 50)).toEqual([]);
    await visit.end();
  });
});
