/** What was found, as files. */
import { type Annotation, type DataSink, FORMATS, formatLabelme } from 'fovea/data';
import { drawOverlay, type Overlay, type OverlayMask } from 'fovea/draw';
import type { Prediction } from '../../learn/predict.ts';
import { annotationOfFound, pixelsOfClass } from '../../project/found.ts';
import { fileNameOf } from '../../project/saveFile.ts';
import type { Numbered } from './draw.ts';
import type { Shown } from './session.ts';

export interface SavedFile {
  readonly name: string;
  readonly content: Blob;
}

/** `left/0001.jpg` as `0001`. */
const stemOf = (name: string): string =>
  name
    .split('/')
    .at(-1)!
    .replace(/\.[^.]+$/, '');

/** The masks of one class after another, at the size of a picture. */
function masksOf(
  found: Prediction,
  visible: readonly Numbered[],
  size: { readonly width: number; readonly height: number },
  colorOf: (name: string) => string,
): OverlayMask[] {
  const { width, height } = size;
  const masks = new Map<string, Uint8Array>();
  const of = (color: string) => {
    const mask = masks.get(color) ?? new Uint8Array(width * height);
    masks.set(color, mask);
    return mask;
  };
  if (found.task === 'segment') {
    const { map } = found;
    found.classNames.forEach((name, c) => {
      const small = pixelsOfClass(map, c);
      if (!small.includes(1)) return;
      const mask = of(colorOf(name));
      for (let y = 0, i = 0; y < height; y++) {
        const row = Math.floor((y * map.height) / height) * map.width;
        for (let x = 0; x < width; x++, i++) mask[i]! |= small[row + Math.floor((x * map.width) / width)]!;
      }
    });
  }
  const [sx, sy] = [width / found.width, height / found.height];
  for (const { mask: patch, color } of visible) {
    if (!patch) continue;
    const mask = of(color);
    for (let y = Math.round(patch.y * sy); y < Math.min(height, (patch.y + patch.height) * sy); y++) {
      for (let x = Math.round(patch.x * sx); x < Math.min(width, (patch.x + patch.width) * sx); x++) {
        const [px, py] = [Math.floor(x / sx) - patch.x, Math.floor(y / sy) - patch.y];
        if (px >= 0 && py >= 0 && patch.data[py * patch.width + px]) mask[y * width + x] = 1;
      }
    }
  }
  return [...masks].map(([color, mask]) => ({ color, mask }));
}

/** The picture with what was found, at the size at which it is drawn. */
export async function pictureFile(
  { name, bitmap }: Shown,
  found: Prediction,
  visible: readonly Numbered[],
  colorOf: (name: string) => string,
): Promise<SavedFile> {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d', { willReadFrequently: true })!.drawImage(bitmap, 0, 0);
  const [sx, sy] = [width / found.width, height / found.height];
  const [best] = found.task === 'classify' ? found.classes : [];
  const overlay: Overlay = {
    boxes: [
      ...visible.map(({ box, label, score, color }) => ({
        box: [box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy],
        ...{ label, score, color },
      })),
      // A classifier speaks of the whole picture.
      ...(best ? [{ box: [0, 0, width, height], ...best, color: colorOf(best.label) }] : []),
    ],
    masks: masksOf(found, visible, bitmap, colorOf),
  };
  drawOverlay(canvas, overlay);
  return {
    name: fileNameOf(stemOf(name), 'png'),
    content: await canvas.convertToBlob({ type: 'image/png' }),
  };
}

const json = (text: string): Blob => new Blob([text], { type: 'application/json' });

/** As Labelme's file, which lies beside the picture. */
export function labelmeFile({ name }: Shown, found: Prediction, threshold: number): SavedFile {
  const imagePath = name.split('/').at(-1)!;
  const text = formatLabelme(annotationOfFound(found, imagePath, threshold), { imagePath });
  return { name: fileNameOf(stemOf(name), 'json'), content: json(text) };
}

/** As COCO's annotations of one picture, with scores. */
export async function cocoFile(
  { name }: Shown,
  found: Prediction,
  threshold: number,
  classNames: readonly string[],
): Promise<SavedFile> {
  const path = name.split('/').at(-1)!;
  const annotation: Annotation = annotationOfFound(found, path, threshold);
  const texts: string[] = [];
  const sink: DataSink = {
    write: async (_, content) => void texts.push(String(content)),
    append: async (_, text) => void texts.push(text),
    image: async () => undefined,
  };
  const writer = FORMATS.coco.create(
    sink,
    classNames.map((label) => ({ name: label })),
  );
  await writer.add({ name: stemOf(path), source: path, image: path, leftAt: path, annotation });
  await writer.end();
  return { name: fileNameOf(`${stemOf(name)}-coco`, 'json'), content: json(texts.join('')) };
}
