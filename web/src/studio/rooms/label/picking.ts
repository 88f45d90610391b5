/** What of the picture's objects a press takes hold of, and what a drag makes of it. */
import {
  addVertex,
  boundsOf,
  type Hit,
  hitShape,
  middleOf,
  moveCorner,
  moveShape,
  moveSide,
  moveVertex,
} from '../../project/geometry.ts';
import type { LabelObject, LabelShape, Point } from '../../project/model.ts';
import type { Size } from '../../project/viewport.ts';
import type { Draft } from './draft.ts';
import type { Scene } from './scene.ts';

type Drag = Extract<Draft, { kind: 'drag' }>;

/** The object at a place, or else the one within `reach`: a point before all others, then the smallest, then the uppermost. */
export const pick = (
  scene: Scene,
  at: Point,
  reach: number,
  kind?: LabelShape['kind'],
): LabelObject | undefined =>
  pickWithin(scene, at, reach, 0, kind) ?? pickWithin(scene, at, reach, reach, kind);

/** Points are picked within `reach`, all others within `near`. */
function pickWithin(
  scene: Scene,
  at: Point,
  reach: number,
  near: number,
  kind: LabelShape['kind'] | undefined,
): LabelObject | undefined {
  const [x, y] = at;
  let found: LabelObject | undefined;
  let least = Infinity;
  // The grid gives them as they came in, so that of two alike the later one is above.
  for (const id of scene.grid.query([x - reach, y - reach, x + reach, y + reach])) {
    const object = scene.objectOf(id);
    if (!object || (kind && object.shape.kind !== kind)) continue;
    if (!hitShape(object.shape, at, object.shape.kind === 'point' ? reach : near)) continue;
    const [x1, y1, x2, y2] = boundsOf(object.shape);
    const area = (x2 - x1) * (y2 - y1);
    if (area > least) continue;
    found = object;
    least = area;
  }
  return found;
}

/** What of the chosen object is hit. Within a small one the handles are smaller, so that it can be moved as a whole, too. */
export function hitChosen(shape: LabelShape, at: Point, reach: number): Hit | undefined {
  const [x1, y1, x2, y2] = boundsOf(shape);
  const inside = hitShape(shape, at, 0) !== undefined;
  const within = shape.kind === 'point' || !inside ? reach : Math.min(x2 - x1, y2 - y1) / 4;
  return hitShape(shape, at, Math.min(reach, within));
}

/** Takes hold of the chosen object, of the middle of one of its edges (a new vertex), or of another object. */
export function beginDrag(scene: Scene, at: Point, reach: number): Drag | undefined {
  const chosen = scene.selected;
  const hit = chosen && hitChosen(chosen.shape, at, reach);
  if (chosen && hit) {
    const added =
      hit.part === 'edge' ? withVertex(chosen.shape, hit.index, at, reach, scene.picture) : undefined;
    const shape = added ?? chosen.shape;
    const part: Hit = added ? { part: 'vertex', index: (hit as { index: number }).index + 1 } : hit;
    return { kind: 'drag', object: chosen, start: shape, shape, hit: part, from: at, moved: false };
  }
  const object = pick(scene, at, reach);
  if (!object) return undefined;
  const { shape } = object;
  // What was not chosen has no handles yet: it moves as a whole.
  return { kind: 'drag', object, start: shape, shape, hit: { part: 'inside' }, from: at, moved: false };
}

/** The polygon with a vertex more where the middle of an edge is hit. */
function withVertex(
  shape: LabelShape,
  edge: number,
  at: Point,
  reach: number,
  picture: Size,
): LabelShape | undefined {
  if (shape.kind !== 'polygon') return undefined;
  const middle = middleOf(shape.points, edge);
  if (Math.hypot(middle[0] - at[0], middle[1] - at[1]) > reach) return undefined;
  return { kind: 'polygon', points: addVertex(shape.points, edge, middle, picture) };
}

/** A drag that has come to a place. Before it is further than `slop`, nothing moves. */
export function dragTo(drag: Drag, at: Point, slop: number, picture: Size): Drag {
  const by: Point = [at[0] - drag.from[0], at[1] - drag.from[1]];
  if (!drag.moved && Math.hypot(...by) <= slop) return drag;
  return { ...drag, moved: true, shape: moveHit(drag.start, drag.hit, by, picture) };
}

/** A shape of which one part, or all, has moved. */
export function moveHit(shape: LabelShape, hit: Hit, [dx, dy]: Point, picture: Size): LabelShape {
  if (shape.kind === 'box' && (hit.part === 'corner' || hit.part === 'side')) {
    const [x1, y1, x2, y2] = shape.box;
    if (hit.part === 'side') {
      const to: Point = [(hit.index === 3 ? x1 : x2) + dx, (hit.index === 0 ? y1 : y2) + dy];
      return { kind: 'box', box: moveSide(shape.box, hit.index, to, picture) };
    }
    const right = hit.index === 1 || hit.index === 2;
    const to: Point = [(right ? x2 : x1) + dx, (hit.index >= 2 ? y2 : y1) + dy];
    return { kind: 'box', box: moveCorner(shape.box, hit.index, to, picture) };
  }
  if (shape.kind === 'polygon' && hit.part === 'vertex') {
    const [x, y] = shape.points[hit.index]!;
    return { kind: 'polygon', points: moveVertex(shape.points, hit.index, [x + dx, y + dy], picture) };
  }
  return moveShape(shape, [dx, dy], picture);
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Positions to a hundredth of a pixel: a pointer knows no more, and files are shorter. */
export function tidy(shape: LabelShape): LabelShape {
  switch (shape.kind) {
    case 'box': {
      const [x1, y1, x2, y2] = shape.box;
      return { kind: 'box', box: [rounded(x1), rounded(y1), rounded(x2), rounded(y2)] };
    }
    case 'polygon':
      return { kind: 'polygon', points: shape.points.map(([x, y]): Point => [rounded(x), rounded(y)]) };
    case 'point':
      return { kind: 'point', at: [rounded(shape.at[0]), rounded(shape.at[1])] };
    case 'mask':
      return shape;
  }
}
