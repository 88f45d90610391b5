import { ShapeError } from 'fovea';
import { escapeXml, formatColor, parseColor, textColorOn } from 'fovea/draw';
import sharp from 'sharp';
import { fitText, textSvg, textWidth } from './glyphs.ts';

/** 8-bit RGB pixels, `[H,W,3]`; what `loadImage` returns fits. */
export interface RgbImage {
  width: number;
  height: number;
  rgb: Uint8Array | Uint8ClampedArray;
}

/** All coordinates are in pixels of the image, with pixel (0,0) covering 0..1. */
export interface OverlayBox {
  box: ArrayLike<number>;
  label?: string;
  /** 0 to 1; printed with two decimals after the label. */
  score?: number;
  /** `#rrggbb` */
  color: string;
  /** Dashed outlines tell the truth from predictions (solid) without colour. */
  dashed?: boolean;
}

export interface OverlayMask {
  /** `[H,W]` of the whole image; whatever is not 0 is inside. */
  mask: ArrayLike<number>;
  color: string;
  /** 0 to 1, of the fill; 0.4. */
  opacity?: number;
}

export interface OverlayPolygon {
  points: readonly (readonly [x: number, y: number])[];
  color: string;
  label?: string;
  dashed?: boolean;
  /** 0 to 1, of the fill; 0.22. */
  opacity?: number;
}

export interface Overlay {
  boxes?: readonly OverlayBox[];
  masks?: readonly OverlayMask[];
  polygons?: readonly OverlayPolygon[];
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

const px = (value: number): string => String(Math.round(value * 100) / 100);

/** Blends a mask's colour into pixels that are `scale` times the mask's size. */
function blendMask(
  out: Uint8Array,
  outWidth: number,
  outHeight: number,
  image: RgbImage,
  { mask, color, opacity = 0.4 }: OverlayMask,
): void {
  const [r, g, b] = parseColor(color);
  const columns = new Int32Array(outWidth);
  for (let x = 0; x < outWidth; x++) {
    columns[x] = Math.min(image.width - 1, Math.floor(((x + 0.5) * image.width) / outWidth));
  }
  const keep = 1 - opacity;
  for (let y = 0; y < outHeight; y++) {
    const row = Math.min(image.height - 1, Math.floor(((y + 0.5) * image.height) / outHeight)) * image.width;
    for (let x = 0; x < outWidth; x++) {
      if (mask[row + columns[x]!] === 0) continue;
      const at = 3 * (y * outWidth + x);
      out[at] = Math.round(out[at]! * keep + r * opacity);
      out[at + 1] = Math.round(out[at + 1]! * keep + g * opacity);
      out[at + 2] = Math.round(out[at + 2]! * keep + b * opacity);
    }
  }
}

/** The border between inside and outside as an SVG path along pixel edges, in runs. */
function maskOutline(mask: ArrayLike<number>, width: number, height: number, sx: number, sy: number): string {
  const parts: string[] = [];
  const inside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0;
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x < width; x++) {
      if (inside(x, y - 1) === inside(x, y)) continue;
      const start = x;
      while (x < width && inside(x, y - 1) !== inside(x, y)) x++;
      parts.push(`M${px(start * sx)} ${px(y * sy)}H${px(x * sx)}`);
    }
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y < height; y++) {
      if (inside(x - 1, y) === inside(x, y)) continue;
      const start = y;
      while (y < height && inside(x - 1, y) !== inside(x, y)) y++;
      parts.push(`M${px(x * sx)} ${px(start * sy)}V${px(y * sy)}`);
    }
  }
  return parts.join('');
}

interface Tag {
  text: string;
  color: string;
  box: readonly [number, number, number, number];
}

