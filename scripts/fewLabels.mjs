// What few labelled images are enough for: the IoU on held-out images of a U-Net trained from scratch, and of a linear classifier of pixels on
// the hypercolumns of a network that is not trained further. The table of docs/feature-maps.md is made by this. Data: COCO files with masks in
// DIR/train and DIR/val.
//
//   node scripts/fewLabels.mjs unet [--steps 1200] [--crop 64]
//   node scripts/fewLabels.mjs probe --model FILE [--weights FILE] --layers NAME,NAME… [--input HEIGHTxWIDTH]
//   node scripts/fewLabels.mjs probe --random vit|yolo-fastest|resnet20 --layers … [--input …]
//
// For both: [--data examples/cutouts] [--images 5,10,20] [--seeds 3] [--size 112x160]. Seeds draw the images, and the initial weights.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { defaultSettings, labelMap, openGpu, Segmenter, train } from 'fovea';
import { imageFromBytes, maskToPatch, resizeImage, scaleAnnotation } from 'fovea/data';
import { resnet20, VisionTransformer, yoloFastest } from 'fovea/models';
import { openModel } from 'fovea/open';
import { fitPixelClassifier, HypercolumnExtractor } from 'fovea/similarity';
import { Random, rleDecode, rleFromString } from 'fovea/vision';
import sharp from 'sharp';

/** @typedef {import('fovea/data').Sample} Sample */
/** @typedef {(learned: Sample[], seed: number) => Promise<(sample: Sample) => Promise<ArrayLike<number>>>} Method */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: path.join(import.meta.dirname, '../examples/cutouts') },
    images: { type: 'string', default: '5,10,20' },
    seeds: { type: 'string', default: '3' },
    size: { type: 'string', default: '112x160' },
    steps: { type: 'string', default: '1200' },
    crop: { type: 'string', default: '64' },
    model: { type: 'string' },
    weights: { type: 'string' },
    random: { type: 'string' },
    layers: { type: 'string', default: '' },
    input: { type: 'string' },
  },
});
/** @param {string} text @returns {[height: number, width: number]} */
const sizeOf = (text) => /** @type {[number, number]} */ (text.split('x').map(Number));
const [height, width] = sizeOf(options.size);

/** The images of a part, resized. @param {string} part @returns {Promise<{ classNames: string[], samples: Sample[] }>} */
async function read(part) {
  const folder = path.join(options.data, part);
  const coco = JSON.parse(await readFile(path.join(folder, 'annotations.json'), 'utf8'));
  /** @type {string[]} */
  const classNames = coco.categories.map((/** @type {{ name: string }} */ { name }) => name);
  /** @type {Sample[]} */
  const samples = [];
  for (const { id, file_name: name, width: w, height: h } of coco.images) {
    const { data, info } = await sharp(path.join(folder, 'images', name))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const shapes = [];
    for (const { image_id, category_id, segmentation } of coco.annotations) {
      if (image_id !== id) continue;
      const mask = rleDecode(rleFromString(segmentation.counts, { width: w, height: h }));
      const patch = maskToPatch(mask, { width: w, height: h });
      if (!patch) continue;
      const { x, y } = patch;
      const label = coco.categories.find((/** @type {{ id: number }} */ c) => c.id === category_id).name;
      /** @type {[number, number, number, number]} */
      const box = [x, y, x + patch.width, y + patch.height];
      shapes.push({ label, box, mask: patch, groupId: null });
    }
    const image = resizeImage(imageFromBytes(data, { width: info.width, height: info.height }), [
      height,
      width,
    ]);
    samples.push({
      name,
      image,
      annotation: scaleAnnotation({ width: w, height: h, shapes }, { width, height }),
    });
  }
  return { classNames, samples };
}

const [{ classNames, samples }, held] = [await read('train'), (await read('val')).samples];
/** @param {Sample} sample */
const labelsOf = ({ annotation }) => labelMap(annotation, classNames);
const gpu = await openGpu();

