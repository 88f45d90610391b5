import type { Box, ImageSize } from '../../../vision/boxes.ts';
import { type AnnotatedShape, type Extra, IGNORE_LABEL } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { polygonBounds } from '../../polygon.ts';
import { boxInside, checkBox, checkOutline, decimal } from '../checks.ts';
import { extraOf } from '../extra.ts';
import type { Reading } from '../reading.ts';
import { LABEL_MAP } from './masks.ts';
import { childrenOf, type XmlElement } from './xml.ts';

const FIX_OBJECT = 'correct or remove the object';

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['', false],
  ['0', false],
  ['1', true],
  ['false', false],
  ['true', true],
  ['unspecified', false],
]);

const CORNERS = ['xmin', 'ymin', 'xmax', 'ymax'] as const;
const numberIn = (element: XmlElement | undefined): number => decimal(element?.text);

/** The corners of an object's box as far as they are there, or the points of its polygon. */
export function cornersOf(element: XmlElement): number[] | undefined {
  const [bounds] = childrenOf(element, 'bndbox');
  const corners = CORNERS.map((name) => bounds && numberIn(childrenOf(bounds, name)[0]));
  return corners.every((value) => value !== undefined) ? corners : polygonOf(element);
}

/** The points of <polygon>, x and y in turns: <pt><x/><y/></pt> (LabelMe), or <x1/><y1/><x2/> … (Roboflow). */
function polygonOf(element: XmlElement): number[] | undefined {
  const [polygon] = childrenOf(element, 'polygon');
  if (!polygon) return undefined;
  const points = childrenOf(polygon, 'pt');
  if (points.length > 0) {
    return points.flatMap((point) => [
      numberIn(childrenOf(point, 'x')[0]),
      numberIn(childrenOf(point, 'y')[0]),
    ]);
  }
  const values = new Map(polygon.children.map((child) => [child.name, numberIn(child)]));
  const numbers: number[] = [];
  for (let i = 1; values.has(`x${i}`); i++)
    numbers.push(values.get(`x${i}`)!, values.get(`y${i}`) ?? Number.NaN);
  return numbers.length > 0 ? numbers : undefined;
}

/**
 * Reads an object. VOC's corners are the first and the last pixel, counted from 1: (xmin, ymin, xmax, ymax) is the box
 * from (xmin - 1, ymin - 1) to (xmax, ymax).
 */
export function readShape(
  element: XmlElement,
  where: string,
  size: ImageSize,
  classes: readonly string[] | undefined,
  reading: Reading,
): AnnotatedShape {
  const label = childrenOf(element, 'name')[0]?.text;
  if (!label) throw new BadData('structure', `${where}: has no name; ${FIX_OBJECT}`);
  if (classes && label !== IGNORE_LABEL && !classes.includes(label)) {
    throw new BadData(
      'unknown class',
      `${where}: name ${JSON.stringify(label)} is not one of ${classes.join(', ')}, which ${LABEL_MAP} lists; add it there, or remove the object`,
    );
  }
  const polygon = polygonOf(element);
  const [bounds] = childrenOf(element, 'bndbox');
  if (!bounds && !polygon) throw new BadData('structure', `${where}: has no bndbox; ${FIX_OBJECT}`);
  const box = bounds && readBox(bounds, where, size, reading);
  const read = () => checkOutline(polygon!, size, `${where}: polygon`, FIX_OBJECT, reading);
  // Without a box the outline is all there is; with one, the box stays where the outline is bad.
  const points = polygon && (box ? reading.attempt('part', read) : read());
  const shape: AnnotatedShape = {
    label,
    box: boxInside(box ?? polygonBounds(points!), size),
    ...(points ? { points } : {}),
    groupId: null,
  };
  for (const flag of ['difficult', 'truncated', 'occluded'] as const) {
    const text = childrenOf(element, flag)[0]?.text ?? '';
    const set = FLAGS.get(text.toLowerCase());
    if (set === undefined) {
      throw new BadData(
        'structure',
        `${where}: ${flag} is ${JSON.stringify(text)}, not 0 or 1; ${FIX_OBJECT}`,
      );
    }
    if (set) shape[flag] = true;
  }
  if (reading.options.extras) Object.assign(shape, extraIn(element, OBJECT_KEYS));
  return shape;
}

const OBJECT_KEYS = ['name', 'bndbox', 'polygon', 'difficult', 'truncated', 'occluded'];
const IMAGE_KEYS = ['folder', 'filename', 'path', 'size', 'segmented', 'object'];
/** What programs write where they have nothing to say. */
const NOTHING = ['', '0', 'Unspecified', 'Unknown'];

const saysNothing = ({ text, children }: XmlElement): boolean =>
  NOTHING.includes(text) && children.every(saysNothing);

/** What an element says beyond what is used: `pose`, `attributes`, `part` and so on. */
function extraIn(element: XmlElement, known: readonly string[]): { readonly extra?: Extra } {
  const values = new Map<string, XmlElement[]>();
  for (const child of element.children) {
    if (known.includes(child.name) || saysNothing(child)) continue;
    const same = values.get(child.name);
    if (same) same.push(child);
    else values.set(child.name, [child]);
  }
  return extraOf('voc', Object.fromEntries(values), new Set());
}

/** What an XML file says of its image beyond what is used: `source`, `owner` and so on. */
export const imageExtra = (root: XmlElement): { readonly extra?: Extra } => extraIn(root, IMAGE_KEYS);

function readBox(bounds: XmlElement, where: string, size: ImageSize, reading: Reading): Box {
  const [xmin, ymin, xmax, ymax] = CORNERS.map((name) => {
    const text = childrenOf(bounds, name)[0]?.text;
    const value = decimal(text);
    if (!Number.isFinite(value)) {
      throw new BadData(
        'not a number',
        `${where}: bndbox.${name} is ${JSON.stringify(text ?? null)}, not a number; ${FIX_OBJECT}`,
      );
    }
    return value;
  }) as [number, number, number, number];
  return checkBox([xmin - 1, ymin - 1, xmax, ymax], size, where, FIX_OBJECT, reading);
}