/** Name tags over, in, under or beside their boxes: the first place that is free and on the image. */
function placeTags(tags: readonly Tag[], width: number, height: number, size: number): string {
  const padding = Math.round(size * 0.45);
  const tagHeight = Math.round(size + 2 * padding);
  const placed: [number, number, number, number][] = [];
  return tags
    .map(({ text, color, box: [x1, y1, x2, y2] }) => {
      const shown = fitText(text, size, width - 2 * padding);
      const tagWidth = Math.ceil(textWidth(shown, size)) + 2 * padding;
      const onImage = (x: number, y: number): [number, number] => [
        Math.round(Math.min(Math.max(0, x), Math.max(0, width - tagWidth))),
        Math.round(Math.min(Math.max(0, y), Math.max(0, height - tagHeight))),
      ];
      const candidates = [
        [x1, y1 - tagHeight],
        [x1, y1],
        [x1, y2],
        [x1, y2 - tagHeight],
        [x2 - tagWidth, y1 - tagHeight],
        [x2 - tagWidth, y2],
      ] as const;
      const covered = (x: number, y: number): number =>
        placed.reduce((sum, [a, b, c, d]) => {
          const w = Math.min(c, x + tagWidth) - Math.max(a, x);
          const h = Math.min(d, y + tagHeight) - Math.max(b, y);
          return sum + (w > 0 && h > 0 ? w * h : 0);
        }, 0);
      let best = onImage(x1, y1 - tagHeight);
      let least = Number.POSITIVE_INFINITY;
      for (const [cx, cy] of candidates) {
        const at = onImage(cx, cy);
        // A place pushed back onto the image has left its box's edge: take it last.
        const cost = covered(...at) + (Math.abs(at[1] - cy) > 1 ? 0.5 : 0);
        if (cost < least) {
          least = cost;
          best = at;
        }
      }
      const [x, y] = best;
      placed.push([x, y, x + tagWidth, y + tagHeight]);
      return (
        `<rect x="${x}" y="${y}" width="${tagWidth}" height="${tagHeight}" rx="2" fill="${formatColor(color)}"/>` +
        textSvg(shown, x + padding, y + padding, size, textColorOn(color))
      );
    })
    .join('');
}

/**
 * Masks, then polygons, then boxes, then name tags over an image, as PNG bytes.
 * The output is `scale` times the image; lines lie centred on the coordinates given, 2 pixels wide or more,
 * with a dark rim so that they read on any background.
 */
