/** Objects and edits in words: for the list beside the picture, and for those who hear what an edit did. */
import { countPixels } from '../../project/brush.ts';
import type { Step } from '../../project/edits.ts';
import { boundsOf } from '../../project/geometry.ts';
import type { LabelClass, LabelObject, LabelShape } from '../../project/model.ts';
import type { Size } from '../../project/viewport.ts';
import { strings } from '../../strings.ts';

const texts = strings.label;

export const nameOf = (classes: readonly LabelClass[], classId: string): string =>
  classes.find(({ id }) => id === classId)?.name ?? texts.unknownClass;

/** Which ninth of the picture its middle is in. */
function whereOf(shape: LabelShape, { width, height }: Size): string {
  const [x1, y1, x2, y2] = boundsOf(shape);
  const third = (value: number, size: number) => Math.min(Math.max(Math.floor((3 * value) / size), 0), 2);
  return texts.where[3 * third((y1 + y2) / 2, height) + third((x1 + x2) / 2, width)]!;
}

/** How many pixels a mask has: masks are not changed in place. */
const pixels = new WeakMap<Uint8Array, number>();

function sizeOf(shape: LabelShape): string {
  const [x1, y1, x2, y2] = boundsOf(shape);
  switch (shape.kind) {
    case 'point':
      return texts.at(Math.round(x1), Math.round(y1));
    case 'mask': {
      const count = pixels.get(shape.data) ?? countPixels(shape);
      pixels.set(shape.data, count);
      return texts.pixels(count);
    }
    case 'box':
      return texts.size(Math.round(x2 - x1), Math.round(y2 - y1));
    case 'polygon':
      return `${texts.points(shape.points.length)}, ${texts.size(Math.round(x2 - x1), Math.round(y2 - y1))}`;
  }
}

/** Kind, place and size: "box, top left, 40 × 30 pixels". */
export function describeShape(shape: LabelShape, picture: Size): string {
  return [texts.kinds[shape.kind], whereOf(shape, picture), sizeOf(shape)].join(', ');
}

export function describeObject(object: LabelObject, classes: readonly LabelClass[], picture: Size): string {
  const proposal = object.score === undefined ? '' : `, ${texts.proposal(object.score)}`;
  return `${nameOf(classes, object.classId)}: ${describeShape(object.shape, picture)}${proposal}`;
}

/** What a step did: "Added coin: box, top left, 40 × 30 pixels". */
export function describeStep({ kind, changes }: Step, classes: readonly LabelClass[], picture: Size): string {
  const [first] = changes;
  const object = first?.after ?? first?.before;
  if (!object) return '';
  const what =
    changes.length === 1 ? describeObject(object, classes, picture) : texts.objects(changes.length);
  return texts.did[kind](what);
}
