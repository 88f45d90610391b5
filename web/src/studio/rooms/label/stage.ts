/**
 * What happens on the picture, whether a pointer or a key does it: places are pressed, dragged to and released with a tool. There is no
 * annotation library below: none that is known to us has 5,000 boxes at 30 frames/s, brush masks, points, touch and the keyboard in one
 * editor, and each would bring its own model of an object.
 */
import { MaskPainter } from '../../project/brush.ts';
import { addObjects, applyStep, removeObjects, replaceShape, type Step } from '../../project/edits.ts';
import { boundsOf, boxBetween, clampPoint, polygonOf } from '../../project/geometry.ts';
import type { LabelObject, LabelShape, Point } from '../../project/model.ts';
import { SpatialGrid } from '../../project/spatial.ts';
import { fitView, keepInView, reveal, type Size, type Viewport, zoomAt } from '../../project/viewport.ts';
import { strings } from '../../strings.ts';
import type { Draft } from './draft.ts';
import { Layers } from './layers.ts';
import { withClass } from './newObject.ts';
import { beginDrag, dragTo, pick, tidy } from './picking.ts';
import type { Scene } from './scene.ts';
import { type EditorProps, KEYS, type Precision } from './types.ts';

const texts = strings.label;

export interface StageOptions {
  announce(text: string): void;
  /** The view has changed. */
  onView(viewport: Viewport): void;
}

export class Stage implements Scene {
  inputs: EditorProps;
  view: Size = { width: 1, height: 1 };
  viewport: Viewport;
  draft: Draft | undefined;
  crosshair: Point;
  byKeys = false;
  pointing = false;
  /** A place is pressed. */
  pressed = false;
  handle = -1;
  grid: SpatialGrid;
  readonly announce: (text: string) => void;
  readonly #onView: (viewport: Viewport) => void;
  readonly #layers: Layers;
  #byId = new Map<string, LabelObject>();
  #colors = new Map<string, string>();
  /** What was last drawn on the lower layer. */
  #drawn: { readonly objects: readonly LabelObject[]; readonly lifted: string };

  constructor(props: EditorProps, rest: HTMLCanvasElement, top: HTMLCanvasElement, options: StageOptions) {
    this.inputs = props;
    this.announce = options.announce;
    this.#onView = options.onView;
    this.viewport = fitView(this.view, props);
    this.crosshair = [props.width / 2, props.height / 2];
    this.grid = new SpatialGrid(props.width, props.height);
    this.#layers = new Layers(this, rest, top);
    this.#layers.show(props.image);
    this.#drawn = { objects: [], lifted: '' };
    this.#takeColors();
    this.#takeObjects([], props.objects);
  }

  close(): void {
    this.#layers.close();
  }

  readonly colorOf = (classId: string): string => this.#colors.get(classId) ?? '#808080';

  get picture(): Size {
    return this.inputs;
  }

  objectOf(id: string): LabelObject | undefined {
    return this.#byId.get(id);
  }

  get selected(): LabelObject | undefined {
    return this.#byId.get(this.inputs.selected);
  }

  get liftedObject(): LabelObject | undefined {
    const { draft } = this;
    if (draft?.kind === 'drag') return draft.object;
    return draft?.kind === 'stroke' ? draft.object : this.selected;
  }

  get lifted(): string {
    return this.liftedObject?.id ?? '';
  }

  /** Takes what the owner gives. */
  update(props: EditorProps): void {
    const old = this.inputs;
    this.inputs = props;
    const other = props.image !== old.image || props.width !== old.width || props.height !== old.height;
    if (other) {
      this.draft = undefined;
      this.pressed = false;
      this.crosshair = [props.width / 2, props.height / 2];
      this.grid = new SpatialGrid(props.width, props.height);
      this.#byId.clear();
      this.#layers.show(props.image);
      this.fit();
    }
    if (props.classes !== old.classes) this.#takeColors();
    this.#takeObjects(other ? [] : old.objects, props.objects);
    if (props.tool !== old.tool) this.#drop();
    if (props.selected !== old.selected) {
      this.handle = -1;
      if (this.selected) this.reveal(this.selected);
    }
    this.redraw(other || props.classes !== old.classes);
  }

  /** Draws what has changed; all with `rest`. */
  redraw(rest = false): void {
    const { objects } = this.inputs;
    const { lifted } = this;
    const stale = rest || lifted !== this.#drawn.lifted || !sameExcept(this.#drawn.objects, objects, lifted);
    if (stale) this.#drawn = { objects, lifted };
    this.#layers.redraw(stale);
  }

  // The view

  resize(view: Size): void {
    const first = this.view.width <= 1;
    const fitted = fitView(this.view, this.picture).scale === this.viewport.scale;
    this.view = view;
    if (first || fitted) this.fit();
    else this.look(keepInView(this.viewport, view, this.picture));
  }

  fit(): void {
    this.look(fitView(this.view, this.picture));
  }

  look(viewport: Viewport): void {
    this.viewport = viewport;
    this.#onView(viewport);
    this.redraw(true);
  }

