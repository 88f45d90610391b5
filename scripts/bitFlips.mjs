// npm run bit-flips [-- COUNT [SEED]]: saves a checkpoint, flips one random bit of the file at a time, COUNT times (10,000), and
// loads it. Each must be refused with a DataError that names the file.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildModel, DataError, defaultSettings } from 'fovea';
import { loadCheckpoint, saveCheckpoint } from 'fovea/io';

const [count, seed] = [Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 1)];
const folder = mkdtempSync(path.join(tmpdir(), 'fovea-bits-'));
try {
  const file = path.join(folder, 'model.checkpoint.safetensors');
  const image = {
    width: 64,
    height: 64,
    channels: /** @type {const} */ (3),
    data: new Float32Array(64 * 64 * 3),
  };
  const shapes = [{ label: 'coin', box: /** @type {const} */ ([8, 8, 40, 40]), groupId: null }];
  const annotation = { imagePath: 'a.png', width: 64, height: 64, shapes };
  const settings = defaultSettings('unet', [{ name: 'a', image, annotation }], { width: 4, steps: 100 });
  const model = buildModel(settings.model, settings.config, 0);
  const weights = await model.stateDict(async (state) => Float32Array.from(state.initial));
  const progress = { settings, step: 50, crops: 1, fit: { step: 50 } };
  await saveCheckpoint(file, { weights, optimizer: weights, progress });
  await loadCheckpoint(file);

  const good = readFileSync(file);
  let state = seed >>> 0;
  let refused = 0;
  for (let i = 0; i < count; i++) {
    // A linear congruential generator; the upper bits are the random ones.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const bit = Math.floor((state / 2 ** 32) * good.length * 8);
    const bytes = Uint8Array.from(good);
    bytes[bit >> 3] = /** @type {number} */ (bytes[bit >> 3]) ^ (1 << (bit & 7));
    writeFileSync(file, bytes);
    try {
      await loadCheckpoint(file);
      console.log(`bit ${bit} was not noticed`);
    } catch (error) {
      if (!(error instanceof DataError) || !error.message.startsWith(`${file}: `)) throw error;
      refused++;
    }
  }
  console.log(`${refused} of ${count} flipped bits refused, in a checkpoint of ${good.length} bytes`);
  if (refused < count) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
