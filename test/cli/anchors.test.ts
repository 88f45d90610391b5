import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BoxStatistics, logHistogram, quantile } from '../../cli/src/boxStatistics.ts';
import { type AnchorsOptions, anchorsCommand } from '../../cli/src/commands/anchors.ts';
import { convertCommand } from '../../cli/src/commands/convert.ts';
import { textHistogram, textScatter } from '../../cli/src/textPlots.ts';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import type { FormatName } from '../../src/data/formats/format.ts';
import { Random } from '../../src/vision/random.ts';
import { buildCli } from './run.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-anchors-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const box = (
  label: string,
  width: number,
  height: number,
  more: Partial<AnnotatedShape> = {},
): AnnotatedShape => ({
  label,
  box: [1, 2, 1 + width, 2 + height],
  groupId: null,
  ...more,
});

describe('statistics of boxes', () => {
  it('count objects, classes and images; crowds and difficult ones are left out', () => {
    const statistics = new BoxStatistics();
    const size = { width: 100, height: 50 };
    const parts = [4, 12].map((width) => box('a', width, width / 2 + 2, { groupId: 1 }));
    parts[1]!.box = [9, 2, 21, 8];
    statistics.add({ ...size, shapes: [...parts, box('b', 10, 5), box('b', 8, 8, { crowd: true })] }, 0.5);
    statistics.add({ ...size, shapes: [box('b', 3, 3, { difficult: true }), box('b', 2, 8)] }, 1);
    statistics.add({ ...size, shapes: [] }, 1);
    expect(statistics.sides).toEqual([
      [10, 3],
      [5, 2.5],
      [2, 8],
    ]);
    expect(statistics.leftOut).toBe(2);
    expect(statistics.classTable).toMatchObject({
      rows: [
        ['b', '2', '66.7 %', '2'],
        ['a', '1', '33.3 %', '1'],
      ],
      total: ['all', '3', '', '3'],
    });
    const rows = new Map(statistics.quantileTable.rows.map(([name, ...values]) => [name, values]));
    expect(rows.get('width')).toEqual(['2.00', '2.30', '3.50', '5.00', '7.50', '9.50', '10.0']);
    expect(rows.get('boxes per image')![3]).toBe('1.00');
    expect([...statistics.ratios]).toEqual([0.3, 0.5, 4]);
    expect(statistics.sizes[2]).toBe(4);
  });

  it('many classes are one row from the 21st on', () => {
    const statistics = new BoxStatistics();
    for (let i = 0; i < 25; i++) statistics.add({ width: 9, height: 9, shapes: [box(`c${i}`, 2, 2)] }, 1);
    expect(statistics.classTable.rows).toHaveLength(21);
    expect(statistics.classTable.rows.at(-1)).toEqual(['5 more', '5', '20.0 %', '']);
  });

  it('quantiles are NumPy’s', () => {
    const values = [1, 2, 4, 8];
    expect([0, 0.05, 0.25, 0.5, 0.75, 1].map((share) => quantile(values, share))).toEqual([
      1, 1.15, 1.75, 3, 5, 8,
    ]);
    expect(quantile([3], 0.3)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('histograms have steps of equal ratio, and count all', () => {
    const bins = logHistogram(Float64Array.of(1, 1.5, 2, 3, 7.9, 8), 3);
    expect(bins.map(({ count }) => count)).toEqual([2, 2, 2]);
    expect(bins.map(({ from }) => Math.round(from))).toEqual([1, 2, 4]);
    expect(logHistogram(Float64Array.of(5, 5, 5), 4).reduce((sum, { count }) => sum + count, 0)).toBe(3);
  });
});

describe('plots of characters', () => {
  it('bars are as long as their count, and never without where there is one', () => {
    const bin = (count: number) => ({ from: 1, to: 2, count });
    expect(textHistogram([bin(0), bin(1), bin(500), bin(1000)], 10)).toEqual([
      '1.00 – 2.00     0',
      '1.00 – 2.00     1  ▏',
      '1.00 – 2.00   500  █████',
      '1.00 – 2.00  1000  ██████████',
    ]);
  });

  it('boxes lie by width and height, anchors on top', () => {
    const sides = [
      ...new Array<[number, number]>(50).fill([10, 10]),
      [100, 100] as [number, number],
      [10, 100] as [number, number],
    ];
    const lines = textScatter(sides, [[99, 11]], { columns: 10, rows: 4 });
    expect(lines).toEqual([
      '   100 │·        ·',
      'height │',
      '       │',
      '  10.0 │█        A',
      '       └──────────',
      expect.stringMatching(/^ {8}10\.0 *\S* *100$/),
    ]);
    // One box alone, of no extent on either scale.
    expect(textScatter([[5, 5]], [], { columns: 4, rows: 3 }).join('')).toContain('·');
  });
});

/** A COCO file of boxes around two shapes: wide and tall. */
async function cocoFile(count: number): Promise<string> {
  const random = new Random('two shapes');
  const images = Array.from({ length: 10 }, (_, i) => ({
    id: i,
    file_name: `${i}.jpg`,
    width: 640,
    height: 480,
  }));
  const annotations = Array.from({ length: count }, (_, id) => {
    const [w, h] = id % 2 === 0 ? [120, 40] : [30, 90];
    const scale = random.range(0.9, 1.1);
    return { id, image_id: id % 10, category_id: 1, bbox: [5, 5, w * scale, h * scale], iscrowd: 0 };
  });
  const file = join(root, `${count}.json`);
  await writeFile(file, JSON.stringify({ images, annotations, categories: [{ id: 1, name: 'thing' }] }));
  return file;
}

/** Four images of two boxes each, of which three no longer are as they were labelled. */
async function unevenFolder(format: FormatName): Promise<string> {
  const folder = await mkdtemp(join(root, `${format}-`));
  await mkdir(join(folder, 'labelled'));
  const png = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#385', noise: NOISE } })
      .png()
      .toBuffer();
  for (const name of ['a', 'b', 'c', 'd']) {
    await writeFile(join(folder, 'labelled', `${name}.png`), await png(48, 32));
    const polygon = (label: string, points: number[][]) => ({ label, points, shape_type: 'polygon' });
    const corners = (x: number, y: number, w: number, h: number) => [
      [x, y],
      [x + w, y],
      [x + w, y + h],
      [x, y + h],
    ];
    const shapes = [polygon('cat', corners(2, 2, 20, 8)), polygon('dog', corners(24, 12, 8, 16))];
    const document = { shapes, imagePath: `${name}.png`, imageWidth: 48, imageHeight: 32 };
    await writeFile(join(folder, 'labelled', `${name}.json`), JSON.stringify(document));
  }
  const to = join(folder, 'data');
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await convertCommand(join(folder, 'labelled'), to, { format });
  write.mockRestore();
  const images = join(
    to,
    { labelme: '', coco: 'images', voc: 'JPEGImages', masks: 'images', yolo: 'images' }[format],
  );
  await rm(join(images, 'b.png'));
  await writeFile(join(images, 'c.png'), (await png(48, 32)).subarray(0, 2000));
  await writeFile(join(images, 'd.png'), await png(24, 16));
  return to;
}
const NOISE = { type: 'gaussian', mean: 128, sigma: 30 } as const;

/** What the command prints for labels without images. */
async function anchors(data: string, options: AnchorsOptions = {}): Promise<string> {
  let text = '';
  const all = { labelsOnly: true, ...options };
  await anchorsCommand(data, all, { write: (line: string) => (text += line) });
  return text;
}

describe('fovea anchors', () => {
  it('finds the shapes that are there, and says what they reach; the labels alone will do', async () => {
    const data = await cocoFile(60);
    const json = join(root, 'a.json');
    const report = join(root, 'a.html');
    const text = await anchors(data, { model: 'yolov3-tiny', size: 640, json, report });
    expect(text).toContain(
      `${data} (COCO): 60 boxes of 1 class in 10 images, in pixels of images fitted into 640x640`,
    );
    const result = JSON.parse(await readFile(json, 'utf8'));
    expect(result).toMatchObject({ boxes: 60, images: 10, size: 640, model: 'yolov3-tiny' });
    const [, two] = result.clusters;
    expect(two.k).toBe(2);
    expect(two.recall).toBe(1);
    expect(two.meanIou).toBeGreaterThan(0.88);
    // About 30x90 and 120x40, smallest first.
    const [[w1, h1], [w2, h2]] = two.anchors;
    for (const [value, expected] of [
      [w1, 30],
      [h1, 90],
      [w2, 120],
      [h2, 40],
    ]) {
      expect(Math.abs(value / expected - 1)).toBeLessThan(0.1);
    }
    expect(result.clusters).toHaveLength(12);
    expect(result.fitted.anchors).toHaveLength(6);
    expect(result.fitted.meanIou).toBeGreaterThan(result.default.meanIou);
    expect(text).toMatch(/^anchors = (\d+,\d+(, {2})?){6}$/m);
    const html = await readFile(report, 'utf8');
    expect(html.match(/class="fovea-plot"/g)).toHaveLength(4);
    expect(html).toContain('aria-label="Width and height: 60 boxes; fitted anchors: ');
    expect(html).not.toContain('adapter');
    // The same seed gives the same anchors.
    expect(await anchors(data, { model: 'yolov3-tiny', size: 640 })).toContain(
      text.match(/^anchors = .*$/m)![0],
    );
  });

  it('lays out sizes and aspect ratios of a pyramid', async () => {
    const data = await cocoFile(61);
    const text = await anchors(data, { model: 'fasterrcnn', size: 320, clusters: 10 });
    expect(text).toContain('shrunk to a longer side of 320');
    const sizes = JSON.parse(/^anchorSizes: (.*)$/m.exec(text)![1]!) as number[][];
    expect(sizes.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2]);
    // Half of the image's size: √(30 90) / 2 to √(120 40) / 2, 10 % either way.
    for (const size of sizes.flat()) expect(size > 23 && size < 39).toBe(true);
    const ratios = JSON.parse(/^aspectRatios: (.*)$/m.exec(text)![1]!) as number[];
    expect(ratios).toHaveLength(3);
    for (const ratio of ratios)
      expect(Math.min(Math.abs(ratio - 3), Math.abs(ratio - 1 / 3))).toBeLessThan(0.01);
  });

  it('names what cannot be', async () => {
    const data = await cocoFile(62);
    await expect(anchors(data, { model: 'yolov3', clusters: 8 })).rejects.toThrow(
      /--clusters 8 cannot be divided evenly among the 3 scales of yolov3; give a multiple of 3/,
    );
    await expect(anchors(await cocoFile(0))).rejects.toThrow(
      /0\.json: none of the 10 images has an object; label some/,
    );
  });

  it('uses fewer anchors where there are fewer different boxes, and describes the data in any case', async () => {
    const five = await cocoFile(5);
    expect(await anchors(five, { model: 'yolov3' })).toMatch(/^anchors = (\d+,\d+(, {2})?){3}$/m);
    const pyramid = await anchors(five);
    expect(/^anchorSizes: (.*)$/m.exec(pyramid)![1]!.match(/\d/g)!.length).toBeGreaterThan(4);
    expect(pyramid).toMatch(/^Anchors of retinanet$/m);

    let text = '';
    const output = { write: (line: string) => (text += line) };
    const fails = (options: AnchorsOptions, file: string) =>
      anchorsCommand(file, { labelsOnly: true, ...options }, output).then(
        () => 'did not fail',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    expect(await fails({ model: 'yolov3', clusters: 6 }, five)).toBe(
      `DataError: ${five}: has only 5 different boxes, and yolov3 needs 6 for --clusters 6; label more objects, or give at most --clusters 3`,
    );
    expect(text).toContain('(COCO): 5 boxes of 1 class in 10 images');
    const one = await cocoFile(1);
    expect(await fails({ clusters: 5 }, one)).toBe(
      `DataError: ${one}: has only 1 different size of boxes, and retinanet needs 5 for --clusters 5; label more objects, or leave --clusters out`,
    );
    expect(text).toContain('(COCO): 1 box of 1 class in 10 images');
    // The first set of a beginner: a training takes these anchors.
    const json = join(root, 'few.json');
    const three = await anchors(await cocoFile(3), { json });
    expect(three).toContain(
      'only 3 different sizes of boxes, so that neighbouring levels have the same; label',
    );
    const { fitted } = JSON.parse(await readFile(json, 'utf8'));
    expect(fitted.sizes).toMatchObject(Array.from({ length: 5 }, () => [expect.any(Number)]));
    expect(new Set(fitted.sizes.flat()).size).toBe(3);
    expect(await anchors(one, { model: 'yolov3' })).toContain('there is only 1 different box, so that');
  });

  it('clips boxes, and refuses bad data before it describes them', async () => {
    const file = join(root, 'outside.json');
    const images = [{ id: 1, file_name: 'a.jpg', width: 64, height: 48 }];
    const annotations = Array.from({ length: 6 }, (_, id) => {
      return { id, image_id: 1, category_id: 1, bbox: [60, 10, 20 + id, 10 + id], iscrowd: 0 };
    });
    const write = (more: object[]) =>
      writeFile(
        file,
        JSON.stringify({
          images,
          annotations: [...annotations, ...more],
          categories: [{ id: 1, name: 'a' }],
        }),
      );
    await write([]);
    expect(await anchors(file, { model: 'yolov3-tiny', clusters: 2 })).toContain('6 boxes of 1 class');
    await expect(anchors(file, { clip: false })).rejects.toThrow(/outside of the image.*\(--clip\)/);
    await write([{ id: 9, image_id: 1, category_id: 2, bbox: [1, 1, 2, 2] }]);
    let text = '';
    await expect(
      anchorsCommand(
        file,
        { model: 'yolov3-tiny', labelsOnly: true, reportBad: join(root, 'bad.json') },
        { write: (line) => (text += line) },
      ),
    ).rejects.toThrow(/^1 fault in the data, listed in /);
    expect(text).toBe('');
  });

  it.each([
    'labelme',
    'coco',
    'voc',
    'masks',
  ] as const)('measures what a training uses: images that are missing, truncated or of another size are faults: %s', async (format) => {
    const folder = await unevenFolder(format);
    const own = { model: 'yolov3-tiny', clusters: 2 } as const;
    const measure = async (options: AnchorsOptions): Promise<string> =>
      /^.*: (\d+ box(?:es)? of .*?),/m.exec(await anchors(folder, { ...own, ...options }))![1]!;
    // Images a to d: as labelled; missing; cut short; half as large.
    expect(await measure({ labelsOnly: true })).toBe('8 boxes of 2 classes in 4 images');
    await expect(anchors(folder, { ...own, labelsOnly: false })).rejects.toThrow(/b\.png/);
    await expect(anchors(folder, { ...own, labelsOnly: false })).rejects.toThrow(/\(--labels-only\)$/);
    const skipBad = { labelsOnly: false, skipBad: true };
    expect(await measure(skipBad)).toBe('2 boxes of 2 classes in 1 image');
    expect(await measure({ ...skipBad, fixSizes: true })).toBe('4 boxes of 2 classes in 2 images');
  });

  it('reads a file much larger than its memory', async () => {
    await buildCli();
    const file = join(root, 'large.json');
    const out = createWriteStream(file);
    const random = new Random('large');
    const images = 2000;
    out.write('{"annotations": [');
    const polygon = Array.from(
      { length: 60 },
      (_, i) => 100 + 50 * (i % 2 === 0 ? Math.cos(i) : Math.sin(i)),
    );
    const shape = JSON.stringify([polygon]);
    const count = 18_000;
    for (let id = 0; id < count; id++) {
      const [w, h] = [random.range(10, 200), random.range(10, 200)];
      const line = `${id > 0 ? ',' : ''}{"id":${id},"image_id":${random.integer(images)},"category_id":1,"iscrowd":0,"area":1,"bbox":[1,1,${w},${h}],"segmentation":${shape}}`;
      if (!out.write(line)) await once(out, 'drain');
    }
    const list = Array.from({ length: images }, (_, id) => ({
      id,
      file_name: `${id}.jpg`,
      width: 640,
      height: 480,
    }));
    out.end(`],"images":${JSON.stringify(list)},"categories":[{"id":1,"name":"a"}]}`);
    await finished(out);
    // 24 MB of text, and as much again as objects, beside the 17 MB of the program itself.
    const args = [
      '--max-old-space-size=48',
      join(import.meta.dirname, '../../cli/bin/fovea.mjs'),
      'anchors',
      file,
      '--labels-only',
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toContain(`${count} boxes of 1 class in ${images} images`);
  });
});
