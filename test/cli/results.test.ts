import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { diskFiles } from '../../cli/src/dataFiles.ts';
import { imageInputs } from '../../cli/src/imageInputs.ts';
import { runImages } from '../../cli/src/imageRun.ts';
import { loadImage } from '../../cli/src/images.ts';
import {
  classShapes,
  detectionOutlines,
  detectionShapes,
  regionOutlines,
  regionShapes,
} from '../../cli/src/predictions.ts';
import type { ResultFormat } from '../../cli/src/resultOptions.ts';
import { type Found, type ResultOptions, Results } from '../../cli/src/results.ts';
import { readCocoResults } from '../../src/data/formats/coco/results.ts';
import type { AnnotatedImage } from '../../src/data/formats/format.ts';
import { openDataset } from '../../src/data/formats/index.ts';
import { decodeIndexedPng } from '../../src/data/indexedPng.ts';
import { objectsOf } from '../../src/data/objects.ts';
import type { Detection, Segmentation } from '../../src/tasks/infer.ts';

let root: string;
let photos: string;
let printed: string[];
let warned: string[];

/** Width and height of each image. */
const SIZES = { 'a/x.jpg': [40, 30], 'b/x.jpg': [24, 36], 'b/y.png': [17, 9] } as const;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'fovea-results-'));
  photos = path.join(root, 'photos');
  for (const [name, [width, height]] of Object.entries(SIZES)) {
    await mkdir(path.dirname(path.join(photos, name)), { recursive: true });
    await sharp({ create: { width, height, channels: 3, background: 'green' } }).toFile(
      path.join(photos, name),
    );
  }
  [printed, warned] = [[], []];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => warned.push(String(text)) > 0);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const CLASSES = ['crate', 'ball', 'never'];

/** Two objects that overlap, inside of every image. */
const DETECTIONS: readonly Detection[] = [
  { label: 'ball', score: 0.75, box: [1, 2, 7, 8] },
  { label: 'crate', score: 0.5, box: [4.25, 3.5, 12, 9] },
];
const withMasks = (): Detection[] =>
  DETECTIONS.map((detection) => {
    const [x1, y1, x2, y2] = detection.box.map(Math.floor) as [number, number, number, number];
    const [width, height] = [x2 - x1, y2 - y1];
    return {
      ...detection,
      mask: { x: x1, y: y1, width, height, data: new Uint8Array(width * height).fill(1) },
    };
  });
const detected = (found: readonly Detection[]): Found => ({
  shapes: detectionShapes(found),
  outlines: () => detectionOutlines(found),
  overlay: () => ({ boxes: found.map(({ box, label }) => ({ box, label, color: '#ff0000' })) }),
  summary: `${found.length} found`,
});

/** Runs what `find` gives on all images. */
async function run(
  find: (size: { width: number; height: number }) => Found,
  options: Partial<ResultOptions> & { readonly scored?: boolean } = {},
  paths: readonly string[] = [photos],
): Promise<string> {
  const given = { out: path.join(root, 'out'), ...options };
  const { out } = given;
  const inputs = await imageInputs(paths, { recursive: true, out });
  const results = await Results.create(inputs, CLASSES, options.scored ?? true, given);
  await runImages(
    inputs,
    {},
    {
      load: loadImage,
      predict: async (image) => find(image),
      write: async (found, image, input) => {
        await results.add(input, image, found);
        return found.summary;
      },
      finish: () => results.finish(),
      discard: () => results.discard(),
    },
  );
  return out;
}

const readBack = async (folder: string, options = {}): Promise<AnnotatedImage[]> => {
  const images: AnnotatedImage[] = [];
  for await (const image of (await openDataset(diskFiles, folder, options)).images()) images.push(image);
  return images;
};
const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
const drawn = ['a/x_drawn.png', 'b/x_drawn.png', 'b/y_drawn.png'];