  /** Zooms about a place of the view; without one about its middle. */
  zoom(factor: number, at: Point = [this.view.width / 2, this.view.height / 2]): void {
    this.look(zoomAt(this.viewport, at, factor, this.view, this.picture));
  }

  /** Moves the view, if need be, so that an object is seen. */
  reveal({ shape }: LabelObject): void {
    const [x1, y1, x2, y2] = boundsOf(shape);
    const next = reveal(this.viewport, [(x1 + x2) / 2, (y1 + y2) / 2], this.view, this.picture);
    if (next.x !== this.viewport.x || next.y !== this.viewport.y) this.look(next);
  }

  /** Moves the crosshair by keys; the view follows. */
  aim(to: Point): void {
    this.crosshair = clampPoint(to, this.picture);
    this.byKeys = true;
    const next = reveal(this.viewport, this.crosshair, this.view, this.picture);
    if (next.x !== this.viewport.x || next.y !== this.viewport.y) this.look(next);
    if (this.pressed || this.draft?.kind === 'polygon') this.drag(this.crosshair, KEYS);
    this.redraw();
  }

  // Edits

  /** Shows an edit at once and tells the owner, who gives the objects back. */
  edit(step: Step): void {
    if (step.changes.length === 0 || !this.#mayEdit()) return;
    const old = this.inputs.objects;
    this.inputs = { ...this.inputs, objects: applyStep(old, step) };
    this.#takeObjects(old, this.inputs.objects);
    this.redraw();
    this.inputs.onEdit(step);
  }

  select(id: string): void {
    if (this.inputs.selected === id) return;
    this.inputs = { ...this.inputs, selected: id };
    this.handle = -1;
    this.redraw();
    this.inputs.onSelect(id);
  }

  /** Adds a shape as an object of the current class, and chooses it. */
  add(shape: LabelShape): void {
    const { inputs, said } = withClass(this.inputs);
    if (inputs !== this.inputs) {
      this.inputs = inputs;
      this.#takeColors();
    }
    const object = { id: crypto.randomUUID(), classId: this.inputs.currentClass, shape: tidy(shape) };
    this.edit(addObjects(this.inputs.objects, [object]));
    this.select(object.id);
    if (said !== '') this.announce(said);
  }

  // Places that are pressed, dragged to and released

  press(at: Point, precision: Precision): void {
    const { tool, brushSize } = this.inputs;
    const reach = precision.reach / this.viewport.scale;
    this.crosshair = clampPoint(at, this.picture);
    if (tool !== 'select' && !this.#mayEdit()) return;
    this.pressed = true;
    if (tool === 'select') {
      this.draft = beginDrag(this, at, reach);
      const { draft } = this;
      if (draft?.kind === 'drag') {
        const active = draft.hit.part === 'corner' || draft.hit.part === 'vertex' ? draft.hit.index : -1;
        this.select(draft.object.id);
        this.handle = active;
      }
    } else if (tool === 'box') {
      const from = this.crosshair;
      this.draft = { kind: 'box', from, to: from, moved: false };
    } else if (tool === 'point' || tool === 'click') this.draft = { kind: 'point', at: this.crosshair };
    else if (tool === 'polygon') this.#pressPolygon(precision);
    else this.#beginStroke(tool === 'brush' ? 1 : 0, brushSize / 2, at, reach);
    this.redraw();
  }

  drag(at: Point, { slop }: Precision): void {
    const { draft, picture } = this;
    const to = clampPoint(at, picture);
    this.crosshair = to;
    if (draft?.kind === 'box') {
      const far = Math.max(Math.abs(to[0] - draft.from[0]), Math.abs(to[1] - draft.from[1]));
      const moved = draft.moved || far * this.viewport.scale > slop;
      this.draft = { ...draft, to, moved };
    } else if (draft?.kind === 'polygon') {
      const points = this.pressed ? [...draft.points.slice(0, -1), to] : draft.points;
      this.draft = { ...draft, points, to };
    } else if (draft?.kind === 'point') this.draft = { kind: 'point', at: to };
    else if (draft?.kind === 'drag') this.draft = dragTo(draft, at, slop / this.viewport.scale, picture);
    else if (draft?.kind === 'stroke') {
      draft.painter.stroke(draft.path.at(-1)!, at, draft.radius, draft.value);
      this.draft = { ...draft, path: [...draft.path, at] };
    }
    this.redraw();
  }

  release(): void {
    const { draft, picture } = this;
    this.pressed = false;
    if (draft?.kind === 'polygon') return;
    this.draft = undefined;
    if (draft?.kind === 'box') {
      if (draft.moved) this.add({ kind: 'box', box: boxBetween(draft.from, draft.to, picture) });
      else this.announce(texts.tooSmall);
    } else if (draft?.kind === 'point') {
      if (this.inputs.tool === 'click') this.inputs.onClickAt?.(draft.at);
      else this.add({ kind: 'point', at: draft.at });
    }
    if (draft?.kind === 'drag') this.#endDrag(draft);
    else if (draft?.kind === 'stroke') this.#endStroke(draft);
    this.redraw();
  }

  /** Lets go of what is pressed as if it had not been: a second finger came down. */
  unpress(): void {
    const { draft, pressed } = this;
    this.pressed = false;
    if (draft?.kind !== 'polygon') this.draft = undefined;
    else if (pressed) this.removeLastPoint();
    this.redraw();
  }

  /** Gives up what is being drawn; otherwise nothing is chosen any more. */
  cancel(): void {
    if (this.draft) this.announce(texts.cancelled);
    else if (this.selected) this.announce(texts.unselected);
    if (this.draft) this.#drop();
    else this.select('');
    this.redraw();
  }

  /** Makes an object of the polygon in the making. */
  closePolygon(): void {
    const { draft } = this;
    if (draft?.kind !== 'polygon') return;
    const shape = polygonOf(draft.points, this.picture);
    if (!shape) {
      this.announce(texts.tooFewPoints);
      return;
    }
    this.#drop();
    this.add(shape);
  }

  removeLastPoint(): void {
    const { draft } = this;
    if (draft?.kind !== 'polygon') return;
    const points = draft.points.slice(0, -1);
    this.draft = points.length === 0 ? undefined : { ...draft, points };
    this.announce(texts.pointGone);
    this.redraw();
  }

  #drop(): void {
    this.draft = undefined;
    this.pressed = false;
  }

  #mayEdit(): boolean {
    if (this.inputs.readOnly) this.announce(texts.readOnly);
    return !this.inputs.readOnly;
  }

