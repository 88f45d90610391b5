import type { AnnotatedShape, Box } from './annotation.ts';

/** One object: a shape of its own, or all shapes of one label that share a group. */
export interface AnnotatedObject {
  readonly label: string;
  /** Around all of its shapes. */
  readonly box: Box;
  readonly shapes: readonly AnnotatedShape[];
}

/**
 * What counts as one object, in training and evaluation alike: shapes of one label that share a `groupId` (parts of
 * something that is partly hidden) are one. Order: that of each object's first shape.
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
    box: unionOf(parts.map(({ box }) => box)),
    shapes: parts,
  }));
}

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