describe('images', () => {
  const names = async (paths: readonly string[], recursive = false) =>
    (await imageInputs(paths, { recursive, out: path.join(root, 'out') })).map(({ name }) => name);

  it('are files and the images of folders, each once, named by their place in the folder of all', async () => {
    expect(await names([photos], true)).toEqual(['a/x', 'b/x', 'b/y']);
    expect(await names([path.join(photos, 'b'), path.join(photos, 'b/y.png')])).toEqual(['x', 'y']);
    expect(await names([path.join(photos, 'b/x.jpg'), path.join(photos, 'a')])).toEqual(['b/x', 'a/x']);
    await expect(names([photos])).rejects.toThrow(/no image in this folder; look into .* with --recursive/);
  });
  it('keep their extension where they differ in nothing else, also in case', async () => {
    for (const name of ['x.png', 'X.webp', 'x.png.jpg']) {
      await cp(path.join(photos, 'b/y.png'), path.join(photos, 'b', name));
    }
    expect(await names([path.join(photos, 'b')])).toEqual(['X.webp', 'x.jpg', 'x.png', 'x.png.jpg', 'y']);
    expect(new Set((await names([photos], true)).map((name) => name.toLowerCase())).size).toBe(6);
  });
  it('are not looked for among the results, or in what systems leave', async () => {
    const out = path.join(photos, 'out');
    for (const name of ['out/b.jpg', '._y.png', '.cache/z.png']) {
      await cp(path.join(photos, 'b/y.png'), path.join(photos, name), { recursive: true });
    }
    const inputs = await imageInputs([photos], { recursive: true, out });
    expect(inputs.map(({ name }) => name)).toEqual(['a/x', 'b/x', 'b/y']);
  });
});

