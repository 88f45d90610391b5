/**
 * Drawing of objects. Every outline lies on a white and a black one: whatever the picture is, one of the two has 3:1 contrast with it, and
 * the colour has it with the other (any colour has 4.5:1 with black or white).
 */
import type { Mask } from '../../project/brush.ts';
import { cornersOf, middleOf } from '../../project/geometry.ts';
import type { LabelObject, LabelShape, Point } from '../../project/model.ts';

/** Widths of the lines in CSS pixels: of the colour, with white, and with black. */
const WIDTHS = { color: 2, white: 4, black: 5.5 } as const;
/** The same where so many objects are seen that they would hide the picture. */
const THIN = { color: 1, white: 2, black: 3 } as const;
const MANY = 1000;
/** Masks are drawn at most this wide and high; larger ones are drawn coarser. */
const MASK_SIDE = 4096;

/** By their pixels, which are not changed in place, so that moving a mask makes neither again. */
const filled = new WeakMap<Uint8Array, { readonly color: string; readonly canvas: HTMLCanvasElement }>();
const outlines = new WeakMap<Uint8Array, Path2D>();

/** The borders between pixels inside and outside, in runs, from (0, 0) of the window. */
function outlineOf({ width, height, data }: Mask): Path2D {
  const known = outlines.get(data);
  if (known) return known;
  const path = new Path2D();
  outlines.set(data, path);
  const at = (i: number, j: number) =>
    i < 0 || j < 0 || i >= width || j >= height ? 0 : data[j * width + i]!;
  const runs = (across: boolean) => {
    const [lines, length] = across ? [height, width] : [width, height];
    for (let line = 0; line <= lines; line++) {
      let start = -1;
      for (let k = 0; k <= length; k++) {
        const border =
          k < length && (across ? at(k, line - 1) !== at(k, line) : at(line - 1, k) !== at(line, k));
        if (border && start < 0) start = k;
        if (border || start < 0) continue;
        path.moveTo(across ? start : line, across ? line : start);
        path.lineTo(across ? k : line, across ? line : k);
        start = -1;
      }
    }
  };
  runs(true);
  runs(false);
  return path;
}

/** A mask as a canvas in its colour. */
function filledMask(mask: Mask, color: string): HTMLCanvasElement {
  const known = filled.get(mask.data);
  if (known?.color === color) return known.canvas;
  const step = Math.ceil(Math.max(mask.width, mask.height) / MASK_SIDE);
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(mask.width / step);
  canvas.height = Math.ceil(mask.height / step);
  const context = canvas.getContext('2d')!;
  const pixels = context.createImageData(canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let j = 0; j < canvas.height; j++) {
    for (let i = 0; i < canvas.width; i++) {
      if (mask.data[j * step * mask.width + i * step] === 1) words[j * canvas.width + i] = 0xffffffff;
    }
  }
  context.putImageData(pixels, 0, 0);
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = color;
  context.fillRect(0, 0, canvas.width, canvas.height);
  filled.set(mask.data, { color, canvas });
  return canvas;
}

/** Draws a mask's pixels without its outline. */
export function fillMask(context: CanvasRenderingContext2D, mask: Mask, color: string): void {
  context.imageSmoothingEnabled = false;
  context.drawImage(filledMask(mask, color), mask.x, mask.y, mask.width, mask.height);
}

/** Adds the outline of a shape to a path. `scale` is that of the view: points are as large at every zoom. */
function trace(path: Path2D, shape: LabelShape, scale: number): void {
  switch (shape.kind) {
    case 'box': {
      const [x1, y1, x2, y2] = shape.box;
      path.rect(x1, y1, x2 - x1, y2 - y1);
      return;
    }
    case 'polygon':
      for (const [i, [x, y]] of shape.points.entries()) i === 0 ? path.moveTo(x, y) : path.lineTo(x, y);
      path.closePath();
      return;
    case 'point': {
      const [x, y] = shape.at;
      path.moveTo(x + 5 / scale, y);
      path.arc(x, y, 5 / scale, 0, 2 * Math.PI);
      path.rect(x - 0.5 / scale, y - 0.5 / scale, 1 / scale, 1 / scale);
      return;
    }
    case 'mask':
      path.addPath(outlineOf(shape), new DOMMatrix().translate(shape.x, shape.y));
  }
}

