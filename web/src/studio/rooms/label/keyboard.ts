/** The keys on the picture; `strings.label.keys` says them. */
import { acceptProposals, changeClass, removeObjects, replaceShape } from '../../project/edits.ts';
import { addVertex, cornersOf, deleteVertex, middleOf } from '../../project/geometry.ts';
import type { LabelObject, LabelShape, Point } from '../../project/model.ts';
import { panBy } from '../../project/viewport.ts';
import { strings } from '../../strings.ts';
import { describeObject, nameOf } from './describe.ts';
import { moveHit, pick } from './picking.ts';
import type { Stage } from './stage.ts';
import { brushStep, KEYS, type Tool } from './types.ts';

const texts = strings.label;

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
/** Pressed for the sake of another key. */
const MODIFIERS: ReadonlySet<string> = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta']);
const TOOL_KEYS: Readonly<Record<string, Tool>> = {
  S: 'select',
  B: 'box',
  P: 'polygon',
  M: 'brush',
  E: 'eraser',
  D: 'point',
  C: 'click',
};

/** Chooses a class: for new objects, and for the chosen one while the select tool is in hand. */
export function chooseClass(stage: Stage, id: string): void {
  const { inputs, selected } = stage;
  inputs.onCurrentClass(id);
  if (inputs.tool === 'select' && selected) stage.edit(changeClass(inputs.objects, [selected.id], id));
  else {
    if (!stage.draft) stage.select('');
    stage.announce(texts.chosenClass(nameOf(inputs.classes, id)));
  }
}

/** Deletes the last point of a polygon in the making, the chosen vertex, or else the chosen object. */
export function deleteChosen(stage: Stage): void {
  if (stage.draft?.kind === 'polygon') {
    stage.removeLastPoint();
    return;
  }
  const { selected, handle, inputs } = stage;
  if (!selected || stage.draft) return;
  if (selected.shape.kind === 'polygon' && handle >= 0) {
    const points = deleteVertex(selected.shape.points, handle);
    if (!points) {
      stage.announce(texts.tooFewPoints);
      return;
    }
    stage.handle = Math.min(handle, points.length - 1);
    stage.edit(replaceShape(inputs.objects, selected.id, { kind: 'polygon', points }));
    return;
  }
  stage.edit(removeObjects(inputs.objects, [selected.id]));
  stage.select('');
}

/** Undoes; a polygon in the making loses its last point instead. */
export function undoOn(stage: Stage): void {
  if (stage.draft?.kind === 'polygon') stage.removeLastPoint();
  else if (!stage.draft) stage.inputs.onUndo();
}

export class KeyInput {
  readonly #stage: Stage;
  readonly #help: () => void;
  /** Arrow keys that follow each other are undone as one. */
  #run = 0;

  constructor(stage: Stage, help: () => void) {
    this.#stage = stage;
    this.#help = help;
  }

  /** What a key does; true if it does something here. */
  press(event: KeyboardEvent): boolean {
    const { key } = event;
    if (MODIFIERS.has(key)) return false;
    const arrow = ARROWS[key];
    if (arrow && !event.altKey) {
      const by: Point = event.shiftKey ? [10 * arrow[0], 10 * arrow[1]] : arrow;
      if (event.ctrlKey || event.metaKey) this.#pan(arrow);
      else this.#arrow(by);
      return true;
    }
    this.#run += 1;
    if (event.ctrlKey || event.metaKey) return this.#withControl(event);
    if (event.altKey) return false;
    return this.#plain(event) || this.#letter(event);
  }

  #withControl({ key, shiftKey }: KeyboardEvent): boolean {
    const name = key.toLowerCase();
    if (name === 'z' && !shiftKey) undoOn(this.#stage);
    else if (name === 'y' || name === 'z') {
      if (!this.#stage.draft) this.#stage.inputs.onRedo();
    } else return false;
    return true;
  }

  #plain({ key, shiftKey }: KeyboardEvent): boolean {
    const stage = this.#stage;
    const { inputs } = stage;
    switch (key) {
      case 'Enter':
        this.#enter();
        return true;
      case 'Escape':
        stage.cancel();
        return true;
      case 'Delete':
      case 'Backspace':
        deleteChosen(stage);
        return true;
      case 'Tab':
        return this.#next(shiftKey ? -1 : 1, false);
      case 'PageDown':
        return this.#next(1, true);
      case 'PageUp':
        return this.#next(-1, true);
      case ',':
      case '.':
        this.#nextHandle(key === '.' ? 1 : -1);
        return true;
      case ';':
        this.#addVertex();
        return true;
      case '+':
      case '=':
        stage.zoom(1.25);
        return true;
      case '-':
        stage.zoom(0.8);
        return true;
      case 'Home':
        stage.fit();
        return true;
      case '[':
      case ']': {
        const size = brushStep(inputs.brushSize, key === ']');
        inputs.onBrushSize(size);
        stage.announce(texts.brushIs(size));
        return true;
      }
      case '?':
        this.#help();
        return true;
      default:
        return false;
    }
  }

