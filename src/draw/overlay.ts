import { expectArguments } from '../arguments.ts';
import { rasterizePolygon } from '../data/polygon.ts';
import { ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { ImageSize } from '../vision/boxes.ts';
import { outlineBounds } from '../vision/outline.ts';
import { fitText, textWidth, type UndrawnText } from './glyphs.ts';
import { expectRgba, Painter, type RgbaImage } from './painter.ts';
import { formatColor, textColorOn } from './palette.ts';
import type { PlotPoint } from './points.ts';

/** A box to draw. */
export interface OverlayBox {
  /** (x1, y1, x2, y2) in pixels. One that is not finite is left out. */
  readonly box: ArrayLike<number>;
  /** The text of its tag. */
  readonly label?: string;
  /** 0 to 1; printed with two decimals after the label. */
  readonly score?: number;
  /** `#rrggbb` */
  readonly color: string;
  /** Dashed outlines tell the truth from predictions (solid) without colour. Default false. */
  readonly dashed?: boolean;
}

/** Pixels to tint. */
export interface OverlayMask {
  /** [H, W] of the whole image; whatever is not 0 is inside. */
  readonly mask: ArrayLike<number>;
  /** `#rrggbb` */
  readonly color: string;
  /** Of the fill, 0 to 1. Default 0.4. */
  readonly opacity?: number;
}

/** A polygon to draw. */
export interface OverlayPolygon {
  /** (x, y) in pixels. */
  readonly points: readonly PlotPoint[];
  /** `#rrggbb` */
  readonly color: string;
  /** The text of its tag. */
  readonly label?: string;
  /** Default false. */
  readonly dashed?: boolean;
  /** Of the fill, 0 to 1. Default 0.22. */
  readonly opacity?: number;
}

/** Points to draw, such as keypoints. */
export interface OverlayPoints {
  /** (x, y) in pixels. */
  readonly points: readonly PlotPoint[];
  /** `#rrggbb` */
  readonly color: string;
  /** Crosses instead of dots, to tell the truth from predictions. Default false. */
  readonly dashed?: boolean;
}

/** What is drawn on an image: masks, then polygons, boxes, points, and at last the tags. */
export interface Overlay {
  readonly boxes?: readonly OverlayBox[];
  readonly masks?: readonly OverlayMask[];
  readonly polygons?: readonly OverlayPolygon[];
  readonly points?: readonly OverlayPoints[];
}

/** Options of `paintOverlay`. */
export interface PaintOptions {
  /** The size that coordinates and masks refer to, if the image was resized since. Default: that of the image. */
  readonly size?: ImageSize;
  /** The height of the capitals of tags, in pixels. Default: an 80th of the longer side, at least 8. */
  readonly textSize?: number;
  /** Receives texts in scripts that have no glyphs here, for the caller to draw. Default: their characters become boxes. */
  readonly undrawn?: UndrawnText[];
}

/** A name tag and what it belongs to, in pixels of the image that is painted. */
interface Tag {
  readonly text: string;
  readonly color: string;
  readonly box: readonly [number, number, number, number];
}

/**
 * Paints boxes, masks, polygons, points and name tags on an image, in place. Lines lie centred on the coordinates given, 2
 * pixels wide or more, with a dark rim so that they can be seen on any background.
 *
 * @param image The image, which is changed.
 * @param overlay What is drawn.
 * @param options The size that it refers to.
 * @throws ShapeError for an image or a mask whose number of values does not fit its size.
 */
export function paintOverlay(image: RgbaImage, overlay: Overlay, options: PaintOptions = {}): void {
  expectRgba('paintOverlay', image);
  const { boxes, masks, polygons, points } = withDefaults('paintOverlay', overlay, {
    boxes: [],
    masks: [],
    polygons: [],
    points: [],
  });
  expectArguments(
    'paintOverlay',
    { boxes, masks, polygons, points },
    {
      boxes: [{ box: 'values', color: 'text' }],
      masks: [{ mask: 'values', color: 'text' }],
      polygons: [{ points: ['pair'], color: 'text' }],
      points: [{ points: ['pair'], color: 'text' }],
    },
  );
  const { width, height } = image;
  const { size, textSize, undrawn } = withDefaults('paintOverlay', options, {
    size: image,
    textSize: Math.max(8, Math.round(Math.max(width, height) / 80)),
    undrawn: undefined,
  });
  const [sx, sy] = [width / size.width, height / size.height];
  const scaled = (list: readonly PlotPoint[]): PlotPoint[] => list.map(([x, y]) => [x * sx, y * sy]);
  const painter = new Painter(image);
  const longest = Math.max(width, height);
  const line = Math.max(2, Math.round(longest / 500));
  const outline = (lines: readonly (readonly PlotPoint[])[], color: string, isDashed = false): void => {
    painter.stroke(lines, { width: line + 2, color: '#000000', opacity: 0.55 });
    const dash = [line * 4, line * 3] as const;
    painter.stroke(lines, { width: line, color, ...(isDashed ? { dash } : {}) });
  };
  const tags: Tag[] = [];

  masks.forEach((mask, i) => {
    if (mask.mask.length !== size.width * size.height) {
      throw new ShapeError(
        `paintOverlay: mask ${i} has ${mask.mask.length} values, the image ${size.width}x${size.height} = ${size.width * size.height}; paste it into the whole image first`,
      );
    }
    paintMask(painter, mask, size);
  });
  for (const { mask, color } of masks) {
    const edges = maskEdges(mask, size).map(scaled);
    if (edges.length > 0) painter.stroke(edges, { width: Math.max(1, line - 1), color });
  }
  for (const { points: corners, color, label, dashed, opacity = 0.22 } of polygons) {
    if (corners.length === 0) continue;
    const places = scaled(corners);
    if (opacity > 0 && corners.length > 2) {
      const inside = rasterizePolygon(places, { width, height });
      painter.fillWhere((x, y) => inside[y * width + x] === 1, color, opacity);
    }
    outline([[...places, places[0]!]], color, dashed);
    if (label) tags.push({ text: label, color, box: outlineBounds(places) });
  }
  for (const { box, label, score, color, dashed } of boxes) {
    const [x1, y1, x2, y2] = [box[0]! * sx, box[1]! * sy, box[2]! * sx, box[3]! * sy];
    if (![x1, y1, x2, y2].every(Number.isFinite)) continue;
    outline(
      [
        [
          [x1, y1],
          [x2, y1],
          [x2, y2],
          [x1, y2],
          [x1, y1],
        ],
      ],
      color,
      dashed,
    );
    const text = [label, score === undefined ? undefined : score.toFixed(2)].filter((part) => part).join(' ');
    if (text !== '') tags.push({ text, color, box: [x1, y1, x2, y2] });
  }
  for (const { points: places, color, dashed } of points) {
    for (const place of scaled(places)) {
      if (dashed) outline(crossAt(place, line * 2), color);
      else {
        painter.stroke([[place]], { width: line * 3 + 2, color: '#000000', opacity: 0.55 });
        painter.stroke([[place]], { width: line * 3, color });
      }
    }
  }
  paintTags(painter, tags, textSize, undrawn);
}

const crossAt = ([x, y]: PlotPoint, reach: number): PlotPoint[][] => [
  [
    [x - reach, y - reach],
    [x + reach, y + reach],
  ],
  [
    [x - reach, y + reach],
    [x + reach, y - reach],
  ],
];

/** Tints the pixels of a mask, in an image that may be of another size. */
function paintMask(painter: Painter, { mask, color, opacity = 0.4 }: OverlayMask, size: ImageSize): void {
  const { width, height } = painter.image;
  const place = (at: number, from: number, to: number): number =>
    Math.min(to - 1, Math.floor(((at + 0.5) * to) / from));
  const columns = Int32Array.from({ length: width }, (_, x) => place(x, width, size.width));
  painter.fillWhere(
    (x, y) => mask[place(y, height, size.height) * size.width + columns[x]!] !== 0,
    color,
    opacity,
  );
}

/** The border between inside and outside along the edges of pixels, as straight pieces. */
function maskEdges(mask: ArrayLike<number>, { width, height }: ImageSize): PlotPoint[][] {
  const edges: PlotPoint[][] = [];
  const inside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0;
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x < width; x++) {
      if (inside(x, y - 1) === inside(x, y)) continue;
      const start = x;
      while (x < width && inside(x, y - 1) !== inside(x, y)) x++;
      edges.push([
        [start, y],
        [x, y],
      ]);
    }
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y < height; y++) {
      if (inside(x - 1, y) === inside(x, y)) continue;
      const start = y;
      while (y < height && inside(x - 1, y) !== inside(x, y)) y++;
      edges.push([
        [x, start],
        [x, y],
      ]);
    }
  }
  return edges;
}

/** Name tags over, in, under or beside their boxes: the first place that is free and on the image. */
function paintTags(painter: Painter, tags: readonly Tag[], size: number, undrawn?: UndrawnText[]): void {
  const { width, height } = painter.image;
  const padding = Math.round(size * 0.45);
  const tagHeight = Math.round(size + 2 * padding);
  const placed: [number, number, number, number][] = [];
  for (const {
    text,
    color,
    box: [x1, y1, x2, y2],
  } of tags) {
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
    painter.fillRect(x, y, x + tagWidth, y + tagHeight, formatColor(color));
    painter.text(shown, x + padding, y + padding, size, textColorOn(color), undrawn);
  }
}
