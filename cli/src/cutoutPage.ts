import sharp from 'sharp';
import { counted } from './counted.ts';
import { pageImage } from './draw.ts';
import type { GalleryImage, GalleryItem } from './gallery.ts';
import { printable } from './printable.ts';
import { writeReport } from './report.ts';

/** The longer side of an image on the page. */
const SIDE = 320;
/** The most images on the page. */
const MOST = 300;
/** The side of the squares that are seen through what is transparent, and their greys. */
const SQUARE = 8;
const GREYS = [0xcc, 0xff] as const;

/** Pixels of 1 (grey), 3 or 4 bytes. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** An image for the page, over squares where it is transparent. */
async function shown({ width, height, data }: Pixels, caption: string, file: string): Promise<GalleryImage> {
  const channels = (data.length / (width * height)) as 1 | 3 | 4;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const { data: small, info } = await sharp(bytes, {
    raw: { width, height, channels },
    limitInputPixels: false,
  })
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const over = new Uint8ClampedArray(small.length).fill(255);
  for (let i = 0, at = 0; at < small.length; i++, at += 4) {
    const [x, y] = [i % info.width, Math.floor(i / info.width)];
    const square = GREYS[(Math.floor(x / SQUARE) + Math.floor(y / SQUARE)) % 2 === 0 ? 0 : 1];
    const alpha = small[at + 3]! / 255;
    for (let c = at; c < at + 3; c++) over[c] = alpha * small[c]! + (1 - alpha) * square;
  }
  const image = await pageImage({ width: info.width, height: info.height, data: over });
  return { ...image, caption, alt: `${caption}: ${printable(file)}` };
}

/** The page of fovea cutout: each image, and what was cut out of it. */
export class CutoutPage {
  readonly #items: GalleryItem[] = [];
  #count = 0;

  /** Adds an image of the file `file`, with what was cut out of it and a few words on that. */
  async add(file: string, image: Pixels, cut: Pixels, summary: string): Promise<void> {
    if (this.#count++ >= MOST) return;
    const images = [await shown(image, 'image', file), await shown(cut, 'cut out', file)];
    this.#items.push({ title: printable(file), notes: [summary], images, tags: [] });
  }

  /** Writes it. `config`: the options that say what cut-outs look like. */
  async write(
    file: string,
    {
      model,
      out,
      config,
    }: { readonly model: string; readonly out: string; readonly config: Readonly<Record<string, unknown>> },
  ): Promise<void> {
    const hidden = this.#count - this.#items.length;
    await writeReport(file, {
      title: `Cut-outs in ${printable(out)}`,
      lead: `${counted(this.#count, 'image')}, by ${printable(model)}.`,
      runs: [
        {
          name: 'Cut-outs',
          task: 'cutout',
          metrics: { images: String(this.#count) },
          galleries: [{ title: 'Images', filters: [], items: this.#items }],
          config,
        },
      ],
      timings: [],
      notes:
        hidden === 0
          ? []
          : [`${counted(hidden, 'more image')} ${hidden === 1 ? 'is' : 'are'} in the folder.`],
      versions: { node: process.versions.node },
    });
  }
}