  #letter({ key, shiftKey }: KeyboardEvent): boolean {
    const stage = this.#stage;
    const tool = shiftKey ? TOOL_KEYS[key.toUpperCase()] : undefined;
    if (tool) {
      stage.inputs.onTool(tool);
      stage.announce(texts.tool[tool]);
      return true;
    }
    const name = key.toLowerCase();
    const chosen = shiftKey ? undefined : stage.inputs.classes.find((one) => one.key === name);
    if (chosen) chooseClass(stage, chosen.id);
    return chosen !== undefined;
  }

  #pan([dx, dy]: Point): void {
    const stage = this.#stage;
    const { width, height } = stage.view;
    stage.look(panBy(stage.viewport, [(-dx * width) / 8, (-dy * height) / 8], stage.view, stage.picture));
  }

  #arrow([dx, dy]: Point): void {
    const stage = this.#stage;
    const { selected } = stage;
    if (selected && stage.inputs.tool === 'select' && !stage.pressed) {
      this.#nudge(selected, [dx, dy]);
      return;
    }
    const [x, y] = stage.crosshair;
    stage.aim([Math.round(x) + dx, Math.round(y) + dy]);
    stage.announce(texts.at(...stage.crosshair));
  }

  #nudge({ id, shape }: LabelObject, by: Point): void {
    const stage = this.#stage;
    const { handle } = stage;
    const part = shape.kind === 'box' ? 'corner' : 'vertex';
    const moved: LabelShape =
      handle < 0
        ? moveHit(shape, { part: 'inside' }, by, stage.picture)
        : moveHit(shape, { part, index: handle }, by, stage.picture);
    if (handle >= 0 && shape.kind === 'box' && moved.kind === 'box') {
      // A box that turns over numbers its corners anew.
      const [x, y] = cornersOf(shape.box)[handle]!;
      const distances = cornersOf(moved.box).map(([cx, cy]) => Math.hypot(cx - x - by[0], cy - y - by[1]));
      stage.handle = distances.indexOf(Math.min(...distances));
    }
    stage.edit(replaceShape(stage.inputs.objects, id, moved, `keys ${id} ${this.#run}`));
  }

  #enter(): void {
    const stage = this.#stage;
    const { tool, objects } = stage.inputs;
    if (tool === 'select') {
      if (stage.selected?.score !== undefined) {
        stage.edit(acceptProposals(objects, [stage.selected.id]));
        return;
      }
      const object = pick(stage, stage.crosshair, KEYS.reach / stage.viewport.scale);
      if (object) this.#choose(object);
      else stage.announce(texts.nothingHere);
      return;
    }
    // With a mouse in hand, Enter closes; the crosshair of the keys sets points.
    if (tool === 'polygon' && stage.draft && !stage.byKeys) {
      stage.closePolygon();
      return;
    }
    stage.byKeys = true;
    if (stage.pressed) {
      stage.release();
      return;
    }
    stage.press(stage.crosshair, KEYS);
    if (tool === 'point' || tool === 'click' || tool === 'polygon') {
      stage.release();
      return;
    }
    if (stage.pressed) stage.announce(texts.started[tool]);
  }

  #choose(object: LabelObject): void {
    const { inputs, picture } = this.#stage;
    this.#stage.select(object.id);
    this.#stage.reveal(object);
    this.#stage.announce(texts.selected(describeObject(object, inputs.classes, picture)));
  }

  /** Chooses the next object. Without `start`, only while one is chosen: otherwise Tab leaves the picture. */
  #next(by: 1 | -1, start: boolean): boolean {
    const stage = this.#stage;
    const { objects, selected } = stage.inputs;
    if (stage.draft || (!start && !stage.selected)) return false;
    const at = objects.findIndex(({ id }) => id === selected);
    const next = at < 0 ? objects[by > 0 ? 0 : objects.length - 1] : objects[at + by];
    if (!next) return start;
    this.#choose(next);
    return true;
  }

  #nextHandle(by: 1 | -1): void {
    const stage = this.#stage;
    const shape = stage.selected?.shape;
    if (shape?.kind !== 'box' && shape?.kind !== 'polygon') return;
    const points = shape.kind === 'box' ? cornersOf(shape.box) : shape.points;
    const count = points.length;
    stage.handle = stage.handle < 0 ? (by > 0 ? 0 : count - 1) : (stage.handle + by + count) % count;
    const [x, y] = points[stage.handle]!;
    const [left, top, number] = [Math.round(x), Math.round(y), stage.handle + 1];
    const said =
      shape.kind === 'box' ? texts.corner(number, left, top) : texts.vertex(number, count, left, top);
    stage.announce(said);
    stage.redraw();
  }

  #addVertex(): void {
    const stage = this.#stage;
    const { selected, handle } = stage;
    if (selected?.shape.kind !== 'polygon') return;
    const edge = Math.max(handle, 0);
    const { points } = selected.shape;
    const more = addVertex(points, edge, middleOf(points, edge), stage.picture);
    stage.edit(replaceShape(stage.inputs.objects, selected.id, { kind: 'polygon', points: more }));
    stage.handle = edge + 1;
  }
}
