import { type AnnotatedShape, type Box, OBJECT_FLAGS, type ObjectFlags } from './annotation.ts';

/** One object: a shape of its own, or all shapes of one label that share a group. */
export interface AnnotatedObject extends Readonly<ObjectFlags> {
  readonly label: string;
  /** Around all of its shapes, or as the file states it. */
  readonly box: Box;
  readonly shapes: readonly AnnotatedShape[];
  /** As the file states them. */
  readonly id?: number;
  readonly area?: number;
}

/**
 * What counts as one object, in training and evaluation alike: shapes of one label that share a `groupId` (parts of
 * something that is partly hidden) are one. Order: that of each object's first shape. A flag of one part is the object's.
 */
export function objectsOf(shapes: readonly AnnotatedShape[]): AnnotatedObject[] {
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

/** The flags that are set on one of the shapes, and no others. */
export function flagsOf(shapes: readonly ObjectFlags[]): ObjectFlags {
  const flags = OBJECT_FLAGS.filter((flag) => shapes.some((shape) => shape[flag]));
  return Object.fromEntries(flags.map((flag) => [flag, true]));
}

/** The shapes that a detector is trained to find: those of crowds and of difficult objects are left out. */
export const trainingShapes = (shapes: readonly AnnotatedShape[]): AnnotatedShape[] =>
  shapes.filter(({ crowd, difficult }) => !crowd && !difficult);

/** The box around boxes; around none, one that is inside out. */
export function unionOf(boxes: readonly (readonly [number, number, number, number])[]): Box {
  const union: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x1, y1, x2, y2] of boxes) {
    union[0] = Math.min(union[0], x1);
    union[1] = Math.min(union[1], y1);
    union[2] = Math.max(union[2], x2);
    union[3] = Math.max(union[3], y2);
  }
  return union;
}
