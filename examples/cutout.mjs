// Cut-outs in two stages: a U-Net learns soft mattes from composites, and refines the boxes that a detector proposes.
// Run: node examples/cutout.mjs [unet.safetensors]: with a name, the U-Net is kept.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openGpu } from 'fovea';
import { saveWeights } from 'fovea/io';
import { Learner, mattingTask } from 'fovea/learn';
import { UNet } from 'fovea/models';
import { AdamW, manualSeed } from 'fovea/nn';
import { composite, cutOut, openMatting } from 'fovea/similarity';
import { Random } from 'fovea/vision';

const SIDE = 48;

/** A composite with a known matte: a soft disc with strands like hair, over waves. @param {number} n @param {number} side */
function compositeOf(n, side) {
  const random = new Random('mattes').fork(n);
  const [cx, cy] = [random.range(0.4, 0.6) * side, random.range(0.4, 0.6) * side];
  const [radius, soft, wave] = [random.range(0.18, 0.3) * side, random.range(1, 5), random.range(0.1, 0.6)];
  const strands = Array.from({ length: 12 }, () => [random.range(0, 6.28), random.range(1.2, 1.5) * radius]);
  const tint = [0.85, 0.55, 0.35].map((value) => value + random.range(-0.1, 0.1));
  const ground = [0.2, 0.35, 0.5].map((value) => value + random.range(-0.1, 0.1));
  const [image, matte] = [new Float32Array(side * side * 3), new Float32Array(side * side)];
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const [far, turn] = [Math.hypot(x - cx, y - cy), Math.atan2(y - cy, x - cx)];
      let alpha = Math.min(Math.max((radius - far) / soft + 0.5, 0), 1);
      for (const [angle, end] of strands) {
        const aside = far * Math.abs(Math.sin(turn - angle));
        if (Math.cos(turn - angle) > 0 && far < end) alpha = Math.max(alpha, 1 - aside / 1.5);
      }
      matte[i] = alpha;
      const light = 0.1 * Math.sin(wave * x) * Math.cos(wave * y);
      for (let c = 0; c < 3; c++) {
        image[3 * i + c] = alpha * tint[c] + (1 - alpha) * (ground[c] + light) + random.range(-0.03, 0.03);
      }
    }
  }
  const size = { width: side, height: side };
  return {
    name: `composite ${n}`,
    image: {
      ...size,
      channels: /** @type {const} */ (3),
      data: image.map((value) => Math.min(Math.max(value, 0), 1)),
    },
    matte: { ...size, data: matte },
  };
}

const gpu = await openGpu();
manualSeed(1);
const net = new UNet({ numClasses: 2, width: 8, depth: 2 });
const learner = new Learner(gpu, {
  model: net,
  task: mattingTask({ size: [SIDE, SIDE] }),
  train: { length: 64, get: (n) => compositeOf(n, SIDE) },
  valid: { length: 16, get: (n) => compositeOf(1000 + n, SIDE) },
  batchSize: 2,
  callbacks: [
    {
      onEpochEnd: (_, { val_mae }) => console.log(`off by ${val_mae.toFixed(4)}`),
    },
  ],
  optimizer: (groups) => new AdamW(groups, { weightDecay: 0.01 }),
});
const { best } = await learner.fitOneCycle(3, { lrMax: 0.03 });
learner.dispose();

// As a file it is a model of fovea cutout --model and fovea segment.
const [kept] = process.argv.slice(2);
const folder = await mkdtemp(path.join(tmpdir(), 'cutout-'));
const file = kept ?? path.join(folder, 'unet.safetensors');
await saveWeights(file, await net.stateDict((state) => gpu.download(state)), {
  architecture: 'unet',
  config: net.config,
  classNames: ['foreground'],
  preprocessing: { maxSide: SIDE },
});
const network = await openMatting(gpu, await readFile(file), { name: 'unet.safetensors' });
await rm(folder, { recursive: true });

// A detector proposes boxes, such as this one; the U-Net refines each by itself.
const { image } = compositeOf(2000, SIDE);
const boxes = [/** @type {const} */ ([6, 6, 42, 42])];
const cut = await cutOut(gpu, image, network, { boxes });
const onWhite = composite(cut, [255, 255, 255, 255]);
console.log(`cut out: ${onWhite.width}x${onWhite.height} pixels`);
if (best) console.log(`off by ${best.value.toFixed(3)} on composites that it has not seen`);
network.dispose();
gpu.dispose();
