/** Small files that claim much, or list much: refused before anything of that size is made, and read in time in proportion to the file. */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { decodeImage, verifyImage } from '../../../cli/src/images.ts';
import { parseDataYaml } from '../../../src/data/formats/yolo/yaml.ts';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { JsonSplitter } from '../../../src/data/jsonStream.ts';
import { keptRuns } from '../../../src/data/maskRuns.ts';
import { DataError } from '../../../src/errors.ts';
import { coco, labelme } from './fieldFiles.ts';
import { annotationsOf, faultOf, folderOf, image } from './folders.ts';

/** A PNG whose header claims another size, with pixels that cannot be unpacked: an error about these would mean that it was tried. */
async function claim(width: number, height: number): Promise<Uint8Array> {
  const png = Buffer.from(await encodeIndexedPng({ width: 2, height: 1, data: Uint8Array.of(1, 2) }));
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  // The checksum of the header's part.
  let crc = 0xffffffff;
  for (const byte of png.subarray(12, 29)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  png.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 29);
  return png;
}

/** A BMP file of 8 bits per pixel with a palette; `method` 1 is RLE8. */
function bmp(width: number, height: number, method: number, data: readonly number[]): Uint8Array {
  const file = Buffer.alloc(1078 + data.length);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(1078, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(8, 28);
  file.writeUInt32LE(method, 30);
  file.writeUInt32LE(256, 46);
  file.set([10, 20, 30], 54 + 4 * 7);
  file.set(data, 1078);
  return file;
}

describe('claimed sizes', () => {
  it('of masks are compared with the image before anything is unpacked', async () => {
    const png = await claim(16384, 16384);
    const list = { 'class_names.txt': '_background_\ncat\n' };
    const folder = { 'images/a.png': await image(), 'masks/a.png': png };
    for (const files of [folder, { ...folder, ...list }]) {
      expect((await faultOf(annotationsOf(await folderOf(files)))).message).toMatch(
        /masks\/a\.png: the annotation is for 16384x16384 pixels, but the image has 20x10/,
      );
    }
    const large = await folderOf({
      ...list,
      'images/a.png': await image(),
      'masks/a.png': await claim(16385, 16385),
    });
    expect((await faultOf(annotationsOf(large))).message).toContain('more than 268435456');
    // Of the right size, but with too few bytes to fill it.
    const short = { 'images/a.png': await image(3000, 3000), 'masks/a.png': await claim(3000, 3000) };
    expect((await faultOf(annotationsOf(await folderOf({ ...list, ...short })))).message).toMatch(
      /a\.png: is damaged: at most \d+ bytes of pixels, 3000x3000 needs 9003000/,
    );
    const voc = await folderOf({
      'Annotations/a.xml':
        '<annotation><filename>a.png</filename><size><width>20</width><height>10</height></size></annotation>',
      'JPEGImages/a.png': await image(),
      'SegmentationClass/a.png': png,
    });
    expect((await faultOf(annotationsOf(voc))).message).toMatch(
      /has 16384x16384 pixels, but its image 20x10/,
    );
  });

  it('of BMP files need the bytes to fill them', async () => {
    const few = bmp(16000, 16000, 0, [1, 2, 3]);
    expect((await faultOf(verifyImage(few, 'a.bmp'))).message).toMatch(
      /^a\.bmp: truncated or damaged BMP \(16000x16000 pixels need 256000000 bytes, and it has 3\)/,
    );
    expect((await faultOf(decodeImage(few, 'a.bmp', { maxPixels: 2 ** 30 }))).name).toBe('DataError');
    // However small it is to be: such a file is only decoded whole.
    expect((await faultOf(decodeImage(few, 'a.bmp', { maxSide: 64 }))).message).toContain('more than');
    // Run lengths write much with few bytes.
    expect((await faultOf(verifyImage(bmp(16000, 16000, 1, [0, 1]), 'a.bmp'))).message).toMatch(
      /^a\.bmp: is a BMP file with compression, which is not read; save it without, or as PNG/,
    );
    // A palette's colours, the bottom row first.
    const whole = bmp(4, 2, 0, [0, 0, 0, 0, 7, 7, 7, 7]);
    await verifyImage(whole, 'a.bmp');
    const { width, height, rgb } = await decodeImage(whole, 'a.bmp');
    expect([width, height, ...rgb.subarray(9, 15)]).toEqual([4, 2, 30, 20, 10, 0, 0, 0]);
    // Opaque or not, by the fourth byte; 5 bits of each channel; the top row first.
    const four = Buffer.from(bmp(1, 1, 0, [3, 2, 1, 0]));
    four.writeUInt16LE(32, 28);
    expect([...(await decodeImage(four, 'a.bmp')).rgb]).toEqual([1, 2, 3]);
    const five = Buffer.from(bmp(1, -2, 0, [0x1f, 0x7c, 0, 0, 0x1f, 0, 0, 0]));
    five.writeUInt16LE(16, 28);
    expect([...(await decodeImage(five, 'a.bmp')).rgb]).toEqual([255, 0, 255, 0, 0, 255]);
  });
});

describe('large masks', () => {
  it('are kept as run lengths by every reader', async () => {
    const side = 400;
    const data = new Uint8Array(side * side).fill(1);
    const grey = await encodeIndexedPng({ width: side, height: side, data });
    const picture = { 'a.png': await image(side, side) };
    const size = { imageWidth: side, imageHeight: side };
    const mask = {
      label: 'cat',
      points: [
        [0, 0],
        [side - 1, side - 1],
      ],
      shape_type: 'mask',
      mask: Buffer.from(grey).toString('base64'),
    };
    const rle = { size: [side, side], counts: [0, side * side] };
    const folders: Record<string, Uint8Array | object>[] = [
      { ...picture, 'a.json': labelme([mask], size) },
      {
        ...picture,
        'c.json': coco([{ segmentation: rle }], [{ id: 1, file_name: 'a.png', width: side, height: side }]),
      },
      { 'images/a.png': picture['a.png'], 'masks/a.png': grey },
    ];
    for (const folder of folders) {
      const [annotation] = await annotationsOf(await folderOf(folder));
      const found = annotation!.shapes[0]!.mask!;
      expect(Array.from(keptRuns(found)!.counts)).toEqual([0, side * side]);
      expect(found.data.length).toBe(side * side);
    }
  });

  it('of Labelme are decoded as grey bytes', async () => {
    const data = Uint8Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 255 : i === 1 ? 1 : 0));
    const grey = await encodeIndexedPng({ width: 4, height: 3, data });
    expect(await diskFiles.decodePng(grey)).toMatchObject({ width: 4, height: 3 });
    expect([...(await diskFiles.decodePng(grey)).data]).toEqual([...data]);
    const rgb = await sharp({ create: { width: 4, height: 3, channels: 3, background: '#102030' } })
      .png()
      .toBuffer();
    expect([...(await diskFiles.decodePng(rgb)).data.subarray(0, 4)]).toEqual([16, 32, 48, 16]);
    await expect(diskFiles.decodePng(grey.subarray(0, 60))).rejects.toThrow(DataError);
    await expect(diskFiles.decodePng(deflateSync(grey))).rejects.toThrow('PNG signature');
  });
});

