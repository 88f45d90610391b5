// Score maps: what a person paints on an image to say what matters, and two ways to learn from it. The pixels of a photograph of coins are
// classified by the hypercolumns of a small network with random weights. It cannot be right everywhere, so it matters where it is.
// Run: node examples/score-map.mjs
import { readFile } from 'node:fs/promises';
import { labelMap, openGpu } from 'fovea';
import { imageFromBytes } from 'fovea/data';
import { ResNet } from 'fovea/models';
import { fitPixelClassifier, hypercolumns } from 'fovea/similarity';
import sharp from 'sharp';

const folder = new URL('coins/', import.meta.url);
const photograph = sharp(await readFile(new URL('coins.png', folder)));
const { data, info } = await photograph.raw().toBuffer({ resolveWithObject: true });
const { width, height } = info;
/** @type {{ shapes: { points: [number, number][] }[] }} */
const { shapes } = JSON.parse(await readFile(new URL('coins.json', folder), 'utf8'));
const coins = shapes.map(({ points }) => {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  /** @type {[number, number, number, number]} */
  const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  return { label: 'coin', points, box, groupId: null };
});
const labels = labelMap({ width, height, shapes: coins }, ['coin']); // 1 on a coin

const gpu = await openGpu();
const network = new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 4, stem: 'small', seed: 1 });
const image = imageFromBytes(data, { width, height });
const columns = await hypercolumns(gpu, network, image, { layers: ['layer1', 'layer2'], color: true });

// The map: the lower half matters ten times as much as the upper one. What it is worth to call a pixel a coin: right 1, wrong -3.
const isLow = Array.from(labels, (_, p) => Math.floor(p / width) >= height / 2);
const weights = isLow.map((low) => (low ? 1 : 0.1));
const scores = weights.map((weight, p) => (labels[p] === 1 ? weight : -3 * weight));

/** @param {string} name @param {Omit<import('fovea/similarity').PixelSample, 'columns'>} known */
async function report(name, known) {
  const classifier = await fitPixelClassifier(gpu, [{ columns, ...known }], { numClasses: 2, pixels: 10000 });
  const found = await classifier.predict(gpu, columns);
  /** @param {boolean} low */
  const errors = (low) => {
    const pixels = isLow.flatMap((is, p) => (is === low ? [p] : []));
    const wrong = pixels.filter((p) => found.labels[p] !== labels[p]).length;
    return `${((100 * wrong) / pixels.length).toFixed(1)} %`;
  };
  const earned = scores.reduce((sum, score, p) => sum + (found.labels[p] === 1 ? score : 0), 0);
  console.log(
    `${name.padEnd(26)} wrong below ${errors(true)}, above ${errors(false)}; earned ${Math.round(earned)}`,
  );
  return earned;
}

const plain = await report('labels', { labels });
await report('labels with weights', { labels, weights });
const best = await report('scores, to be maximised', { scores });
console.log(`of what it is worth, ${(best / plain).toFixed(2)} times as much by the scores`);
gpu.dispose();
