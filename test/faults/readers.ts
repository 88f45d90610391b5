/**
 * Mutated files for every reader: whole folders of each annotation format, masks, and Darknet's files. A reader must read what is left of
 * them or throw a FoveaError, in bounded time and memory.
 */
import type { DataFault } from '../../src/data/faults.ts';
import { BadData } from '../../src/data/faults.ts';
import type { AnnotatedImage, DataFiles, DataSink, Dataset } from '../../src/data/formats/format.ts';
import { FORMATS, openDataset } from '../../src/data/formats/index.ts';
import { decodeIndexedPng, encodeIndexedPng, pngSize } from '../../src/data/indexedPng.ts';
import { FoveaError } from '../../src/errors.ts';
import { YOLO } from '../../src/models/yolo.ts';
import type { Random } from '../../src/vision/random.ts';
import { rleEncode } from '../../src/vision/rle.ts';
import { rleToString } from '../../src/vision/rleText.ts';

type Folder = ReadonlyMap<string, Uint8Array>;

/** A folder in memory. Images are PNG files, of which only the header counts. */
function memoryFiles(folder: Folder): DataFiles {
  const need = (path: string): Uint8Array => {
    const bytes = folder.get(path);
    if (!bytes) throw new BadData('missing image', `${path}: no such file; check the path`);
    return bytes;
  };
  return {
    kind: async (path) => {
      if (folder.has(path)) return 'file';
      return path === '.' || [...folder.keys()].some((file) => file.startsWith(`${path}/`))
        ? 'folder'
        : undefined;
    },
    async list(path) {
      const start = path === '.' ? '' : `${path}/`;
      const found = new Map<string, boolean>();
      for (const file of folder.keys()) {
        if (!file.startsWith(start)) continue;
        const [name, ...rest] = file.slice(start.length).split('/');
        found.set(name!, rest.length > 0);
      }
      return [...found]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, isFolder]) => ({ name, folder: isFolder }));
    },
    bytes: async (path) => need(path),
    open: async (path) => {
      const bytes = need(path);
      return {
        read: async (start, length) => bytes.subarray(start, start + length),
        close: async () => undefined,
      };
    },
    async imageSize(image, name) {
      const size = pngSize(typeof image === 'string' ? need(image) : image);
      if (!size) throw new BadData('not an image', `${name}: not an image that can be read; use PNG`);
      return size;
    },
    decodePng: (bytes) => decodeIndexedPng(bytes, 'mask'),
  };
}

const encode = (text: string | object): Uint8Array =>
  new TextEncoder().encode(typeof text === 'string' ? text : JSON.stringify(text));

/** One small, valid folder for each reader. */
export async function seedFolders(): Promise<Readonly<Record<string, Folder>>> {
  const pixels = new Uint8Array(20 * 10);
  pixels.fill(1, 20, 35);
  pixels.fill(255, 60, 70);
  const png = await encodeIndexedPng({ width: 20, height: 10, data: pixels });
  const patch = await encodeIndexedPng({ width: 4, height: 3, data: new Uint8Array(12).fill(1) });
  const base64 = btoa(String.fromCharCode(...patch));
  const points = [
    [1, 1],
    [9, 2],
    [4, 8],
  ];
  const labelme = {
    version: '5.4.1',
    flags: {},
    shapes: [
      { label: 'cat', points, group_id: 1, shape_type: 'polygon', flags: { crowd: true } },
      { label: 'cat', points: points.slice(0, 2), shape_type: 'rectangle' },
      { label: 'dog', points: points.slice(0, 2), shape_type: 'circle' },
      {
        label: 'dog',
        points: [
          [2, 3],
          [5, 5],
        ],
        shape_type: 'mask',
        mask: base64,
      },
    ],
    imagePath: 'a.png',
    imageData: null,
    imageHeight: 10,
    imageWidth: 20,
  };
  const coco = {
    images: [{ id: 1, file_name: 'a.png', width: 20, height: 10 }],
    categories: [{ id: 3, name: 'cat', supercategory: 'animal' }],
    annotations: [
      {
        id: 1,
        image_id: 1,
        category_id: 3,
        bbox: [1, 1, 8, 7],
        segmentation: [points.flat()],
        area: 20,
        iscrowd: 0,
      },
      {
        id: 2,
        image_id: 1,
        category_id: 3,
        segmentation: { size: [10, 20], counts: [10, 30, 160] },
        iscrowd: 1,
      },
      {
        id: 3,
        image_id: 1,
        category_id: 3,
        segmentation: { size: [10, 20], counts: rleToString(rleEncode(pixels, { width: 20, height: 10 })) },
      },
    ],
  };
  const xml = `<?xml version="1.0" encoding="utf-8"?>
<annotation><filename>a.png</filename><size><width>20</width><height>10</height></size>
<object><name>cat &amp; dog</name><difficult>1</difficult><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>
<polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>4</x3><y3>8</y3></polygon></object></annotation>`;
  return {
    labelme: new Map([
      ['a.json', encode(labelme)],
      ['a.png', png],
    ]),
    coco: new Map([
      ['c.json', encode(coco)],
      ['images/a.png', png],
    ]),
    voc: new Map([
      ['Annotations/a.xml', encode(xml)],
      ['JPEGImages/a.png', png],
      ['SegmentationClass/a.png', png],
      ['labelmap.txt', encode('# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat & dog:128,0,0::\n')],
      ['ImageSets/Main/train.txt', encode('a\n')],
    ]),
    yolo: new Map([
      [
        'data.yaml',
        encode(
          'path: .\ntrain: images\nval: images\nkpt_shape: [2, 2]\nnc: 2\nnames:\n  0: cat\n  1: "a: dog" # the second\n',
        ),
      ],
      ['images/a.png', png],
      ['labels/a.txt', encode('0 0.5 0.5 0.2 0.4 0.1 0.2 0.3 0.4\n1 0.5 0.5 0.2 0.4\n')],
    ]),
    masks: new Map([
      ['images/a.png', png],
      ['masks/a.png', png],
      ['class_names.txt', encode('__ignore__\n_background_\ncat\n')],
    ]),
    darknet: new Map([
      [
        'y.cfg',
        encode(
          '[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky\n[maxpool]\nsize=2\nstride=2\n[upsample]\nstride=2\n[route]\nlayers=-1,0\n[convolutional]\nfilters=7\nsize=1\nactivation=linear\n[yolo]\nmask=0\nanchors=10,14\nclasses=2\nnum=1\n',
        ),
      ],
    ]),
  };
}

