import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, vi } from 'vitest';
import { type ConvertOptions, convertCommand } from '../../cli/src/commands/convert.ts';
import { diskFiles } from '../../cli/src/dataFiles.ts';
import type { AnnotatedShape, Annotation, MaskPatch } from '../../src/data/annotation.ts';
import type { AnnotatedImage, FormatName } from '../../src/data/formats/format.ts';
import { openDataset } from '../../src/data/formats/index.ts';
import { formatLabelme } from '../../src/data/formats/labelme/format.ts';
import { encodeIndexedPng } from '../../src/data/indexedPng.ts';
import { paintPatch, shapeToPatch } from '../../src/data/maskPatch.ts';
import { type AnnotatedObject, objectsOf } from '../../src/data/objects.ts';
import { polygonBounds } from '../../src/data/polygon.ts';
import type { Point } from '../../src/vision/boxes.ts';

let root: string;
let printed = '';
/** What was written to stdout since the test began. */
export const said = (): string => printed;

/** Makes the folder that all paths of a test file are in, and catches what its tests write to stdout. */
export function useConvertFolders(): void {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'fovea-convert-'));
  });
  beforeEach(() => {
    printed = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
}

let count = 0;
/** A path where nothing is yet. */
export const newPath = (name: string) => join(root, `${count++}-${name}`);

/** The folder that all paths are in. */
export const rootOf = (): string => root;

/** A ring of pixels: a mask with a hole. */
export function ring(x: number, y: number, side: number): MaskPatch {
  const data = Uint8Array.from({ length: side * side }, (_, i) => {
    const [u, v] = [i % side, Math.floor(i / side)];
    return u > 1 && v > 1 && u < side - 2 && v < side - 2 ? 0 : 1;
  });
  return { x, y, width: side, height: side, data };
}

export const outlined = (
  label: string,
  points: Point[],
  more: Partial<AnnotatedShape> = {},
): AnnotatedShape => ({
  label,
  points,
  box: polygonBounds(points),
  groupId: null,
  ...more,
});

/** Outlines whose corners are whole, since VOC has pixels. */
export const polygons: AnnotatedShape[] = [
  outlined('cat', [
    [2, 2],
    [20, 4],
    [14, 22],
    [4, 18],
  ]),
  outlined(
    'dog',
    [
      [30, 5],
      [45, 5],
      [45, 12],
    ],
    { groupId: 4 },
  ),
  outlined(
    'dog',
    [
      [32, 20],
      [46, 20],
      [46, 28],
      [32, 28],
    ],
    { groupId: 4 },
  ),
];
export const boxes: AnnotatedShape[] = [
  { label: 'cat', box: [1, 2, 13, 17], groupId: null },
  { label: 'dog & co', box: [20, 4, 47, 31], groupId: null },
];
export const masks: AnnotatedShape[] = [
  { label: 'cat', box: [3, 3, 15, 15], mask: ring(3, 3, 12), groupId: null },
  { label: 'dog', box: [20, 10, 29, 19], mask: ring(20, 10, 9), groupId: null },
];

/** A Labelme folder of 48x32 images with these shapes. */
export async function labelmeFolder(
  images: Readonly<Record<string, readonly AnnotatedShape[]>>,
): Promise<string> {
  const folder = newPath('source');
  await mkdir(folder, { recursive: true });
  for (const [name, shapes] of Object.entries(images)) {
    const image = { create: { width: 48, height: 32, channels: 3, background: '#385' } } as const;
    await sharp(image)
      .png()
      .toFile(join(folder, `${name}.png`));
    const annotation: Annotation = { width: 48, height: 32, shapes: [...shapes] };
    const encoded = new Map<MaskPatch, string>();
    for (const { mask } of shapes) {
      if (mask) encoded.set(mask, Buffer.from(await encodeIndexedPng(mask)).toString('base64'));
    }
    const text = formatLabelme(annotation, { imagePath: `${name}.png`, png: (mask) => encoded.get(mask) });
    await writeFile(join(folder, `${name}.json`), text);
  }
  return folder;
}

export async function read(folder: string): Promise<AnnotatedImage[]> {
  const found: AnnotatedImage[] = [];
  for await (const image of (await openDataset(diskFiles, folder)).images()) found.push(image);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export const objects = async (folder: string): Promise<AnnotatedObject[]> =>
  (await read(folder)).flatMap(({ annotation }) => objectsOf(annotation.shapes));

/** Converts on from one format to the next; gives the last folder. */
export async function through(
  source: string,
  formats: readonly FormatName[],
  options: Partial<ConvertOptions> = {},
): Promise<string> {
  let from = source;
  for (const format of formats) {
    const to = newPath(format);
    await convertCommand(from, to, { format, ...options });
    from = to;
  }
  return from;
}

/** The pixels of an object in a 48x32 image. */
export function pixels({ shapes }: AnnotatedObject): Uint8Array {
  const map = new Uint8Array(48 * 32);
  const size = { width: 48, height: 32 };
  for (const shape of shapes) paintPatch({ ...size, data: map }, shapeToPatch(shape, size), 1);
  return map;
}

export const ALL = ['coco', 'voc', 'yolo', 'labelme'] as const;
export const PAIRS = ALL.flatMap((a) => ALL.map((b) => [a, b] as const));