/** The library's own recipe, with its augmentation. @type {Method} */
const unet = async (learned, seed) => {
  const [steps, cropSize] = [Number(options.steps), Number(options.crop)];
  const settings = defaultSettings('unet', learned, { classNames, seed, steps, cropSize });
  const { trained } = await train(gpu, learned, settings);
  const segmenter = new Segmenter(gpu, trained);
  return async ({ image }) => (await segmenter.segment(image)).labels;
};

/** Networks without training, of which nothing but their form is known. */
const RANDOM = {
  vit: () => new VisionTransformer({ imageSize: 128, numClasses: 2, seed: 1 }),
  'yolo-fastest': () => yoloFastest({ numClasses: 80, seed: 1 }),
  resnet20: () => resnet20({ seed: 1 }),
};

/** @returns {Promise<Method>} */
async function probe() {
  const name = /** @type {keyof typeof RANDOM} */ (options.random);
  const file = options.model && (await readFile(options.model));
  const weights = options.weights && (await readFile(options.weights));
  const model = file
    ? (await openModel(file, { name: options.model, ...(weights ? { weights } : {}) })).trained?.model
    : RANDOM[name]?.();
  if (!model)
    throw new Error('give --model FILE of a network of Fovea, or --random vit, yolo-fastest or resnet20');
  const layers = options.layers.split(',');
  const inputSize = options.input ? { inputSize: sizeOf(options.input) } : {};
  const extractor = new HypercolumnExtractor(gpu, model, {
    layers,
    color: true,
    ...inputSize,
    size: [height, width],
  });
  const known = new Map();
  /** The network is not trained: the columns of an image stay the same. @param {Sample} sample */
  const columnsOf = async ({ name: file, image }) => {
    const columns = known.get(file) ?? (await extractor.extract(image));
    known.set(file, columns);
    return columns;
  };
  return async (learned, seed) => {
    const pixels = [];
    for (const sample of learned) pixels.push({ columns: await columnsOf(sample), labels: labelsOf(sample) });
    const classifier = await fitPixelClassifier(gpu, pixels, { numClasses: classNames.length + 1, seed });
    return async (sample) => (await classifier.predict(gpu, await columnsOf(sample))).labels;
  };
}

/** The IoU of each class over all held-out images, and of all objects together. @param {Awaited<ReturnType<Method>>} predict */
async function judge(predict) {
  const K = classNames.length + 1;
  const [both, either] = [new Float64Array(K + 1), new Float64Array(K + 1)];
  for (const sample of held) {
    const [labels, found] = [labelsOf(sample), await predict(sample)];
    for (const [i, label] of labels.entries()) {
      const other = found[i];
      if (label === other) both[label]++;
      for (const k of new Set([label, other])) either[k]++;
      if (label > 0 && other > 0) both[K]++;
      if (label > 0 || other > 0) either[K]++;
    }
  }
  const iou = [...both].map((count, k) => count / either[k]);
  return { classes: iou.slice(0, K).reduce((a, b) => a + b) / K, objects: iou[K] };
}

const method = positionals[0] === 'unet' ? unet : await probe();
/** @param {number[]} list */
const spread = (list) =>
  `${(list.reduce((a, b) => a + b) / list.length).toFixed(3)} (${list.map((v) => v.toFixed(3)).join(', ')})`;
for (const count of options.images.split(',').map(Number)) {
  const results = [];
  for (let seed = 1; seed <= Number(options.seeds); seed++) {
    const learned = new Random(seed).shuffle([...samples]).slice(0, count);
    const result = await judge(await method(learned, seed));
    results.push(result);
    process.stderr.write(`${count} images, seed ${seed}: mean IoU ${result.classes.toFixed(3)}\n`);
  }
  const [classes, objects] = [results.map((r) => r.classes), results.map((r) => r.objects)];
  console.log(`${count} images: mean IoU ${spread(classes)}, IoU of objects ${spread(objects)}`);
}
gpu.dispose();
