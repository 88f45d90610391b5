import type { MaskPatch } from '../../../src/data/annotation.ts';
import { rleEncode } from '../../../src/vision/rle.ts';
import { rleToString } from '../../../src/vision/rleText.ts';
import { folderOf, image } from './folders.ts';

export const images = [{ id: 7, file_name: 'a.png', width: 20, height: 10 }];
/** Numbers with gaps, as COCO's own are. */
export const categories = [
  { id: 18, name: 'dog', supercategory: 'animal' },
  { id: 1, name: 'person' },
];
export const annotation = (changes: object = {}) => ({
  id: 100,
  image_id: 7,
  category_id: 18,
  bbox: [2, 3, 6.5, 4],
  ...changes,
});

/** A folder with a.png and a COCO file of these annotations. */
export async function cocoFolder(annotations: readonly object[], changes: object = {}): Promise<string> {
  const file = { images, categories, annotations, ...changes };
  return folderOf({ 'instances.json': file, 'a.png': await image() });
}

/** A mask with a hole, as COCO stores it both ways. */
export function holed(): { mask: MaskPatch; runs: number[]; text: string } {
  const map = new Uint8Array(200);
  for (let y = 2; y < 8; y++)
    for (let x = 3; x < 12; x++) map[y * 20 + x] = y === 4 && x > 4 && x < 8 ? 0 : 1;
  const rle = rleEncode(map, { width: 20, height: 10 });
  const data = Uint8Array.from({ length: 54 }, (_, i) => map[(2 + Math.floor(i / 9)) * 20 + 3 + (i % 9)]!);
  return {
    mask: { x: 3, y: 2, width: 9, height: 6, data },
    runs: Array.from(rle.counts),
    text: rleToString(rle),
  };
}
