// Composes a labelled data set: cut-outs pasted onto crops of photographs, with the exact mask of what is seen of each.
//   node scripts/compose.mjs --recipe examples/cutouts/recipe.json --photographs DIR --cutouts DIR --out DIR
// The recipe says what is drawn and names its files below the two folders. Each split becomes a folder of COCO's
// annotations.json and images/, in place of the one that was there. Same recipe and files, same bytes: all of it is
// drawn from the recipe's seed.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Random, rleArea, rleEncode, rleToBox, rleToString } from 'fovea/vision';
import sharp from 'sharp';

/** A pixel belongs to a cut-out where its alpha is at least this. */
const INSIDE = 0.5;
/** A pasted pixel is the mean of so many samples squared. */
const SAMPLES = 4;
/** Places that are tried for an object before the image does without it. */
const TRIES = 40;

/**
 * @typedef {[number, number]} Range from, to
 * @typedef {object} Recipe
 * @property {number} seed
 * @property {[width: number, height: number]} size of each image, in pixels
 * @property {number} quality of the JPEG files, 1 to 100
 * @property {Range} objects how many each image is to show
 * @property {Range} scale the longer side of an object, in pixels
 * @property {Range} brightness what an object's colours are multiplied by
 * @property {number} minVisible the least share of an object that is seen
 * @property {Record<string, { images: number, photographs: string[], cutouts?: Record<string, string[]> }>} splits `cutouts`:
 *   of each class, instead of those in `classes`, so that a split has designs that the others have not
 * @property {Record<string, { turn: number, cutouts: string[] }>} classes `turn`: the largest angle, in degrees
 *
 * @typedef {{ width: number, height: number, data: Float32Array, box: number[] }} Cutout premultiplied RGBA, 0 to 1, and
 *   the box [x1, y1, x2, y2] of the pixels inside
 * @typedef {{ size: number, angle: number, mirror: boolean, x: number, y: number, light: number }} Place
 * @typedef {{ x: number, y: number, side: number, patch: Float32Array, inside: number }} Patch
 * @typedef {{ visible: number, whole: number }} Seen pixels that are seen of an object, and all of them
 */

/** @param {string} file @returns {Promise<Cutout>} */
async function loadCutout(file) {
  const { data: bytes, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const data = new Float32Array(bytes.length);
  const box = [width, height, 0, 0];
  for (let i = 0; i < bytes.length; i += 4) {
    const alpha = bytes[i + 3] / 255;
    for (let k = 0; k < 3; k++) data[i + k] = (bytes[i + k] / 255) * alpha;
    data[i + 3] = alpha;
    if (alpha < INSIDE) continue;
    const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x + 1);
    box[3] = Math.max(box[3], y + 1);
  }
  if (box[0] >= box[2]) throw new Error(`${file}: has no pixel that is half opaque; choose another cut-out`);
  return { width, height, data, box };
}

/**
 * A part of a photograph at least as large as the image, shrunk to it; bytes, three channels per pixel.
 *
 * @param {string} file @param {Recipe['size']} size @param {Random} random
 */
async function background(file, [width, height], random) {
  const { width: w, height: h } = await sharp(file).metadata();
  const largest = Math.min(w / width, h / height);
  if (largest < 1) throw new Error(`${file}: ${w}x${h} is smaller than an image of ${width}x${height}`);
  const scale = random.range(Math.max(1, 0.5 * largest), largest);
  const part = { width: Math.floor(width * scale), height: Math.floor(height * scale) };
  const [left, top] = [random.integer(w - part.width + 1), random.integer(h - part.height + 1)];
  const image = sharp(file)
    .extract({ left, top, ...part })
    .resize(width, height, { fit: 'fill' });
  const { data } = await image
    .flop(random.uniform() < 0.5)
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return data;
}

/**
 * Where a cut-out goes: its middle at (x, y), its longer side `size` pixels, mirrored, then turned clockwise.
 *
 * @param {Random} random @param {Recipe} recipe @param {number} turn
 * @returns {Place}
 */
function drawPlace(random, { scale, brightness, size: [width, height] }, turn) {
  return {
    size: random.range(...scale),
    angle: (random.range(-turn, turn) * Math.PI) / 180,
    mirror: random.uniform() < 0.5,
    x: random.range(0, width),
    y: random.range(0, height),
    light: random.range(...brightness),
  };
}

/**
 * The pixels of a placed cut-out, as a patch at (x, y): premultiplied RGBA, and how many are inside. The patch may reach out
 * of the image.
 *
 * @param {Cutout} cutout @param {Place} place @returns {Patch}
 */
