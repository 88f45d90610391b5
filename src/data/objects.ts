import { expectArguments } from '../arguments.ts';
import { withDefaults } from '../options.ts';
import type { Box } from '../vision/boxes.ts';
import {
  type AnnotatedShape,
  type Annotation,
  IGNORE_LABEL,
  type IgnoredRegion,
  OBJECT_FLAGS,
  type ObjectFlags,
} from './annotation.ts';

/** One object: a single shape, or all shapes with the same label and `groupId`. */
export interface AnnotatedObject extends Readonly<ObjectFlags> {
  /** The class of the object. */
  readonly label: string;
  /** The box around all of its shapes, or the object's box as stated in the file. */
  readonly box: Box;
  /** The parts of the object. */
  readonly shapes: readonly AnnotatedShape[];
  /** The object's id as stated in the file. */
  readonly id?: number;
  /** The object's area in square pixels as stated in the file. */
  readonly area?: number;
}

/**
 * Groups shapes into objects, as training and evaluation count them: shapes with the same label and `groupId` (parts of
 * something partly hidden) are one object. A flag on one part applies to the whole object.
 *
 * @param shapes The shapes of an annotation.
 * @returns The objects, in the order of their first shapes.
 */
export function objectsOf(shapes: readonly AnnotatedShape[]): AnnotatedObject[] {
  expectArguments('objectsOf', { shapes }, { shapes: [{ label: 'text', box: 'box' }] });
  const groups = new Map<string | AnnotatedShape, AnnotatedShape[]>();
  for (const shape of shapes) {
    const key = shape.groupId === null ? shape : JSON.stringify([shape.label, shape.groupId]);
    const group = groups.get(key);
    if (group) group.push(shape);
    else groups.set(key, [shape]);
  }
  return [...groups.values()].map((parts) => ({
    label: parts[0]!.label,
    box: parts[0]!.objectBox ?? unionOf(parts.map(({ box }) => box)),
    shapes: parts,
    ...(parts[0]!.id === undefined ? {} : { id: parts[0]!.id }),
    ...(parts[0]!.area === undefined ? {} : { area: parts[0]!.area }),
    ...flagsOf(parts),
  }));
}

/** The flags that are set on at least one of the shapes. */
export function flagsOf(shapes: readonly ObjectFlags[]): ObjectFlags {
  const flags = OBJECT_FLAGS.filter((flag) => shapes.some((shape) => shape[flag]));
  return Object.fromEntries(flags.map((flag) => [flag, true]));
}

/**
 * Prepares an annotation for training: what is not to be taught becomes regions to ignore, so that it is not taught as background.
 * For detectors these are crowds and difficult objects. For models of masks, shapes known by a box only.
 *
 * @param annotation The annotation of an image.
 * @param options `detector`: crowds and difficult objects are ignored. `masks`: boxes without an outline or mask are. Default:
 * nothing is.
 * @returns A new annotation.
 */
export function trainingAnnotation(
  annotation: Annotation,
  options: { readonly detector?: boolean; readonly masks?: boolean } = {},
): Annotation {
  expectArguments(
    'trainingAnnotation',
    { annotation },
    { annotation: { width: 'number', height: 'number', shapes: [{ label: 'text', box: 'box' }] } },
  );
  const { detector, masks } = withDefaults('trainingAnnotation', options, { detector: false, masks: false });
  const isTaught = ({ crowd, difficult, points, mask }: AnnotatedShape): boolean =>
    !(detector && (crowd || difficult)) && !(masks && !points && !mask);
  const regions = annotation.shapes.filter((shape) => !isTaught(shape)).map(ignoredRegion);
  if (regions.length === 0) return annotation;
  return {
    ...annotation,
    shapes: annotation.shapes.filter(isTaught),
    ignored: [...(annotation.ignored ?? []), ...regions],
  };
}

/** The region to ignore that a shape becomes. */
export const ignoredRegion = ({ box, points, mask, extra }: AnnotatedShape): IgnoredRegion => ({
  box,
  ...(points ? { points } : {}),
  ...(mask ? { mask } : {}),
  ...(extra ? { extra } : {}),
});

/**
 * Selects the shapes that a detector is trained to find: crowds and difficult objects are left out.
 *
 * @param shapes The shapes of an annotation.
 */
export const trainingShapes = (shapes: readonly AnnotatedShape[]): AnnotatedShape[] => {
  expectArguments('trainingShapes', { shapes }, { shapes: [{ label: 'text', box: 'box' }] });
  return shapes.filter(({ crowd, difficult }) => !crowd && !difficult);
};

/** Makes the shapes with the label `__ignore__` regions to ignore. */
export function separateIgnored(annotation: Annotation): void {
  const regions = annotation.shapes.filter(({ label }) => label === IGNORE_LABEL);
  if (regions.length === 0) return;
  annotation.shapes = annotation.shapes.filter(({ label }) => label !== IGNORE_LABEL);
  annotation.ignored = [...(annotation.ignored ?? []), ...regions.map(ignoredRegion)];
}

/** The box around all boxes. Of no boxes, (Infinity, Infinity, -Infinity, -Infinity). */
export function unionOf(boxes: readonly Box[]): Box {
  return boxes.reduce<Box>(
    ([ax1, ay1, ax2, ay2], [bx1, by1, bx2, by2]) => [
      Math.min(ax1, bx1),
      Math.min(ay1, by1),
      Math.max(ax2, bx2),
      Math.max(ay2, by2),
    ],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
}
