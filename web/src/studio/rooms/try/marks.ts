import { textColorOn } from 'fovea/draw';

/** A box to draw over the image, in the image's pixels. */
export interface Marked {
  readonly box: readonly [number, number, number, number];
  readonly text: string;
  /** Stands for the text where so many texts would hide the image. */
  readonly short: string;
  readonly color: string;
}

const MAX_SCALE = 8;
const FONT_PIXELS = 12;
/** Of the image's area, in names; above that, boxes carry their short text only. */
const MAX_NAMED_SHARE = 0.2;

type Rect = readonly [x: number, y: number, width: number, height: number];

const overlap = (a: Rect, b: Rect): number => {
  const w = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  return w > 0 && h > 0 ? w * h : 0;
};

/**
 * Draws the image as large as fits into `room` (CSS pixels; small ones grow up to 8 times) at the screen's
 * own resolution, so that lines and names are as sharp on a small image as on a large one.
 */
export function drawMarked(
  canvas: HTMLCanvasElement,
  bitmap: ImageBitmap,
  marks: readonly Marked[],
  room: { width: number; height: number },
  /** Draws between the image and the marks, in the image's pixels. */
  tint: (context: CanvasRenderingContext2D) => void = () => undefined,
): void {
  const fit = Math.min(room.width / bitmap.width, room.height / bitmap.height, MAX_SCALE);
  const ratio = devicePixelRatio;
  const width = Math.max(1, Math.floor(bitmap.width * fit));
  const height = Math.max(1, Math.floor(bitmap.height * fit));
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  context.save();
  context.scale(canvas.width / bitmap.width, canvas.height / bitmap.height);
  tint(context);
  context.restore();
  context.scale(ratio, ratio);
  const [sx, sy] = [width / bitmap.width, height / bitmap.height];
  const boxes = marks.map(
    ({ box: [x1, y1, x2, y2] }): Rect => [x1 * sx, y1 * sy, (x2 - x1) * sx, (y2 - y1) * sy],
  );
  context.lineJoin = 'round';
  marks.forEach(({ color }, i) => {
    const box = boxes[i]!;
    // A dark rim under the line, so that it reads on any background.
    context.strokeStyle = 'rgb(0 0 0 / 55%)';
    context.lineWidth = 4;
    context.strokeRect(...box);
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.strokeRect(...box);
  });
  drawTags(context, marks, boxes, width, height);
}

/** Names over, in or under their boxes: the place that covers least of the names drawn before. */
function drawTags(
  context: CanvasRenderingContext2D,
  marks: readonly Marked[],
  boxes: readonly Rect[],
  width: number,
  height: number,
): void {
  context.font = `600 ${FONT_PIXELS}px system-ui, "Open Sans", sans-serif`;
  context.textBaseline = 'middle';
  const tall = FONT_PIXELS + 6;
  const widthOf = (text: string) => Math.ceil(context.measureText(text).width) + 8;
  const area = marks.reduce((sum, { text }) => sum + widthOf(text) * tall, 0);
  const named = area <= MAX_NAMED_SHARE * width * height;
  const placed: Rect[] = [];
  marks.forEach(({ text: full, short, color }, i) => {
    const [x, y, w, h] = boxes[i]!;
    const text = named ? full : short;
    const wide = widthOf(text);
    const places = [
      [x - 1, y - tall],
      [x - 1, y - 1],
      [x - 1, y + h],
      [x + w + 1 - wide, y - tall],
      [x + w + 1 - wide, y + h],
    ] as const;
    const candidates = places.map(
      ([px, py]): Rect => [
        Math.max(0, Math.min(px, width - wide)),
        Math.max(0, Math.min(py, height - tall)),
        wide,
        tall,
      ],
    );
    const cost = (rect: Rect) => placed.reduce((sum, other) => sum + overlap(rect, other), 0);
    const best = candidates.reduce((a, b) => (cost(b) < cost(a) ? b : a));
    placed.push(best);
    context.fillStyle = color;
    context.fillRect(...best);
    context.fillStyle = textColorOn(color);
    context.fillText(text, best[0] + 4, best[1] + tall / 2 + 0.5);
  });
}