function paste(cutout, { size, angle, mirror, x: cx, y: cy }) {
  const { width, height, box } = cutout;
  const [w, h] = [box[2] - box[0], box[3] - box[1]];
  const factor = Math.max(w, h) / size;
  const [cos, sin] = [Math.cos(angle) * factor, Math.sin(angle) * factor];
  const reach = Math.hypot(width, height) / factor / 2 + 1;
  const [x, y] = [Math.floor(cx - reach), Math.floor(cy - reach)];
  const side = Math.ceil(2 * reach) + 1;
  const patch = new Float32Array(side * side * 4);
  let inside = 0;
  for (let j = 0, to = 0; j < side; j++) {
    for (let i = 0; i < side; i++, to += 4) {
      for (let s = 0; s < SAMPLES * SAMPLES; s++) {
        const dx = x + i + ((s % SAMPLES) + 0.5) / SAMPLES - cx;
        const dy = y + j + (Math.floor(s / SAMPLES) + 0.5) / SAMPLES - cy;
        const u = cos * dx + sin * dy;
        const v = cos * dy - sin * dx;
        addSample(cutout, box[0] + w / 2 + (mirror ? -u : u), box[1] + h / 2 + v, patch, to);
      }
      for (let k = 0; k < 4; k++) patch[to + k] /= SAMPLES * SAMPLES;
      if (patch[to + 3] >= INSIDE) inside++;
    }
  }
  return { x, y, side, patch, inside };
}

/**
 * Adds the colour at (u, v), bilinear between the centres of pixels and nothing beyond them.
 *
 * @param {Cutout} cutout @param {number} u @param {number} v @param {Float32Array} out @param {number} to
 */
function addSample({ data, width, height }, u, v, out, to) {
  const [left, top] = [Math.floor(u - 0.5), Math.floor(v - 0.5)];
  const [p, q] = [u - 0.5 - left, v - 0.5 - top];
  for (let corner = 0; corner < 4; corner++) {
    const [i, j] = [left + (corner & 1), top + (corner >> 1)];
    if (i < 0 || j < 0 || i >= width || j >= height) continue;
    const weight = (corner & 1 ? p : 1 - p) * (corner >> 1 ? q : 1 - q);
    const at = (j * width + i) * 4;
    for (let k = 0; k < 4; k++) out[to + k] += weight * data[at + k];
  }
}

/**
 * Calls `each` for every pixel that the image and the patch have both, with its place in either.
 *
 * @param {Patch} patch @param {Recipe['size']} size @param {(pixel: number, at: number) => void} each
 */
function overlap({ x, y, side }, [width, height], each) {
  for (let j = Math.max(0, -y); j < Math.min(side, height - y); j++) {
    for (let i = Math.max(0, -x); i < Math.min(side, width - x); i++) {
      each((y + j) * width + x + i, (j * side + i) * 4);
    }
  }
}

/**
 * Pastes one more object where everything that is there stays visible enough; `owners` has the number of the object that each
 * pixel shows, or -1. Gives undefined, having changed nothing, where no place was found.
 *
 * @param {Cutout} cutout @param {number} turn @param {Recipe} recipe @param {Random} random
 * @param {Buffer} pixels @param {Int16Array} owners @param {Seen[]} objects
 * @returns {Seen | undefined}
 */
function addObject(cutout, turn, recipe, random, pixels, owners, objects) {
  for (let tries = 0; tries < TRIES; tries++) {
    const place = drawPlace(random, recipe, turn);
    const pasted = paste(cutout, place);
    const seen = objects.map(({ visible }) => visible);
    let own = 0;
    overlap(pasted, recipe.size, (pixel, at) => {
      if (pasted.patch[at + 3] < INSIDE) return;
      own++;
      if (owners[pixel] >= 0) seen[owners[pixel]]--;
    });
    /** @param {number} visible @param {number} whole */
    const enough = (visible, whole) => visible >= recipe.minVisible * whole;
    if (!enough(own, pasted.inside) || !objects.every(({ whole }, i) => enough(seen[i], whole))) continue;
    overlap(pasted, recipe.size, (pixel, at) => {
      const alpha = pasted.patch[at + 3];
      for (let k = 0; k < 3; k++) {
        const value = pixels[pixel * 3 + k] * (1 - alpha) + pasted.patch[at + k] * place.light * 255;
        pixels[pixel * 3 + k] = Math.min(255, Math.round(value));
      }
      if (alpha >= INSIDE) owners[pixel] = objects.length;
    });
    for (const [i, object] of objects.entries()) object.visible = seen[i];
    return { visible: own, whole: pasted.inside };
  }
  return undefined;
}

/**
 * What COCO says of an object: the box around its pixels, their number, and their run lengths.
 *
 * @param {Int16Array} owners @param {number} number @param {Recipe['size']} size
 */
function describe(owners, number, [width, height]) {
  const rle = rleEncode(
    owners.map((owner) => (owner === number ? 1 : 0)),
    { width, height },
  );
  const [x1, y1, x2, y2] = rleToBox(rle);
  return {
    bbox: [x1, y1, x2 - x1, y2 - y1],
    area: rleArea(rle),
    segmentation: { size: [height, width], counts: rleToString(rle) },
  };
}

/**
 * Classes in an order in which each comes equally often, without end.
 *
 * @param {string[]} classes @param {Random} random @returns {Generator<string, never>}
 */
function* rounds(classes, random) {
  for (;;) yield* random.shuffle([...classes]);
}

