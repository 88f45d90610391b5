// Fine-tuning from weights compared with training from scratch, on photographs: the stamps of Debian's tuxpaint-stamps-default,
// in classes by their folders.
//
//     apt-get download tuxpaint-stamps-default && dpkg-deb -x tuxpaint-stamps-default_*.deb stamps
//     node scripts/fineTuneStamps.mjs stamps/usr/share/tuxpaint/stamps resnet20.th [steps]
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Classifier, defaultSettings, evaluateClassifier, openGpu, train } from 'fovea';
import { imageFromBytes } from 'fovea/data';
import { loadWeights } from 'fovea/io';
import { Random } from 'fovea/vision';
import sharp from 'sharp';

/** The folders of each class. Drawn stamps and mirrored ones are left out. */
const CLASSES = {
  bird: 'animals/birds',
  clothes: 'clothes',
  flower: 'plants/flowers',
  fruit: 'food/fruit',
  mammal: 'animals/mammals',
  vegetable: 'food/vegetables',
  vehicle: 'vehicles',
};
/** Images of each class that are trained on; the others, at most so many, are held out. */
const TRAINED = 10;
const HELD_OUT = 20;
const SEEDS = [0, 1, 2];
const SIDE = 64;

const [folder, file, given = '100'] = process.argv.slice(2);
if (folder === undefined || file === undefined) {
  process.stderr.write('give the folder of the stamps, and a file of weights\n');
  process.exit(2);
}
const steps = Number(given);

/** @param {string} label @param {string} image */
async function sampleOf(label, image) {
  const { data, info } = await sharp(image)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .resize(SIDE, SIDE, { fit: 'contain', background: '#ffffff' })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { name: image, image: imageFromBytes(data, info), label };
}

/** @type {{ train: Awaited<ReturnType<typeof sampleOf>>[], valid: Awaited<ReturnType<typeof sampleOf>>[] }} */
const split = { train: [], valid: [] };
for (const [label, place] of Object.entries(CLASSES)) {
  const files = readdirSync(path.join(folder, place), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.png') && !/cartoon|toys|mirror/i.test(name))
    .sort();
  const shuffled = new Random(`stamps ${label}`).shuffle(files);
  const load = (/** @type {string} */ name) => sampleOf(label, path.join(folder, place, name));
  split.train.push(...(await Promise.all(shuffled.slice(0, TRAINED).map(load))));
  split.valid.push(...(await Promise.all(shuffled.slice(TRAINED, TRAINED + HELD_OUT).map(load))));
}
process.stdout.write(
  `${Object.keys(CLASSES).length} classes, ${split.train.length} images to train on, ${split.valid.length} held out, ${steps} steps\n`,
);

const gpu = await openGpu();
const weights = await loadWeights(new Uint8Array(readFileSync(file)), { name: path.basename(file) });
const { config, cropSize } = defaultSettings('resnet-cifar', split.train, { weights });
for (const start of ['scratch', 'weights']) {
  const found = [];
  for (const seed of SEEDS) {
    const own = start === 'weights' ? { weights } : {};
    const settings = defaultSettings('resnet-cifar', split.train, { ...own, config, cropSize, steps, seed });
    const { trained } = await train(gpu, split.train, settings, own);
    const classifier = new Classifier(gpu, trained);
    const { accuracy, macro } = await evaluateClassifier(classifier, split.valid);
    classifier.dispose();
    found.push(accuracy);
    process.stdout.write(
      `${start}, seed ${seed}: accuracy ${accuracy.toFixed(3)}, F1 ${macro.f1.toFixed(3)}\n`,
    );
  }
  const mean = found.reduce((a, b) => a + b, 0) / found.length;
  process.stdout.write(`${start}: mean accuracy ${mean.toFixed(3)}\n`);
}
gpu.dispose();
