import sharp from 'sharp';
import { type DecodePng, parseLabelme, toAnnotation } from '../../src/data/index.ts';

export const decodePng: DecodePng = async (bytes) => {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
};

export async function pngOf(width: number, height: number, pixels: number[]): Promise<string> {
  const raw = { width, height, channels: 1 } as const;
  const png = await sharp(Uint8Array.from(pixels), { raw }).toColourspace('b-w').png().toBuffer();
  return png.toString('base64');
}

export const triangle = {
  label: 'a',
  points: [
    [1, 1],
    [5, 1],
    [1, 5],
  ],
  shape_type: 'polygon',
  group_id: null,
  flags: {},
};

/** A Labelme file of a 20x10 image, with these shapes and other changes. */
export const fileOf = (shapes: unknown, changes: object = {}) =>
  JSON.stringify({
    version: '5.1.1',
    flags: {},
    shapes,
    imagePath: 'a.png',
    imageData: null,
    imageHeight: 10,
    imageWidth: 20,
    ...changes,
  });

export const read = (shapes: unknown, changes: object = {}) =>
  toAnnotation(parseLabelme(fileOf(shapes, changes), 'a.json'), 'a.json', { decodePng });