/** Strokes a path in a colour, over white and black. */
export function strokeOutlined(
  context: CanvasRenderingContext2D,
  path: Path2D,
  color: string,
  scale: number,
): void {
  context.lineJoin = 'round';
  for (const [style, width] of [
    ['#000', WIDTHS.black],
    ['#fff', WIDTHS.white],
    [color, WIDTHS.color],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = width / scale;
    context.stroke(path);
  }
}

/**
 * Draws many objects in few strokes: all black lines, all white ones, then those of each colour. Proposals are dashed. The context's unit is
 * the picture's pixel.
 */
export function paintObjects(
  context: CanvasRenderingContext2D,
  objects: readonly LabelObject[],
  colorOf: (classId: string) => string,
  scale: number,
): void {
  const widths = objects.length > MANY ? THIN : WIDTHS;
  const all = new Path2D();
  const paths = new Map<
    string,
    { readonly color: string; readonly dashed: boolean; readonly path: Path2D }
  >();
  context.globalAlpha = 0.45;
  for (const { shape, classId, score } of objects) {
    const color = colorOf(classId);
    if (shape.kind === 'mask') fillMask(context, shape, color);
    const dashed = score !== undefined;
    let one = paths.get(`${color} ${dashed}`);
    if (!one) {
      one = { color, dashed, path: new Path2D() };
      paths.set(`${color} ${dashed}`, one);
    }
    trace(all, shape, scale);
    trace(one.path, shape, scale);
  }
  context.globalAlpha = 1;
  context.lineJoin = 'round';
  for (const [style, width] of [
    ['#000', widths.black],
    ['#fff', widths.white],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = width / scale;
    context.stroke(all);
  }
  context.lineWidth = widths.color / scale;
  for (const { color, dashed, path } of paths.values()) {
    context.strokeStyle = color;
    context.setLineDash(dashed ? [6 / scale, 5 / scale] : []);
    context.stroke(path);
  }
  context.setLineDash([]);
}

/** Draws the chosen object: filled a little, with handles. */
export function paintSelected(
  context: CanvasRenderingContext2D,
  shape: LabelShape,
  color: string,
  scale: number,
  handles: boolean,
  active: number,
): void {
  const path = new Path2D();
  trace(path, shape, scale);
  if (shape.kind === 'mask') {
    context.globalAlpha = 0.6;
    fillMask(context, shape, color);
  } else {
    context.globalAlpha = 0.25;
    context.fillStyle = color;
    context.fill(path, 'evenodd');
  }
  context.globalAlpha = 1;
  strokeOutlined(context, path, color, scale);
  if (!handles) return;
  if (shape.kind === 'polygon' && shape.points.length <= 200) {
    for (let i = 0; i < shape.points.length; i++) paintHandle(context, middleOf(shape.points, i), 3, scale);
  }
  const points = shape.kind === 'box' ? cornersOf(shape.box) : shape.kind === 'polygon' ? shape.points : [];
  for (const [i, point] of points.entries()) {
    paintHandle(context, point, i === active ? 7 : 5, scale, i === active ? color : '#fff');
  }
}

/** A round handle; `radius` in CSS pixels. */
export function paintHandle(
  context: CanvasRenderingContext2D,
  [x, y]: Point,
  radius: number,
  scale: number,
  color = '#fff',
): void {
  context.beginPath();
  context.arc(x, y, radius / scale, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = '#000';
  context.lineWidth = 1.5 / scale;
  context.stroke();
}