const NUMBERS = [
  '0',
  '-1',
  '1e999',
  '-0',
  '1e18',
  '99999999999',
  '4294967296',
  '0.5',
  'NaN',
  '3.0000000000000001',
  '',
];
const TEXTS = [
  'constructor',
  '__proto__',
  '\u0000',
  '\u001b[2J',
  '../../etc/passwd',
  'file:///etc/passwd',
  '&a;',
  '*x',
  '!!js/function',
  '😀',
  '\uD800',
  ':',
  '#',
  '"',
  "'",
  '<',
  ']]>',
  '\r',
];

/** Changes some of the files: bytes, numbers, words, pieces that are cut out, doubled, or come from elsewhere. */
export function mutate(folder: Folder, random: Random): Folder {
  const out = new Map(folder);
  const names = [...out.keys()];
  for (let times = 1 + random.integer(3); times > 0; times--) {
    const name = names[random.integer(names.length)]!;
    const bytes = out.get(name);
    if (!bytes) continue;
    out.set(name, mutateBytes(bytes, random));
    if (random.integer(40) === 0) out.delete(name);
    if (random.integer(60) === 0) out.set(`${name}.${random.integer(3)}`, bytes);
  }
  return out;
}

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.integer(bytes.length + 1);
  const length = 1 + random.integer(random.integer(4) === 0 ? 2000 : 12);
  const splice = (start: number, end: number, piece: Uint8Array): Uint8Array => {
    const result = new Uint8Array(start + piece.length + Math.max(0, bytes.length - end));
    result.set(bytes.subarray(0, start));
    result.set(piece, start);
    result.set(bytes.subarray(end), start + piece.length);
    return result;
  };
  const replaceToken = (pattern: RegExp, choices: readonly string[]): Uint8Array => {
    // Latin-1, so that every byte is one character.
    const text = Array.from(bytes.subarray(0, 8192), (byte) => String.fromCharCode(byte)).join('');
    const found = [...text.matchAll(pattern)];
    const token = found[random.integer(Math.max(found.length, 1))];
    if (!token) return bytes;
    return splice(
      token.index,
      token.index + token[0].length,
      encode(choices[random.integer(choices.length)]!),
    );
  };
  switch (random.integer(8)) {
    case 0: {
      const changed = bytes.slice();
      if (changed.length > 0) changed[at % changed.length]! ^= 1 << random.integer(8);
      return changed;
    }
    case 1:
      return bytes.slice(0, at);
    case 2:
      return splice(at, at + length, new Uint8Array());
    case 3:
      return splice(at, at, bytes.subarray(random.integer(bytes.length + 1)).subarray(0, length));
    case 4: {
      // One byte, many times: deep nesting, long runs of blanks.
      const byte = random.integer(2) === 0 ? (bytes[at] ?? 32) : [32, 91, 123, 60, 45, 9][random.integer(6)]!;
      return splice(at, at, new Uint8Array(random.integer(30_000)).fill(byte));
    }
    case 5:
      return replaceToken(/-?\d+(?:\.\d+)?/g, NUMBERS);
    case 6:
      return replaceToken(/[A-Za-z_]{3,}/g, TEXTS);
    default:
      return splice(at, at, encode(TEXTS[random.integer(TEXTS.length)]!));
  }
}

const NOWHERE: DataSink = {
  write: async () => undefined,
  append: async () => undefined,
  image: async () => undefined,
};

/** Writes what was read in its own format, with all that is not used. */
async function writeAgain(
  { format, classes, extra }: Dataset,
  images: readonly AnnotatedImage[],
): Promise<void> {
  const labels = new Set(images.flatMap(({ annotation }) => annotation.shapes.map(({ label }) => label)));
  const writer = FORMATS[format].create(NOWHERE, classes ?? [...labels].map((name) => ({ name })), extra);
  for (const image of images) await writer.add(image);
  await writer.end();
}

/** Reads a folder to its end, and writes it again. Returns what happened: `read`, or the name of the FoveaError. Throws any other error. */
export async function readFolder(reader: string, folder: Folder, lenient: boolean): Promise<string> {
  try {
    if (reader === 'darknet') {
      const text = new TextDecoder().decode(folder.get('y.cfg') ?? new Uint8Array());
      new YOLO({ cfg: text });
      return 'read';
    }
    const faults: DataFault[] = [];
    const dataset = await openDataset(memoryFiles(folder), '.', {
      skipBad: lenient,
      clip: lenient,
      fixSizes: lenient,
      extras: true,
      onFault: (fault) => faults.push(fault),
    });
    const images: AnnotatedImage[] = [];
    for await (const image of dataset.images()) {
      for (const { box } of image.annotation.shapes) {
        if (!box.every(Number.isFinite)) throw new Error(`a box [${box}] was read`);
      }
      images.push(image);
    }
    await writeAgain(dataset, images);
    return 'read';
  } catch (error) {
    if (error instanceof FoveaError && !/[\r\n]/.test(error.message)) return error.name;
    throw error;
  }
}
