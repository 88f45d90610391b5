// Makes what examples/recommend shows: objects that are cut from the images of examples/cutouts, in one image, and their embeddings by a model
// that is trained. What is committed was made by
//
//   node scripts/recommendItems.mjs --model yolo-fastest-1.1.cfg --weights yolo-fastest-1.1.weights
//
// with the files of github.com/dog-qiuqiu/Yolo-Fastest (public domain).
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openGpu } from 'fovea';
import { imageFromBytes } from 'fovea/data';
import { openEmbedder } from 'fovea/similarity';
import sharp from 'sharp';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    weights: { type: 'string' },
    layer: { type: 'string', default: 'layers.92' },
    out: { type: 'string', default: path.join(import.meta.dirname, '../examples/recommend') },
  },
});
if (!values.model) throw new Error('give --model FILE, and of a .cfg its --weights FILE');

const [TILE, COLUMNS, EACH] = [72, 10, 12];
const folder = path.join(import.meta.dirname, '../examples/cutouts/train');
/** @type {{ images: { id: number, file_name: string, width: number, height: number }[], categories: { id: number, name: string }[], annotations: { image_id: number, category_id: number, bbox: [number, number, number, number] }[] }} */
const coco = JSON.parse(await readFile(path.join(folder, 'annotations.json'), 'utf8'));

// The largest objects of each class, one of an image at most, class by class in turn.
const chosen = coco.categories.map(({ id }) => {
  const own = coco.annotations.filter((object) => object.category_id === id);
  own.sort((a, b) => b.bbox[2] * b.bbox[3] - a.bbox[2] * a.bbox[3]);
  const first = own.filter((object, i) => own.findIndex((other) => other.image_id === object.image_id) === i);
  return first.slice(0, EACH);
});
const objects = Array.from({ length: EACH }, (_, i) => chosen.map((list) => list[i])).flat();

/** @type {Buffer[]} */
const tiles = [];
for (const { image_id, bbox } of objects) {
  const image = coco.images.find(({ id }) => id === image_id);
  if (!image) throw new Error(`no image ${image_id}`);
  const [x, y, w, h] = bbox;
  // A square with a margin, moved into the image.
  const side = Math.min(Math.round(Math.max(w, h) * 1.3), image.width, image.height);
  /** @param {number} middle @param {number} length */
  const start = (middle, length) => Math.round(Math.min(Math.max(middle - side / 2, 0), length - side));
  const [left, top] = [start(x + w / 2, image.width), start(y + h / 2, image.height)];
  const cut = sharp(path.join(folder, 'images', image.file_name)).extract({
    left,
    top,
    width: side,
    height: side,
  });
  tiles.push(await cut.resize(TILE, TILE).removeAlpha().raw().toBuffer());
}
const rows = Math.ceil(tiles.length / COLUMNS);
const sheet = sharp({
  create: { width: COLUMNS * TILE, height: rows * TILE, channels: 3, background: '#000' },
});
const composed = sheet.composite(
  tiles.map((input, i) => ({
    input,
    raw: { width: TILE, height: TILE, channels: 3 },
    left: (i % COLUMNS) * TILE,
    top: Math.floor(i / COLUMNS) * TILE,
  })),
);
await composed.jpeg({ quality: 82 }).toFile(path.join(values.out, 'items.jpg'));

const gpu = await openGpu();
const weights = values.weights && (await readFile(values.weights));
const embedder = await openEmbedder(gpu, await readFile(values.model), {
  layer: values.layer,
  model: { name: path.basename(values.model), ...(weights ? { weights } : {}) },
});
const images = tiles.map((bytes) => imageFromBytes(bytes, { width: TILE, height: TILE }));
const { data, shape } = await embedder.embed(images);
gpu.dispose();
// Less their mean: what all have in common says nothing of taste. In thousandths of the length, which is as near as cosines need.
const d = shape[1];
const mean = Array.from(
  { length: d },
  (_, c) => tiles.reduce((sum, _tile, i) => sum + data[i * d + c], 0) / tiles.length,
);
const embeddings = tiles.map((_, i) => {
  const row = Array.from(data.subarray(i * d, (i + 1) * d), (value, c) => value - mean[c]);
  const length = Math.hypot(...row);
  return row.map((value) => Math.round((1000 * value) / length));
});
const labels = objects.map(({ category_id }) => coco.categories.find(({ id }) => id === category_id)?.name);
const text = {
  tile: TILE,
  columns: COLUMNS,
  model: path.basename(values.model),
  layer: values.layer,
  labels,
  embeddings,
};
await writeFile(path.join(values.out, 'items.json'), `${JSON.stringify(text)}\n`);
console.log(`${tiles.length} items of ${d} values`);
