// Fine-tuning: the weights of a trained model go into a new one, and only its last layer learns. What the optimizer is not
// given stays as it is.
// Run: node examples/finetune.mjs
import { backward, crossEntropy, openGpu, tensor } from 'fovea';
import { ResNet } from 'fovea/models';
import { AdamW, generator, manualSeed } from 'fovea/nn';

const gpu = await openGpu();
manualSeed(1);
/** @param {number} numClasses */
const network = (numClasses) =>
  new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 4, stem: 'small', norm: 'frozen', numClasses });

// Stands for a model that was trained on something else. From a file: loadStateDict(await loadWeights(file)).
const trained = await network(10).stateDict((state) => gpu.download(state));

// The same network for two classes: every weight but those of the last layer, which is new.
const model = network(2);
const weights = await model.stateDict((state) => gpu.download(state));
for (const [name, value] of trained) if (!name.startsWith('fc.')) weights.set(name, value);
model.loadStateDict(weights);

const head = model.parameters().slice(-2); // weight and bias of model.fc
const optimizer = new AdamW(head, { lr: 0.05 });
const step = gpu.capture((images, labels) => {
  const loss = crossEntropy(model.forward(images), labels);
  backward(loss);
  optimizer.step();
  return { loss };
});

// Is the image bright on the left (0) or on the right (1)?
const [batch, side] = [8, 16];
const random = generator(2);
const losses = [];
for (let i = 0; i < 40; i++) {
  const labels = Int32Array.from({ length: batch }, () => Math.floor(2 * random()));
  const images = Float32Array.from({ length: batch * side * side * 3 }, (_, k) => {
    const right = Math.floor(k / 3) % side >= side / 2;
    const label = labels[Math.floor(k / (side * side * 3))];
    return 0.3 * random() + (right === (label === 1) ? 0.7 : 0);
  });
  const { loss } = await step(tensor(images, [batch, side, side, 3]), tensor(labels, [batch], 'i32'));
  losses.push(await loss.item());
}
console.log(`loss ${losses[0].toFixed(3)}, after 40 steps ${losses.at(-1)?.toFixed(3)}`);
gpu.dispose();
