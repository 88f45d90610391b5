// How long a training waits for images of 2 megapixels that are decoded and augmented for every step, and what memory it takes:
// the U-Net of the demo, 20 epochs. `node scripts/waiting.mjs [workers]`, after npm run build; without a number, 0, 1 and 2 workers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { openGpu } from 'fovea';
import { WorkerPool } from 'fovea/data';
import { DataLoader, LambdaCallback, Learner } from 'fovea/learn';
import { UNet } from 'fovea/models';
import sharp from 'sharp';
import * as maker from './waitingBatches.mjs';

const [WIDTH, HEIGHT, IMAGES, EPOCHS] = [1920, 1080, 32, 20];

/**
 * Images of noise with discs, and their annotations.
 *
 * @param {string} folder
 */
async function writeImages(folder) {
  const items = [];
  for (let i = 0; i < IMAGES; i++) {
    const discs = Array.from({ length: 12 }, (_, k) => [150 * (k + 1), 90 + ((i * 131 + k * 257) % 900), 60]);
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">${discs.map(([x, y, r]) => `<circle cx="${x}" cy="${y}" r="${r}" fill="#c63"/>`).join('')}</svg>`;
    const file = path.join(folder, `${i}.jpg`);
    const noise = /** @type {const} */ ({ type: 'gaussian', mean: 110, sigma: 30 });
    await sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: '#000', noise } })
      .composite([{ input: Buffer.from(svg) }])
      .jpeg({ quality: 90 })
      .toFile(file);
    const shapes = discs.map(([x, y, r]) => ({
      label: 'disc',
      box: /** @type {[number, number, number, number]} */ ([x - r, y - r, x + r, y + r]),
      points: Array.from({ length: 32 }, (_, k) => {
        const angle = (k * Math.PI) / 16;
        return /** @type {[number, number]} */ ([x + r * Math.cos(angle), y + r * Math.sin(angle)]);
      }),
      groupId: null,
    }));
    items.push({ file, annotation: { imagePath: file, width: WIDTH, height: HEIGHT, shapes } });
  }
  return items;
}

/**
 * @param {import('fovea').Gpu} gpu
 * @param {Awaited<ReturnType<typeof writeImages>>} items
 * @param {number} count
 */
async function measure(gpu, items, count) {
  const workers =
    count > 0
      ? new WorkerPool(() => new Worker(new URL('./waitingWorker.mjs', import.meta.url)), { count })
      : undefined;
  const options = { batchSize: 2, shuffle: true };
  const train = new DataLoader(items, workers ? { ...options, workers } : { ...options, ...maker });
  const model = new UNet({ width: 8, numClasses: 2, seed: 0 });
  /** @type {import('fovea/learn').Task<(typeof items)[number], UNet, ReturnType<typeof maker.collate>>} */
  const task = {
    losses: (unet, { images, labels }) => unet.losses(images, labels),
    nameOf: ({ file }) => file,
  };
  /** @type {number[]} */
  const megabytes = [];
  const watch = new LambdaCallback({
    onEpochEnd: () => {
      const { rss } = process.memoryUsage();
      megabytes.push(Math.round(rss / 2 ** 20));
    },
  });
  const learner = new Learner(gpu, { model, task, train, callbacks: [watch] });
  const start = performance.now();
  const { history } = await learner.fit(EPOCHS, { lr: 0.003 });
  const seconds = (performance.now() - start) / 1000;
  learner.dispose();
  workers?.dispose();
  const loss = history.epochs.at(-1)?.loss;
  console.log(
    `${count} workers: ${(100 * learner.waiting).toFixed(1)} % of the steps waiting, ${((1000 * seconds) / EPOCHS / train.length).toFixed(0)} ms per step, loss ${loss}`,
  );
  console.log(`  resident memory after each epoch, MB: ${megabytes.join(' ')}`);
}

const given = process.argv.slice(2).map(Number);
const folder = mkdtempSync(path.join(tmpdir(), 'fovea-waiting-'));
const gpu = await openGpu();
try {
  const items = await writeImages(folder);
  console.log(`${gpu.device.adapter.name}; ${IMAGES} images of ${WIDTH}x${HEIGHT}, batches of 2 crops`);
  for (const count of given.length > 0 ? given : [0, 1, 2]) await measure(gpu, items, count);
} finally {
  gpu.dispose();
  rmSync(folder, { recursive: true, force: true });
}