export async function drawOverlay(
  image: RgbImage,
  { boxes = [], masks = [], polygons = [] }: Overlay,
  { maxSide = 1600, scale = overlayScale(image.width, image.height, maxSide) }: OverlayOptions = {},
): Promise<Uint8Array> {
  checkImage('drawOverlay', image);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const sx = width / image.width;
  const sy = height / image.height;
  for (const [i, { mask }] of masks.entries()) {
    if (mask.length !== image.width * image.height) {
      throw new ShapeError(
        `drawOverlay: mask ${i} has ${mask.length} values, the image ${image.width}x${image.height} = ${image.width * image.height}; paste it into the whole image first`,
      );
    }
  }
  const { data: base } = await sharp(image.rgb, {
    raw: { width: image.width, height: image.height, channels: 3 },
  })
    .resize(width, height, { kernel: scale > 1 ? 'cubic' : 'lanczos3', fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(base);
  for (const mask of masks) blendMask(pixels, width, height, image, mask);

  const longest = Math.max(width, height);
  const line = Math.max(2, Math.round(longest / 500));
  const size = Math.max(8, Math.round(longest / 80));
  const svg: string[] = [];
  const stroke = (shape: string, color: string, dashed = false, lineWidth = line): void => {
    const dash = dashed ? ` stroke-dasharray="${lineWidth * 4} ${lineWidth * 3}"` : '';
    svg.push(`<g stroke="#000000" stroke-opacity="0.55" stroke-width="${lineWidth + 2}">${shape}</g>`);
    svg.push(`<g stroke="${formatColor(color)}" stroke-width="${lineWidth}"${dash}>${shape}</g>`);
  };
  for (const { mask, color } of masks) {
    const path = maskOutline(mask, image.width, image.height, sx, sy);
    if (path !== '') {
      svg.push(
        `<path d="${path}" stroke="${formatColor(color)}" stroke-width="${Math.max(1, line - 1)}" stroke-linecap="square"/>`,
      );
    }
  }
  const tags: Tag[] = [];
  for (const { points, color, label, dashed, opacity = 0.22 } of polygons) {
    if (points.length === 0) continue;
    const list = points.map(([x, y]) => `${px(x * sx)},${px(y * sy)}`).join(' ');
    svg.push(
      `<polygon points="${list}" fill="${formatColor(color)}" fill-opacity="${opacity}" stroke="none"/>`,
    );
    stroke(`<polygon points="${list}"/>`, color, dashed);
    if (label !== undefined && label !== '') {
      const xs = points.map(([x]) => x * sx);
      const ys = points.map(([, y]) => y * sy);
      tags.push({
        text: label,
        color,
        box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
      });
    }
  }
  for (const { box, label, score, color, dashed } of boxes) {
    const [x1, y1, x2, y2] = [box[0]! * sx, box[1]! * sy, box[2]! * sx, box[3]! * sy];
    if (![x1, y1, x2, y2].every(Number.isFinite)) continue;
    const shape = `<rect x="${px(x1)}" y="${px(y1)}" width="${px(Math.max(0, x2 - x1))}" height="${px(Math.max(0, y2 - y1))}"/>`;
    stroke(shape, color, dashed);
    const text = [label, score === undefined ? undefined : score.toFixed(2)].filter((part) => part).join(' ');
    if (text !== '') tags.push({ text, color, box: [x1, y1, x2, y2] });
  }
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g fill="none" stroke-linejoin="round">${svg.join('')}</g>${placeTags(tags, width, height, size)}</svg>`;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(overlay) }])
    .png({ compressionLevel: 9 })
    .toBuffer();
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
  const decoded = await Promise.all(
    panels.map(async (panel) => {
      const { width, height } = await sharp(panel.png).metadata();
      return { ...panel, width, height };
    }),
  );
  const longest = Math.max(...decoded.map(({ width, height }) => Math.max(width, height)));
  const factor = longest < 400 ? Math.max(1, Math.floor(640 / longest)) : 1;
  const size = Math.max(11, Math.round((longest * factor) / 75));
  const margin = Math.round(size * 0.9);
  const strip = Math.round(size * 2.4);
  let x = margin;
  const layers: { input: Uint8Array; left: number; top: number }[] = [];
  const captions: string[] = [];
  let bottom = 0;
  for (const { title, png, color, dashed, width, height } of decoded) {
    const [w, h] = [width * factor, height * factor];
    const input = factor === 1 ? png : await sharp(png).resize(w, h, { kernel: 'nearest' }).png().toBuffer();
    layers.push({ input, left: x, top: strip });
    const y = Math.round((strip - size) / 2);
    let textX = x;
    if (color !== undefined) {
      const shown = formatColor(color);
      const pen = Math.max(2, Math.round(size / 6));
      const dash = dashed ? ` stroke-dasharray="${pen * 1.5} ${pen * 1.5}"` : '';
      captions.push(
        `<rect x="${x + pen / 2}" y="${y + pen / 2}" width="${size - pen}" height="${size - pen}" fill="${shown}" fill-opacity="0.35" stroke="${shown}" stroke-width="${pen}"${dash}/>`,
      );
      textX += Math.round(size * 1.6);
    }
    captions.push(textSvg(fitText(title, size, w - (textX - x)), textX, y, size, '#1b1f24', { weight: 1.4 }));
    x += w + margin;
    bottom = Math.max(bottom, strip + h);
  }
  const [width, height] = [x, bottom + margin];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><title>${escapeXml(panels.map(({ title }) => title).join(', '))}</title>${captions.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([
      ...layers.map(({ input, left, top }) => ({ input: Buffer.from(input), left, top })),
      { input: Buffer.from(svg) },
    ])
    .png({ compressionLevel: 9 })
    .toBuffer();
}
