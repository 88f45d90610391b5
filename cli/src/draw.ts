import { ShapeError } from 'fovea';
import type { ImageSize } from 'fovea/data';
import {
  enlarged,
  escapeXml,
  imageGrid,
  type Overlay,
  paintOverlay,
  type RgbaImage,
  type UndrawnText,
} from 'fovea/draw';
import sharp, { type Sharp } from 'sharp';
import type { PageImage } from './gallery.ts';

/** 8-bit RGB pixels, `[H,W,3]`; what `loadImage` returns fits. */
export interface RgbImage {
  width: number;
  height: number;
  rgb: Uint8Array | Uint8ClampedArray;
}

export interface OverlayOptions {
  /** Pixels drawn per pixel of the image. By default `overlayScale(width, height)`. */
  scale?: number;
  /** The longest side that the default scale keeps to; 1600. */
  maxSide?: number;
}

/**
 * A whole factor that brings a small image to about 1000 pixels (at most 8), so that lines and labels are
 * finer than its pixels; 1 above that; and a fraction where the longest side exceeds `maxSide`.
 */
export function overlayScale(width: number, height: number, maxSide = 1600): number {
  const longest = Math.max(width, height, 1);
  if (longest > maxSide) return maxSide / longest;
  return Math.min(8, Math.max(1, Math.floor(1024 / longest)));
}

function checkImage(op: string, image: RgbImage): void {
  const expected = image.width * image.height * 3;
  if (image.rgb.length !== expected || expected === 0) {
    throw new ShapeError(
      `${op}: rgb has ${image.rgb.length} values, ${image.width}x${image.height}x3 needs ${expected}`,
    );
  }
}

async function decoded(image: Sharp): Promise<RgbaImage> {
  const { data, info } = await image.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
}

/** An image without opacity, with the texts that were left to the system's fonts. */
function withTexts({ width, height, data }: RgbaImage, texts: readonly UndrawnText[]): Sharp {
  const list = texts.map(
    ({ text, x, y, size, width: length, color }) =>
      `<text x="${x}" y="${y + size}" font-size="${1.25 * size}" font-family="sans-serif" fill="${color}" textLength="${length}">${escapeXml(text)}</text>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${list.join('')}</svg>`;
  return sharp(data, { raw: { width, height, channels: 4 } })
    .composite(texts.length > 0 ? [{ input: Buffer.from(svg) }] : [])
    .removeAlpha();
}

const encoded = (image: RgbaImage, texts: readonly UndrawnText[]): Promise<Uint8Array> =>
  withTexts(image, texts).png({ compressionLevel: 9 }).toBuffer();

/** The longer side of images in pages. */
const THUMBNAIL = 480;
/** The height of their capitals: two of them side by side are shown at half their size. */
const THUMBNAIL_TEXT = 11;
/** One side of a very long and narrow image. */
const LEAST = 8;

/**
 * An image for a page, with what is drawn on it: shrunk to a longer side of `side` pixels, or enlarged by a whole factor up to that, so that lines
 * and names are finer than its pixels. WebP, as it is a third of a PNG. The overlay is of an image of `size`, by default that of the image.
 */
export async function thumbnail(
  image: RgbImage,
  overlay: Overlay = {},
  { size = image, side = THUMBNAIL }: { size?: ImageSize; side?: number } = {},
): Promise<PageImage> {
  checkImage('thumbnail', image);
  const { width, height } = image;
  const scale = side / Math.max(width, height);
  const sized = (length: number): number =>
    scale >= 1 ? length * Math.floor(scale) : Math.max(LEAST, Math.round(length * scale));
  const raw = { width, height, channels: 3 } as const;
  const pixels = await decoded(
    sharp(image.rgb, { raw }).resize(sized(width), sized(height), {
      kernel: scale >= 1 ? 'nearest' : 'lanczos3',
      fit: 'fill',
    }),
  );
  const undrawn: UndrawnText[] = [];
  const narrow = Math.min(pixels.width, pixels.height) < 4 * THUMBNAIL_TEXT;
  paintOverlay(pixels, narrow ? withoutNames(overlay) : overlay, { size, textSize: THUMBNAIL_TEXT, undrawn });
  return pageImage(pixels, undrawn);
}

/** What is drawn, without names: on a narrow image, or among many others, they would cover it. */
export function withoutNames({ boxes = [], polygons = [], masks = [], points = [] }: Overlay): Overlay {
  const unnamed = <T extends { readonly label?: string; readonly score?: number }>({
    label: _,
    score: __,
    ...rest
  }: T) => rest;
  return { boxes: boxes.map(unnamed), polygons: polygons.map(unnamed), masks, points };
}

/** An image for a page as WebP, with the texts that were left to the system's fonts. */
export async function pageImage(image: RgbaImage, texts: readonly UndrawnText[] = []): Promise<PageImage> {
  const { width, height } = image;
  const bytes = await withTexts(image, texts).webp({ quality: 82, smartSubsample: true }).toBuffer();
  return { image: bytes, width, height };
}

/** `paintOverlay` on an image of `scale` times its size, as PNG bytes. */
export async function drawOverlay(
  image: RgbImage,
  overlay: Overlay,
  { maxSide = 1600, scale = overlayScale(image.width, image.height, maxSide) }: OverlayOptions = {},
): Promise<Uint8Array> {
  checkImage('drawOverlay', image);
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const pixels = await decoded(
    sharp(image.rgb, { raw }).resize(
      Math.max(1, Math.round(image.width * scale)),
      Math.max(1, Math.round(image.height * scale)),
      { kernel: scale > 1 ? 'cubic' : 'lanczos3', fit: 'fill' },
    ),
  );
  const undrawn: UndrawnText[] = [];
  paintOverlay(pixels, overlay, { size: image, undrawn });
  return encoded(pixels, undrawn);
}

export interface Panel {
  title: string;
  png: Uint8Array;
  /** A swatch before the title, in the colour that the panel's outlines have. */
  color?: string;
  /** The swatch is an outline with dashes, as the panel's outlines. */
  dashed?: boolean;
}

/**
 * Images in a row, each under a strip with its title, on white; PNG bytes. Images all under 400 pixels
 * are enlarged together by a whole factor, so that the titles fit; longer titles end in an ellipsis.
 */
export async function sideBySide(panels: readonly Panel[]): Promise<Uint8Array> {
  if (panels.length === 0) throw new ShapeError('sideBySide: no panels; give at least one');
  const images = await Promise.all(panels.map(({ png }) => decoded(sharp(png))));
  const longest = Math.max(...images.map(({ width, height }) => Math.max(width, height)));
  const factor = longest < 400 ? Math.max(1, Math.floor(640 / longest)) : 1;
  const undrawn: UndrawnText[] = [];
  const grid = imageGrid(
    panels.map(({ title, color, dashed }, i) => ({
      image: enlarged(images[i]!, factor),
      title,
      ...(color === undefined ? {} : { color }),
      ...(dashed === undefined ? {} : { dashed }),
    })),
    { columns: panels.length, background: '#ffffff', undrawn },
  );
  return encoded(grid, undrawn);
}
