import type { DataFault } from '../../../src/data/faults.ts';
import type { AnnotatedImage, FormatName, ReadOptions } from '../../../src/data/formats/format.ts';
import { readAll } from './folders.ts';

export const labelme = (shapes: object[], more: object = {}): object => ({
  version: '5.4.1',
  flags: {},
  shapes,
  imagePath: 'a.png',
  imageData: null,
  imageHeight: 10,
  imageWidth: 20,
  ...more,
});
export const rectangle = (x1: number, y1: number, x2: number, y2: number, label = 'cat') => ({
  label,
  points: [
    [x1, y1],
    [x2, y2],
  ],
  shape_type: 'rectangle',
});
export const polygon = (points: number[][], label = 'cat') => ({ label, points, shape_type: 'polygon' });

export const coco = (
  annotations: object[],
  images: object[] = [{ id: 1, file_name: 'a.png', width: 20, height: 10 }],
) => ({
  images,
  categories: [{ id: 1, name: 'cat' }],
  annotations: annotations.map((one, i) => ({ id: i + 1, image_id: 1, category_id: 1, ...one })),
});

/** Reads with everything that is bad left out, and what was said of it. */
export async function lenient(
  folder: string,
  options: ReadOptions & { readonly format?: FormatName } = {},
): Promise<{ images: AnnotatedImage[]; faults: DataFault[]; said: string[] }> {
  const faults: DataFault[] = [];
  const images = await readAll(folder, { skipBad: true, onFault: (fault) => faults.push(fault), ...options });
  return { images, faults, said: faults.map(({ level, kind }) => `${level}: ${kind}`) };
}