describe('results', () => {
  const sizes = Object.values(SIZES).map(([width, height]) => [width, height]);

  it.each([
    'labelme',
    'coco',
    'yolo',
    'masks',
    'csv',
  ] as const)('are complete for %s, and drawn at the size of the image', async (format) => {
    const out = await run(() => detected(format === 'masks' ? withMasks() : DETECTIONS), { format });
    const each = (folder: string, extension: string) =>
      ['a/x', 'b/x', 'b/y'].map((name) => `${folder}${name}${extension}`);
    const own: Record<Exclude<ResultFormat, 'panoptic'>, string[]> = {
      labelme: each('', '.json'),
      coco: ['annotations.json', 'results.json'],
      yolo: [...each('labels/', '.txt'), 'classes.txt', 'data.yaml'],
      masks: [...each('masks/', '.png'), ...each('SegmentationObject/', '.png'), 'class_names.txt'],
      csv: ['objects.csv'],
    };
    expect(await filesIn(out)).toEqual([...drawn, ...own[format]].sort());
    const found = await Promise.all(drawn.map((file) => sharp(path.join(out, file)).metadata()));
    expect(found.map(({ width, height }) => [width, height])).toEqual(sizes);
    expect(printed.map((line) => line.slice(photos.length + 1))).toEqual(
      ['a/x.jpg', 'b/x.jpg', 'b/y.png'].map((name) => `${name}: 2 found\n`),
    );
  });

  it('of boxes are read back', async () => {
    const boxes = DETECTIONS.map(({ box, label }) => ({ box, label }));
    for (const [format, options] of [
      ['labelme', { allowOutside: true }],
      ['coco', { imageFolder: photos, allowOutside: true }],
    ] as const) {
      const read = await readBack(await run(() => detected(DETECTIONS), { format }), options);
      expect(read.map(({ annotation: { width, height } }) => [width, height])).toEqual(sizes);
      for (const { annotation } of read) {
        expect(annotation.shapes.map(({ box, label }) => ({ box, label }))).toEqual(boxes);
      }
      await rm(path.join(root, 'out'), { recursive: true });
    }
  });

  it('with copies of the images are a data set', async () => {
    for (const format of ['labelme', 'coco', 'yolo'] as const) {
      const options = { format, copyImages: true, saveConf: format === 'yolo', draw: false };
      const read = await readBack(await run(() => detected(DETECTIONS), options), { format });
      expect(read.map(({ annotation: { width, height } }) => [width, height]).sort()).toEqual(
        sizes.toSorted(),
      );
      for (const { annotation } of read) {
        const labels = objectsOf(annotation.shapes).map(({ label }) => label);
        expect(labels).toEqual(['ball', 'crate']);
        for (const [i, { box, score }] of annotation.shapes.entries()) {
          for (const [k, value] of box.entries()) expect(value).toBeCloseTo(DETECTIONS[i]!.box[k]!, 4);
          if (format === 'yolo') expect(score).toBe(DETECTIONS[i]!.score);
        }
      }
      await rm(path.join(root, 'out'), { recursive: true });
    }
  });

  it('as COCO have the results that pycocotools takes, and the numbers that the images are named by', async () => {
    for (const [i, name] of ['000000000139.jpg', '000000000724.jpg'].entries()) {
      await cp(path.join(photos, 'a/x.jpg'), path.join(photos, `coco${i}`, name));
    }
    const folders = [0, 1].map((i) => path.join(photos, `coco${i}`));
    const out = await run(() => detected(withMasks()), { format: 'coco' }, folders);
    const { images, categories, annotations } = JSON.parse(
      await readFile(path.join(out, 'annotations.json'), 'utf8'),
    );
    expect(images.map(({ id, file_name }: { id: number; file_name: string }) => [id, file_name])).toEqual([
      [139, 'coco0/000000000139.jpg'],
      [724, 'coco1/000000000724.jpg'],
    ]);
    expect(annotations).toHaveLength(4);
    const references = {
      images: new Map<number, { width: number; height: number }>(
        images.map((image: { id: number; width: number; height: number }) => [image.id, image]),
      ),
      classes: categories,
    };
    const read = [];
    for await (const { imageId, shapes } of readCocoResults(
      diskFiles,
      path.join(out, 'results.json'),
      references,
    )) {
      read.push([imageId, shapes[0]!.label, shapes[0]!.score, shapes[0]!.mask !== undefined]);
    }
    expect(read).toEqual(
      [139, 724].flatMap((id) => [
        [id, 'ball', 0.75, true],
        [id, 'crate', 0.5, true],
      ]),
    );
  });

  it('without any object are complete too', async () => {
    for (const format of ['coco', 'csv', 'yolo'] as const) await run(() => detected([]), { format });
    const out = path.join(root, 'out');
    expect(JSON.parse(await readFile(path.join(out, 'results.json'), 'utf8'))).toEqual([]);
    expect(JSON.parse(await readFile(path.join(out, 'annotations.json'), 'utf8')).images).toHaveLength(3);
    expect(await readFile(path.join(out, 'objects.csv'), 'utf8')).toBe(
      'file,label,score,x1,y1,x2,y2,pixels\n',
    );
    expect(await readFile(path.join(out, 'labels/b/y.txt'), 'utf8')).toBe('');
  });

  it('as CSV have a row per object', async () => {
    const odd = path.join(photos, 'one, "two".png');
    await cp(path.join(photos, 'b/y.png'), odd);
    const out = await run(() => detected(withMasks()), { format: 'csv' }, [odd]);
    expect(await readFile(path.join(out, 'objects.csv'), 'utf8')).toBe(
      `file,label,score,x1,y1,x2,y2,pixels\n"${odd.replaceAll('"', '""')}",ball,0.75,1,2,7,8,36\n"${odd.replaceAll('"', '""')}",crate,0.5,4.25,3.5,12,9,48\n`,
    );
  });

  it('of masks number the objects, of which the surest is seen', async () => {
    const out = await run(() => detected(withMasks()), { format: 'masks', copyImages: true });
    const mask = await decodeIndexedPng(await readFile(path.join(out, 'masks/y.png')), 'y');
    expect([mask.width, mask.height]).toEqual([17, 9]);
    // Ball and crate, both where they overlap: the ball.
    expect([mask.data[2 * 17 + 1], mask.data[5 * 17 + 5], mask.data[5 * 17 + 9]]).toEqual([2, 2, 1]);
    const read = await readBack(out);
    expect(read).toHaveLength(3);
    for (const { annotation } of read) {
      expect(
        objectsOf(annotation.shapes)
          .map(({ label }) => label)
          .sort(),
      ).toEqual(['ball', 'crate']);
    }
  });

  it('of a segmenter are its classes at every pixel, or regions', async () => {
    const found = ({ width, height }: { width: number; height: number }): Segmentation => ({
      width,
      height,
      labels: Uint8Array.from({ length: width * height }, (_, i) =>
        i % width < 6 ? 1 : i === width - 1 ? 2 : 0,
      ),
    });
    const segmented = (size: { width: number; height: number }): Found => ({
      shapes: classShapes(found(size), CLASSES),
      outlines: () => regionOutlines(found(size), CLASSES),
      overlay: () => ({}),
      summary: 'done',
    });
    const out = await run(segmented, { format: 'masks', scored: false });
    const mask = await decodeIndexedPng(await readFile(path.join(out, 'masks/b/y.png')), 'y');
    expect([...mask.data]).toEqual([...found({ width: 17, height: 9 }).labels]);
    const [first] = await readBack(out, { imageFolder: photos, allowOutside: true });
    expect(first!.annotation.shapes.map(({ label }) => label)).toEqual(['crate', 'ball']);
    // A single pixel is no region.
    expect(regionShapes(found({ width: 17, height: 9 }), CLASSES)).toEqual([
      {
        label: 'crate',
        box: [0, 0, 6, 9],
        groupId: null,
        mask: { x: 0, y: 0, width: 6, height: 9, data: new Uint8Array(54).fill(1) },
      },
    ]);
    const labelme = await readBack(await run(segmented, { scored: false, out: path.join(root, 'other') }), {
      allowOutside: true,
    });
    expect(labelme.map(({ annotation }) => annotation.shapes.length)).toEqual([1, 1, 1]);
  });

  it('are refused where they could overwrite images', async () => {
    const inFolder = { out: path.join(photos, 'b') };
    await expect(run(() => detected([]), inFolder, [path.join(photos, 'b')])).rejects.toThrow(
      /is in the folder of --out, and results could overwrite it/,
    );
  });
});