/**
 * One image: its bytes as JPEG, and its objects with their classes.
 *
 * @param {Recipe} recipe @param {string} file of the photograph
 * @param {Generator<string, never>} classes @param {Map<string, Cutout>} cutouts @param {Random} random
 * @param {Record<string, string[]>} designs the cut-outs of each class
 */
async function composeImage(recipe, file, classes, cutouts, random, designs) {
  const [width, height] = recipe.size;
  const pixels = await background(file, recipe.size, random.fork('background'));
  const owners = new Int16Array(width * height).fill(-1);
  const [fewest, most] = recipe.objects;
  const count = fewest + random.integer(most - fewest + 1);
  /** @type {(Seen & { name: string })[]} */
  const objects = [];
  for (let n = 0; n < count; n++) {
    const own = random.fork(n);
    const name = classes.next().value;
    const files = designs[name];
    const cutout = /** @type {Cutout} */ (cutouts.get(files[own.integer(files.length)]));
    const added = addObject(cutout, recipe.classes[name].turn, recipe, own, pixels, owners, objects);
    if (added) objects.push({ name, ...added });
  }
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: recipe.quality, chromaSubsampling: '4:4:4' })
    .toBuffer();
  return { jpeg, objects: objects.map(({ name }, i) => ({ name, ...describe(owners, i, recipe.size) })) };
}

/** @param {unknown[]} values */
const lines = (values) => `[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`;

/**
 * The cut-outs of each class in a split.
 *
 * @param {Recipe} recipe @param {string} split @returns {Record<string, string[]>}
 */
function designsOf(recipe, split) {
  const own = recipe.splits[split].cutouts;
  const stray = Object.keys(own ?? {}).find((name) => !Object.hasOwn(recipe.classes, name));
  if (stray !== undefined) throw new Error(`splits: ${split}: cutouts of ${stray}, which is no class`);
  return Object.fromEntries(
    Object.entries(recipe.classes).map(([name, { cutouts }]) => [name, own?.[name] ?? cutouts]),
  );
}

/**
 * @param {Recipe} recipe @param {string} split
 * @param {{ photographs: string, cutouts: Map<string, Cutout>, out: string }} files
 */
async function composeSplit(recipe, split, { photographs, cutouts, out }) {
  const { images: count, photographs: files } = recipe.splits[split];
  const designs = designsOf(recipe, split);
  const random = new Random(recipe.seed).fork(split);
  const names = Object.keys(recipe.classes);
  const classes = rounds(names, random.fork('classes'));
  const folder = path.join(out, split);
  await rm(`${folder}.new`, { recursive: true, force: true });
  await mkdir(path.join(`${folder}.new`, 'images'), { recursive: true });
  const images = [];
  /** @type {object[]} */
  const annotations = [];
  for (let n = 0; n < count; n++) {
    const photograph = files[n % files.length];
    const from = path.join(photographs, photograph);
    const { jpeg, objects } = await composeImage(recipe, from, classes, cutouts, random.fork(n), designs);
    const [width, height] = recipe.size;
    const name = `${split}-${String(n + 1).padStart(3, '0')}.jpg`;
    await writeFile(path.join(`${folder}.new`, 'images', name), jpeg);
    images.push({ id: n + 1, file_name: name, width, height, photograph });
    for (const { name: label, ...described } of objects) {
      const id = annotations.length + 1;
      const category_id = names.indexOf(label) + 1;
      annotations.push({ id, image_id: n + 1, category_id, iscrowd: 0, ...described });
    }
  }
  const categories = names.map((name, i) => ({ id: i + 1, name }));
  await writeFile(
    path.join(`${folder}.new`, 'annotations.json'),
    `{"images": ${lines(images)},\n"categories": ${lines(categories)},\n"annotations": ${lines(annotations)}}\n`,
  );
  await rm(folder, { recursive: true, force: true });
  await rename(`${folder}.new`, folder);
  return { images: count, objects: annotations.length };
}

const { values } = parseArgs({
  options: {
    recipe: { type: 'string' },
    photographs: { type: 'string' },
    cutouts: { type: 'string' },
    out: { type: 'string' },
  },
});
/** @param {keyof typeof values} name */
function option(name) {
  const value = values[name];
  if (value === undefined) throw new Error(`compose: give --${name}`);
  return value;
}
const given = {
  recipe: option('recipe'),
  photographs: option('photographs'),
  cutouts: option('cutouts'),
  out: option('out'),
};
/** @type {Recipe} */
const recipe = JSON.parse(await readFile(given.recipe, 'utf8'));
const files = Object.keys(recipe.splits).flatMap((split) => Object.values(designsOf(recipe, split)).flat());
/** @type {Map<string, Cutout>} */
const cutouts = new Map();
for (const file of new Set(files)) cutouts.set(file, await loadCutout(path.join(given.cutouts, file)));
for (const split of Object.keys(recipe.splits)) {
  const made = await composeSplit(recipe, split, { ...given, cutouts });
  console.log(`${split}: ${made.images} images, ${made.objects} objects`);
}
