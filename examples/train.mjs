// A network and a loss of your own, and a captured training step: one submission per step, nothing read back but the loss.
// Run: node examples/train.mjs
import { add, backward, mean, openGpu, relu, sqrt, square, sub, tensor } from 'fovea';
import { AdamW, Conv2d, generator, Module, manualSeed, oneCycle } from 'fovea/nn';

class Net extends Module {
  constructor() {
    super();
    this.conv1 = new Conv2d(1, 8, 3, { padding: 1 });
    this.conv2 = new Conv2d(8, 1, 3, { padding: 1 });
  }

  /** @param {import('fovea').Tensor} x */
  forward(x) {
    return add(this.conv2.forward(relu(this.conv1.forward(x))), x);
  }
}

/**
 * Charbonnier's loss: nearly |prediction - target|, but smooth at 0. It is made of operations that have gradients, so it
 * needs no gradient of its own.
 *
 * @param {import('fovea').Tensor} prediction @param {import('fovea').Tensor} target
 */
const charbonnier = (prediction, target, epsilon = 1e-3) =>
  mean(sqrt(add(square(sub(prediction, target)), epsilon ** 2)));

const gpu = await openGpu();
manualSeed(1);
const net = new Net();
const optimizer = new AdamW(net.parameters(), { lr: 0.01 });
const steps = 100;
const schedule = oneCycle({ maxLr: 0.01, steps });

const step = gpu.capture((x, y) => {
  const loss = charbonnier(net.forward(x), y);
  backward(loss);
  optimizer.step();
  return { loss };
});

// Learn to blur: the target is the mean of each pixel and its neighbours.
const size = 16;
const random = generator(2);
const noise = () => Float32Array.from({ length: size * size }, () => random());
/** @param {Float32Array} image */
const blur = (image) =>
  image.map((_, i) => {
    let sum = 0;
    for (const dy of [-1, 0, 1]) {
      for (const dx of [-1, 0, 1]) {
        const [v, u] = [Math.floor(i / size) + dy, (i % size) + dx];
        if (v >= 0 && v < size && u >= 0 && u < size) sum += image[v * size + u];
      }
    }
    return sum / 9;
  });

for (let i = 0; i < steps; i++) {
  const image = noise();
  optimizer.lr = schedule(i);
  const { loss } = await step(tensor(image, [1, size, size, 1]), tensor(blur(image), [1, size, size, 1]));
  if (i % 20 === 19) console.log(`step ${i + 1}: loss ${(await loss.data())[0].toFixed(5)}`);
}
gpu.dispose();