describe('images that cannot be used', () => {
  it('are a line each, counted at the end, and the others have results', async () => {
    await writeFile(path.join(photos, 'a/bad.png'), 'no image');
    await writeFile(
      path.join(photos, 'b/cut.jpg'),
      (await readFile(path.join(photos, 'b/x.jpg'))).subarray(0, 200),
    );
    const out = path.join(root, 'out');
    await expect(run(() => detected(DETECTIONS), { format: 'coco' })).rejects.toThrow(
      /^2 of 5 images failed; the first: .*bad\.png: not an image that can be read/,
    );
    const failed = warned.filter((line) => line.startsWith('failed: '));
    expect(failed).toHaveLength(2);
    expect(failed[1]).toMatch(/cut\.jpg: truncated or damaged JPEG/);
    const { images } = JSON.parse(await readFile(path.join(out, 'annotations.json'), 'utf8'));
    expect(images).toHaveLength(3);
    expect(await filesIn(out)).toEqual([...drawn, 'annotations.json', 'results.json'].sort());
  });

  it('are one error where there is only one', async () => {
    const missing = path.join(photos, 'no.png');
    await expect(run(() => detected([]), {}, [missing])).rejects.toThrow(
      /^.*no\.png: cannot read the image \(no such file/,
    );
    expect(warned).toEqual([]);
  });

  it('end the run where the disk, and not the image, is at fault; nothing half-written stays', async () => {
    const inputs = await imageInputs([photos], { recursive: true, out: path.join(root, 'out') });
    const results = await Results.create(inputs, CLASSES, true, {
      out: path.join(root, 'out'),
      format: 'csv',
    });
    let written = 0;
    const running = runImages(
      inputs,
      {},
      {
        load: loadImage,
        predict: async () => detected(DETECTIONS),
        write: async (found, image, input) => {
          await results.add(input, image, found);
          if (++written === 2) throw new Error('disk full');
          return '';
        },
        finish: () => results.finish(),
        discard: () => results.discard(),
      },
    );
    await expect(running).rejects.toThrow('disk full');
    expect(await filesIn(path.join(root, 'out'))).toEqual(['a/x_drawn.png', 'b/x_drawn.png']);
  });
});
