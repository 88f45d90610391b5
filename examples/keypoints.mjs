// A task, a model, a loss, a metric and a callback of your own: finding the two ends of a line in noise.
// Run: node examples/keypoints.mjs
import { openGpu, relu, sigmoid, smoothL1Loss } from 'fovea';
import { Learner } from 'fovea/learn';
import { AdamW, BatchNorm2d, Conv2d, Linear, Module, manualSeed } from 'fovea/nn';
import { Random } from 'fovea/vision';

const SIDE = 32;

class Net extends Module {
  constructor() {
    super();
    this.features = [3, 16, 32].map((from, i) => [
      new Conv2d(from, [16, 32, 32][i], 3, { stride: 2, padding: 1 }),
      new BatchNorm2d([16, 32, 32][i]),
    ]);
    this.points = new Linear((SIDE / 8) ** 2 * 32, 4);
  }

  /** @param {import('fovea').Tensor} x */
  forward(x) {
    for (const [conv, norm] of this.features) x = relu(norm.forward(conv.forward(x)));
    return sigmoid(this.points.forward(x.reshape([x.shape[0], -1])));
  }
}

/** An item: the ends of a line, left one first, as shares of the side. @param {number} n */
function lineOf(n) {
  const random = new Random('lines').fork(n);
  /** @param {number} from @param {number} to */
  const at = (from, to) => random.range(from, to);
  return [at(0.1, 0.45), at(0.1, 0.9), at(0.55, 0.9), at(0.1, 0.9)];
}

/** @type {import('fovea/learn').Task<number[], Net, { images: import('fovea/learn').HostTensor, points: import('fovea/learn').HostTensor }>} */
const task = {
  collate(lines, { random }) {
    const data = Float32Array.from({ length: lines.length * SIDE * SIDE * 3 }, () => 0.3 * random.uniform());
    for (const [n, [x1, y1, x2, y2]] of lines.entries()) {
      for (let t = 0; t <= 1; t += 1 / 64) {
        const [x, y] = [x1 + t * (x2 - x1), y1 + t * (y2 - y1)].map((share) => Math.floor(share * SIDE));
        data.fill(1, ((n * SIDE + y) * SIDE + x) * 3, ((n * SIDE + y) * SIDE + x) * 3 + 3);
      }
    }
    const shape = [lines.length, SIDE, SIDE, 3];
    return {
      images: { data, shape },
      points: { data: Float32Array.from(lines.flat()), shape: [lines.length, 4] },
    };
  },
  losses: (net, { images, points }) => ({ points: smoothL1Loss(net.forward(images), points, { beta: 0.1 }) }),
  predict: (net, { images }) => ({ points: net.forward(images) }),
  metrics: () => {
    let [sum, count] = [0, 0];
    return {
      pixels: {
        mode: 'min',
        add(predicted, batch) {
          batch.points.data.forEach((share, i) => {
            sum += Math.abs(share - predicted.points.data[i]) * SIDE;
          });
          count += batch.points.data.length;
        },
        value: () => sum / count,
      },
    };
  },
};

const gpu = await openGpu();
manualSeed(1);
const learner = new Learner(gpu, {
  model: new Net(),
  task,
  train: { length: 192, get: lineOf },
  valid: { length: 48, get: (n) => lineOf(1000 + n) },
  optimizer: (groups) => new AdamW(groups, { weightDecay: 0.01 }),
  callbacks: [{ onEpochEnd: (_, { val_pixels }) => console.log(`off by ${val_pixels.toFixed(2)} pixels`) }],
});
const { best } = await learner.fitOneCycle(8, { lrMax: 0.01 });
if (best) console.log(`best: ${best.value.toFixed(2)} pixels, in epoch ${best.epoch + 1}`);
learner.dispose();
gpu.dispose();
