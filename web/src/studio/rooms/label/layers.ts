/** The two canvases: the picture with what rests, and above it what is chosen, drawn or dragged. */
import type { LabelObject } from '../../project/model.ts';
import { deviceSize, seenBox } from '../../project/viewport.ts';
import type { Draft } from './draft.ts';
import { fillMask, paintHandle, paintObjects, paintSelected, strokeOutlined } from './paint.ts';
import type { Scene } from './scene.ts';

/** A picture longer than this is drawn from a smaller copy while that shows as much: most devices cannot hold it as a texture. */
const LARGE = 4096;

export class Layers {
  readonly #scene: Scene;
  readonly #rest: HTMLCanvasElement;
  readonly #top: HTMLCanvasElement;
  #image: ImageBitmap | HTMLCanvasElement | undefined;
  #reduced: ImageBitmap | undefined;
  #frame = 0;
  #restStale = true;
  #closed = false;

  constructor(scene: Scene, rest: HTMLCanvasElement, top: HTMLCanvasElement) {
    this.#scene = scene;
    this.#rest = rest;
    this.#top = top;
  }

  /** Draws before the next frame: the upper layer, and the lower one if what rests has changed. */
  redraw(rest: boolean): void {
    this.#restStale ||= rest;
    if (this.#frame !== 0 || this.#closed) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#restStale) this.#paintRest();
      this.#restStale = false;
      this.#paintTop();
    });
  }

  close(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#frame);
    this.#reduced?.close();
  }

  /** Takes another picture; of a large one a smaller copy is made. */
  show(image: ImageBitmap | HTMLCanvasElement): void {
    if (image === this.#image) return;
    this.#image = image;
    this.#reduced?.close();
    this.#reduced = undefined;
    const longer = Math.max(image.width, image.height);
    if (longer <= LARGE) return;
    const resizeWidth = Math.max(1, Math.round((image.width * LARGE) / longer));
    const resizeHeight = Math.max(1, Math.round((image.height * LARGE) / longer));
    createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: 'medium' }).then(
      (reduced) => {
        if (this.#closed || this.#image !== image) return reduced.close();
        this.#reduced = reduced;
        this.redraw(true);
      },
      // Drawn as it is, then: slower, or not at all where the device cannot.
      () => {},
    );
  }

  /** A cleared context whose unit is the picture's pixel. */
  #begin(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const { view, viewport } = this.#scene;
    const ratio = devicePixelRatio;
    const { width, height } = deviceSize(view, ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext('2d')!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const scale = viewport.scale * ratio;
    context.setTransform(scale, 0, 0, scale, -viewport.x * scale, -viewport.y * scale);
    return context;
  }

  #paintRest(): void {
    const { viewport, view } = this.#scene;
    const context = this.#begin(this.#rest);
    this.#paintImage(context);
    const seen = this.#scene.grid.query(seenBox(viewport, view));
    const hidden = this.#scene.lifted;
    const { objects } = this.#scene.inputs;
    const drawn = objects.filter(({ id }) => seen.has(id) && id !== hidden);
    paintObjects(context, drawn, this.#scene.colorOf, viewport.scale);
  }

  /** Draws what is seen of the picture, and no more: scaling a large one as a whole is slow. */
  #paintImage(context: CanvasRenderingContext2D): void {
    const { viewport, view, inputs } = this.#scene;
    if (!this.#image) return;
    const [left, top, right, bottom] = seenBox(viewport, view);
    const [x1, y1] = [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top))];
    const [x2, y2] = [Math.min(inputs.width, Math.ceil(right)), Math.min(inputs.height, Math.ceil(bottom))];
    if (x2 <= x1 || y2 <= y1) return;
    const reduced = this.#reduced;
    const enough = reduced && viewport.scale * devicePixelRatio <= (1.5 * reduced.width) / inputs.width;
    const source = enough ? reduced : this.#image;
    const [across, down] = [source.width / inputs.width, source.height / inputs.height];
    context.imageSmoothingEnabled = viewport.scale * devicePixelRatio < 3;
    context.imageSmoothingQuality = 'medium';
    const [width, height] = [x2 - x1, y2 - y1];
    context.drawImage(source, x1 * across, y1 * down, width * across, height * down, x1, y1, width, height);
  }

  #paintTop(): void {
    const { viewport, inputs, draft, handle } = this.#scene;
    const { scale } = viewport;
    const context = this.#begin(this.#top);
    const object = this.#scene.liftedObject;
    if (draft?.kind === 'stroke') this.#paintStroke(context, draft, object);
    else if (object) {
      const shape = draft?.kind === 'drag' ? draft.shape : object.shape;
      const handles = inputs.tool === 'select';
      paintSelected(context, shape, this.#scene.colorOf(object.classId), scale, handles, handle);
    }
    if (draft) this.#paintDraft(context, draft);
    this.#paintCursor(context);
  }

  /** Base and stroke as one area of one opacity; the exact pixels come when it ends. */
  #paintStroke(
    context: CanvasRenderingContext2D,
    { path, radius, value }: Extract<Draft, { kind: 'stroke' }>,
    object: LabelObject | undefined,
  ): void {
    const color = this.#scene.colorOf(object?.classId ?? this.#scene.inputs.currentClass);
    if (object?.shape.kind === 'mask') fillMask(context, object.shape, color);
    context.globalCompositeOperation = value === 1 ? 'source-over' : 'destination-out';
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.lineWidth = 2 * radius;
    context.strokeStyle = color;
    context.beginPath();
    for (const [x, y] of path) context.lineTo(x, y);
    if (path.length === 1) context.lineTo(...path[0]!);
    context.stroke();
    context.globalCompositeOperation = 'destination-in';
    const { width, height } = this.#scene.inputs;
    context.fillStyle = 'rgb(0 0 0 / 60%)';
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = 'source-over';
    context.lineCap = 'butt';
  }

  #paintDraft(context: CanvasRenderingContext2D, draft: Draft): void {
    const { viewport, inputs } = this.#scene;
    const { scale } = viewport;
    const color = this.#scene.colorOf(inputs.currentClass);
    const path = new Path2D();
    if (draft.kind === 'box') {
      const [[x1, y1], [x2, y2]] = [draft.from, draft.to];
      path.rect(Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1));
      strokeOutlined(context, path, color, scale);
    } else if (draft.kind === 'polygon') {
      for (const [x, y] of [...draft.points, draft.to]) path.lineTo(x, y);
      strokeOutlined(context, path, color, scale);
      for (const [i, point] of draft.points.entries()) {
        paintHandle(context, point, i === 0 ? 7 : 4, scale, i === 0 ? color : '#fff');
      }
    } else if (draft.kind === 'point') paintHandle(context, draft.at, 6, scale, color);
  }

  /** The crosshair of the keyboard, and the circle of the brush. */
  #paintCursor(context: CanvasRenderingContext2D): void {
    const { viewport, view, crosshair, byKeys, inputs, pointing } = this.#scene;
    const { scale } = viewport;
    const [x, y] = crosshair;
    const brush = inputs.tool === 'brush' || inputs.tool === 'eraser';
    if (brush && (byKeys || pointing)) {
      const circle = new Path2D();
      circle.arc(x, y, Math.max(inputs.brushSize / 2, 1 / scale), 0, 2 * Math.PI);
      this.#strokeThin(context, circle);
    }
    if (!byKeys) return;
    const [left, top, right, bottom] = seenBox(viewport, view);
    const lines = new Path2D();
    const gap = 4 / scale;
    for (const [x1, y1, x2, y2] of [
      [left, y, x - gap, y],
      [x + gap, y, right, y],
      [x, top, x, y - gap],
      [x, y + gap, x, bottom],
    ] as const) {
      lines.moveTo(x1, y1);
      lines.lineTo(x2, y2);
    }
    this.#strokeThin(context, lines);
  }

  #strokeThin(context: CanvasRenderingContext2D, path: Path2D): void {
    const { scale } = this.#scene.viewport;
    for (const [style, width] of [
      ['#000', 3],
      ['#fff', 1],
    ] as const) {
      context.strokeStyle = style;
      context.lineWidth = width / scale;
      context.stroke(path);
    }
  }
}
