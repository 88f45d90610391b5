/** Mouse, pen and fingers on the picture: one draws, two zoom and pan; the wheel zooms; space or the middle button pans. */

import type { Point } from '../../project/model.ts';
import { panBy, pinch, toPicture } from '../../project/viewport.ts';
import { hitChosen, pick } from './picking.ts';
import type { Stage } from './stage.ts';
import { FINGER, MOUSE, type Precision } from './types.ts';

export class PointerInput {
  /** Space is held: the pointer pans. */
  panKey = false;
  readonly #stage: Stage;
  readonly #element: HTMLElement;
  readonly #fingers = new Map<number, Point>();
  readonly #listening = new AbortController();
  /** The pointer that draws or pans; -1 for none. */
  #active = -1;
  #panning = false;
  /** It has panned further than a click does. */
  #panned = false;
  #last: Point = [0, 0];
  #start: Point = [0, 0];

  constructor(stage: Stage, element: HTMLElement) {
    this.#stage = stage;
    this.#element = element;
    const options = { signal: this.#listening.signal };
    element.addEventListener('pointerdown', (event) => this.#down(event), options);
    element.addEventListener('pointermove', (event) => this.#move(event), options);
    element.addEventListener('pointerup', (event) => this.#up(event), options);
    element.addEventListener('pointercancel', (event) => this.#up(event, true), options);
    element.addEventListener('pointerleave', () => this.#leave(), options);
    element.addEventListener('contextmenu', (event) => event.preventDefault(), options);
    element.addEventListener('wheel', (event) => this.#wheel(event), { ...options, passive: false });
  }

  close(): void {
    this.#listening.abort();
  }

  /** Shows by the cursor what a press would do. */
  showCursor(): void {
    this.#element.style.cursor = this.#cursor();
  }

  #place(event: MouseEvent): Point {
    const { left, top } = this.#element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #precision({ pointerType }: PointerEvent): Precision {
    return pointerType === 'touch' ? FINGER : MOUSE;
  }

  #down(event: PointerEvent): void {
    const at = this.#place(event);
    this.#element.focus({ preventScroll: true });
    event.preventDefault();
    this.#stage.byKeys = false;
    this.#stage.pointing = event.pointerType !== 'touch';
    this.#element.setPointerCapture(event.pointerId);
    if (event.pointerType === 'touch') {
      this.#fingers.set(event.pointerId, at);
      if (this.#fingers.size === 2) {
        this.#stage.unpress();
        this.#active = -1;
      }
      if (this.#fingers.size > 1) return;
    }
    if (this.#active !== -1 || event.button > 1) return;
    this.#active = event.pointerId;
    this.#last = at;
    this.#start = at;
    this.#panning = this.panKey || event.button === 1;
    this.#panned = this.#panning;
    if (!this.#panning) {
      this.#stage.press(toPicture(this.#stage.viewport, at), this.#precision(event));
      // Beside all objects, the select tool pans.
      this.#panning = this.#stage.inputs.tool === 'select' && this.#stage.draft === undefined;
    }
    this.showCursor();
  }

  #move(event: PointerEvent): void {
    const at = this.#place(event);
    const stage = this.#stage;
    if (event.pointerType !== 'touch') stage.pointing = true;
    if (this.#fingers.has(event.pointerId)) {
      const before = [...this.#fingers.values()];
      this.#fingers.set(event.pointerId, at);
      const after = [...this.#fingers.values()];
      if (this.#fingers.size === 2) {
        const [a, b] = [before as [Point, Point], after as [Point, Point]];
        stage.look(pinch(stage.viewport, a, b, stage.view, stage.picture));
      }
    }
    if (this.#active === event.pointerId) {
      if (this.#panning) {
        const { slop } = this.#precision(event);
        this.#panned ||= Math.hypot(at[0] - this.#start[0], at[1] - this.#start[1]) > slop;
        const by: Point = [at[0] - this.#last[0], at[1] - this.#last[1]];
        stage.look(panBy(stage.viewport, by, stage.view, stage.picture));
      } else {
        // A fast pen or mouse has been at more places than there are frames.
        const all = stage.draft?.kind === 'stroke' ? (event.getCoalescedEvents?.() ?? []) : [];
        for (const one of all.length > 0 ? all : [event]) {
          stage.drag(toPicture(stage.viewport, this.#place(one)), this.#precision(event));
        }
      }
      this.#last = at;
    } else if (this.#active === -1 && this.#fingers.size === 0) {
      // A mouse that lies still sends moves, too, when what is under it changes.
      if (event.movementX !== 0 || event.movementY !== 0) stage.byKeys = false;
      if (!stage.byKeys) stage.drag(toPicture(stage.viewport, at), MOUSE);
      this.showCursor();
    }
  }

  #up(event: PointerEvent, cancelled = false): void {
    this.#fingers.delete(event.pointerId);
    if (this.#active !== event.pointerId) return;
    this.#active = -1;
    if (cancelled) this.#stage.unpress();
    else if (!this.#panning) this.#stage.release();
    else this.#endPan();
    this.#panning = false;
    this.showCursor();
  }

  /** A click beside all objects chooses none. */
  #endPan(): void {
    this.#stage.pressed = false;
    if (!this.#panned) this.#stage.select('');
  }

  #leave(): void {
    this.#stage.pointing = false;
    this.#stage.redraw();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    // Lines and pages of some mice; a pinch on a touchpad comes as a wheel with Ctrl.
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0015;
    this.#stage.zoom(Math.exp(-event.deltaY * unit * speed), this.#place(event));
  }

  #cursor(): string {
    const stage = this.#stage;
    if (this.#panning && this.#active !== -1) return 'grabbing';
    if (this.panKey) return 'grab';
    const { tool } = stage.inputs;
    if (tool !== 'select') return tool === 'brush' || tool === 'eraser' ? 'none' : 'crosshair';
    const reach = MOUSE.reach / stage.viewport.scale;
    const chosen = stage.selected;
    const hit = chosen && hitChosen(chosen.shape, stage.crosshair, reach);
    if (hit?.part === 'corner') return hit.index % 2 === 0 ? 'nwse-resize' : 'nesw-resize';
    if (hit?.part === 'side') return hit.index % 2 === 0 ? 'ns-resize' : 'ew-resize';
    if (hit?.part === 'vertex' || hit?.part === 'edge') return 'pointer';
    return hit || pick(stage, stage.crosshair, reach) ? 'move' : 'grab';
  }
}
