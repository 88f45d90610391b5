import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../src/tasks/modelFile.ts';
import { axeFaults, Studio } from './studioPage.ts';
import { Visit } from './trainPage.ts';

const studio = Studio.ofTests();

/** Small and short: what is tested is what happens to a training, not what it comes to. */
const SHORT = { Steps: 24, 'Side of the crops, in pixels': 64, 'Crops per step': 2 };

/** Trains as it is set, undisturbed. */
async function trained(visit: Visit): Promise<Uint8Array> {
  await visit.train();
  await visit.finished();
  return visit.newestModel();
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('training in the studio', () => {
  let undisturbed: Uint8Array;

  it('makes a model of what is labelled, which is kept and shown', async () => {
    const visit = await Visit.begin(studio);
    const { page } = visit;
    await visit.enter('Train');
    await page.getByText('Label some pictures first').waitFor();
    await visit.enter('Pictures');
    await visit.addCoins();
    await visit.enter('Train');
    await page.getByText('Learns from 1 picture, and is judged by the same').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await visit.choose(SHORT);
    await page.getByText('24 steps of 2 crops of 64 x 64 pixels').waitFor();
    await page.getByRole('button', { name: 'Show crops' }).click();
    await page.waitForFunction(
      () => (document.querySelector<HTMLImageElement>('.training-form .shown')?.naturalWidth ?? 0) > 200,
    );
    await visit.train();
    await visit.reached(2);
    expect(await axeFaults(page)).toEqual([]);
    // The training goes on in other rooms, and the header says so.
    await visit.enter('Label');
    await page.getByRole('link', { name: /^Training My project: \d+ %$/ }).click();
    // What it finds is shown after each epoch.
    await page.waitForFunction(
      () => (document.querySelector<HTMLImageElement>('.running .shown')?.naturalWidth ?? 0) > 200,
    );
    await visit.finished();
    await page.getByText('My project is trained').waitFor();
    await page.getByText('finished, 24 of 24 steps').click();
    await expect.poll(() => page.locator('.training table tbody tr').count()).toBeGreaterThan(0);
    expect(await axeFaults(page)).toEqual([]);
    undisturbed = await visit.newestModel();
    const model = decodeModel(undisturbed, 'model.safetensors');
    expect([model.name, model.classNames, model.training?.step]).toEqual(['retinanet', ['coin'], 24]);
    expect(model.training?.images).toEqual({ train: 1, valid: 1 });
    await page.reload();
    await page.getByText('finished, 24 of 24 steps').waitFor();
    await visit.end();
  });

  it('goes on after a pause, a reload and a crash of the tab as if nothing had been', async () => {
    const visit = await Visit.begin(studio);
    const { page } = visit;
    await visit.addCoins();
    await visit.enter('Train');
    await visit.choose(SHORT);
    await visit.train();
    await visit.reached(3);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/paused, \d+ of 24 steps/).waitFor();
    await page.getByRole('button', { name: 'Go on with My project' }).click();
    await visit.reached(12);
    await page.reload();
    await page.getByText(/interrupted, \d+ of 24 steps/).waitFor();
    await page.getByRole('button', { name: 'Go on with My project' }).click();
    await visit.reached(16);
    const session = await visit.context.newCDPSession(page);
    const crashed = page.waitForEvent('crash');
    session.send('Page.crash').catch(() => {});
    await crashed;
    const later = await visit.secondTab('train');
    await later.page.getByText(/interrupted, \d+ of 24 steps/).waitFor();
    await later.page.getByRole('button', { name: 'Go on with My project' }).click();
    await later.finished();
    expect(await later.newestModel()).toEqual(undisturbed);
    await visit.end();
  });

  it('goes on with a new device where one is lost', async () => {
    const visit = await Visit.begin(studio);
    const { page } = visit;
    await visit.addCoins();
    await visit.enter('Train');
    await visit.choose(SHORT);
    await page.getByText('24 steps of 2 crops').waitFor();
    await visit.trainer().evaluate(() => {
      const { requestDevice } = GPUAdapter.prototype;
      let isFirst = true;
      GPUAdapter.prototype.requestDevice = async function (...given) {
        // As where the browser's GPU process began anew since the adapter was asked for.
        if (isFirst) {
          isFirst = false;
          throw new DOMException('A valid external Instance reference no longer exists.', 'OperationError');
        }
        const device = await requestDevice.apply(this, given);
        Object.assign(globalThis, { newest: device });
        return device;
      };
    });
    await visit.train();
    // Once before the first checkpoint, once after it.
    for (const step of [4, 13]) {
      await visit.reached(step);
      await visit.trainer().evaluate(() => (globalThis as unknown as { newest: GPUDevice }).newest.destroy());
      await page.getByText(/lost.*It goes on from step \d+ with a new one/).waitFor();
      await page.getByRole('button', { name: 'Close', exact: true }).last().click();
    }
    await visit.finished();
    expect(await visit.newestModel()).toEqual(undisturbed);
    await visit.end();
  });

  it('keeps the best so far, discards what is not wanted, and starts from a model or a file', async () => {
    const visit = await Visit.begin(studio);
    const { page } = visit;
    await visit.addCoins();
    await visit.enter('Train');
    await visit.choose({ ...SHORT, Steps: 2000 });
    await visit.train();
    await visit.reached(2);
    await page.getByRole('button', { name: 'Stop, and keep the best so far' }).click();
    await page.getByText('My project is trained').waitFor();
    await visit.finished();
    const kept = await visit.newestModel();
    expect(decodeModel(kept, 'kept.safetensors').name).toBe('retinanet');

    await page.getByText('From a trained model').click();
    const [start] = await page
      .getByLabel('Start from')
      .locator('option')
      .allTextContents()
      .then((all) => all.slice(1));
    expect(start).toBe('My project (My project.safetensors)');
    const file = { name: 'brought.safetensors', mimeType: '', buffer: Buffer.from(kept) };
    await page.locator('label', { hasText: 'Add a file' }).locator('input').setInputFiles(file);
    await page.waitForFunction(() =>
      document
        .querySelector<HTMLSelectElement>('.training-form .bar select')
        ?.selectedOptions[0]?.text.startsWith('brought'),
    );
    await visit.choose({ ...SHORT, Steps: 3 });
    await visit.named('from brought');
    await page.getByText('3 steps of 2 crops of 64 x 64 pixels').waitFor();
    const model = decodeModel(await trained(visit), 'from.safetensors');
    expect(model.training?.settings.weights).toBe('brought.safetensors');

    const bad = { name: 'bad.safetensors', mimeType: '', buffer: Buffer.from('not weights') };
    await page.locator('label', { hasText: 'Add a file' }).locator('input').setInputFiles(bad);
    await page.getByText(/bad\.safetensors: /).waitFor();

    page.on('dialog', (dialog) => dialog.accept());
    await visit.named('unwanted');
    await visit.choose({ Steps: 500 });
    await page.getByText('500 steps of 2 crops').waitFor();
    await visit.train();
    await visit.reached(1);
    await page.getByRole('button', { name: 'Discard' }).click();
    await visit.finished();
    await expect.poll(() => page.getByText('unwanted').count()).toBe(0);
    await visit.end();
  });

  it('says why nothing is trained without WebGPU, and labels all the same', async () => {
    const visit = await Visit.begin(studio);
    const { page, context } = visit;
    await context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
    await page.reload();
    await visit.addCoins();
    await visit.enter('Train');
    await page.getByRole('heading', { name: 'Nothing can be computed here' }).waitFor();
    await page.getByText('Learns from 1 picture').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Train', exact: true }).isDisabled()).toBe(true);
    await visit.enter('Label');
    await page.getByRole('button', { name: 'coin 24 objects' }).waitFor();
    await visit.end();
  });

  it('says what is missing instead of training', async () => {
    const visit = await Visit.begin(studio);
    const { page } = visit;
    await visit.addCoins();
    await visit.enter('Train');
    await page.getByLabel('What it learns').selectOption('classify');
    await page.getByText('all pictures are of the class coin').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Train', exact: true }).isDisabled()).toBe(true);
    await page.getByLabel('What it learns').selectOption('segment');
    await page.getByText('Learns from 1 picture').waitFor();
    await visit.choose({ 'Side of the crops, in pixels': 33 });
    await page.getByText('choose a multiple of 8, such as 32').waitFor();
    await visit.end();
  });
});