  #pressPolygon({ reach, slop }: Precision): void {
    const { draft, crosshair, viewport } = this;
    if (draft?.kind !== 'polygon') {
      this.draft = { kind: 'polygon', points: [crosshair], to: crosshair };
      this.announce(texts.started.polygon);
      return;
    }
    const near = (point: Point, distance: number) =>
      Math.hypot(point[0] - crosshair[0], point[1] - crosshair[1]) * viewport.scale <= distance;
    // On the first point, or twice on the last, as a double click is.
    if (near(draft.points[0]!, draft.points.length < 3 ? slop : reach) || near(draft.points.at(-1)!, slop)) {
      this.pressed = false;
      this.closePolygon();
      return;
    }
    this.draft = { ...draft, points: [...draft.points, crosshair], to: crosshair };
    this.announce(texts.pointSet(draft.points.length + 1));
  }

  #beginStroke(value: 0 | 1, radius: number, at: Point, reach: number): void {
    const chosen = this.selected?.shape.kind === 'mask' ? this.selected : undefined;
    const object = value === 1 ? chosen : (chosen ?? pick(this, at, reach, 'mask'));
    const mask = object?.shape.kind === 'mask' ? object.shape : undefined;
    if (value === 0 && !mask) {
      this.pressed = false;
      this.announce(texts.nothingToErase);
      return;
    }
    if (object) this.select(object.id);
    const painter = new MaskPainter(this.picture, mask);
    painter.stroke(at, at, radius, value);
    this.draft = { kind: 'stroke', painter, value, radius, path: [at], object };
  }

  #endStroke({ painter, object }: Extract<Draft, { kind: 'stroke' }>): void {
    const mask = painter.finish();
    if (!object) {
      if (mask) this.add(mask);
    } else if (mask) this.edit(replaceShape(this.inputs.objects, object.id, mask));
    else {
      this.edit(removeObjects(this.inputs.objects, [object.id]));
      this.select('');
    }
  }

  #endDrag({ object, shape, hit, moved, from }: Extract<Draft, { kind: 'drag' }>): void {
    if (moved || shape !== object.shape) {
      this.edit(replaceShape(this.inputs.objects, object.id, tidy(shape)));
      return;
    }
    // A click within the chosen object chooses a smaller one that lies there.
    const smaller = hit.part === 'inside' ? pick(this, from, 0) : undefined;
    if (smaller) this.select(smaller.id);
  }

  #takeColors(): void {
    this.#colors = new Map(this.inputs.classes.map(({ id, color }) => [id, color]));
  }

  /** Brings the grid up to date: objects are the same as long as nothing changed them. */
  #takeObjects(old: readonly LabelObject[], objects: readonly LabelObject[]): void {
    if (old === objects) return;
    const gone = new Set(this.#byId.keys());
    for (const object of objects) {
      gone.delete(object.id);
      const known = this.#byId.get(object.id);
      if (known === object) continue;
      this.#byId.set(object.id, object);
      if (known?.shape !== object.shape) this.grid.set(object.id, boundsOf(object.shape));
    }
    for (const id of gone) {
      this.#byId.delete(id);
      this.grid.delete(id);
    }
    const { draft } = this;
    const held = draft?.kind === 'drag' || draft?.kind === 'stroke' ? draft.object : undefined;
    if (held && this.#byId.get(held.id) !== held) this.#drop();
  }
}

/** Whether two lists have the same objects, but for one. */
function sameExcept(a: readonly LabelObject[], b: readonly LabelObject[], id: string): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((object, i) => object === b[i] || (object.id === id && b[i]!.id === id));
}