describe('long lists', () => {
  it('of keys: each is known without going through the others', () => {
    const text = (last: string) =>
      new TextEncoder().encode(
        `{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":{}`).join(',')},"${last}":1}`,
      );
    const splitter = new JsonSplitter('a.json', 'fix it');
    expect(splitter.push(text('last')).length).toBe(60_001);
    expect(splitter.keys.length).toBe(60_001);
    // The list that callers see is not what is searched.
    let searched = 0;
    const counting = new JsonSplitter('a.json', 'fix it');
    for (const name of ['includes', 'indexOf', 'some', 'find'] as const) {
      Object.defineProperty(counting.keys, name, { value: () => searched++ });
    }
    expect(() => counting.push(text('k5'))).toThrow('the key "k5" occurs twice');
    expect(searched).toBe(0);
  });

  it('of YAML: aliases, keys that occur twice, and what is nested too deep', () => {
    expect(parseDataYaml('a: &x [p, q]\nb: *x\nc: &x r\nd: [*x, s]\n', 'f')).toEqual(
      new Map<string, string | string[]>([
        ['a', ['p', 'q']],
        ['b', ['p', 'q']],
        ['c', 'r'],
        ['d', ['r', 's']],
      ]),
    );
    expect(() => parseDataYaml('a: 1\nb:\n  c: 1\n  c: 2\n', 'f')).toThrow(
      'f: line 4: Map keys must be unique; ',
    );
    for (const open of ['[', '{a: ', '- ', '? ']) {
      const text = `names: [a]\nx:\n  ${open.repeat(20_000)}\n`;
      expect(() => parseDataYaml(text, 'f')).toThrow(
        /^f: (its lists and maps are nested too deep to be read|line 3: )/,
      );
      expect(() => parseDataYaml(text, 'f')).not.toThrow('call stack');
    }
  });
});
