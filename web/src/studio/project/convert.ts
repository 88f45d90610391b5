/** Labels of the studio as annotations of `fovea/data`, and back. */
import { type AnnotatedShape, type Annotation, type ObjectFlags, polygonBounds } from 'fovea/data';
import {
  type Box,
  type LabelClass,
  type LabelObject,
  type LabelShape,
  OBJECT_FLAGS,
  type Picture,
} from './model.ts';

function shapeOf({ points, mask, box }: AnnotatedShape): LabelShape {
  if (mask) return { kind: 'mask', ...mask };
  if (points && points.length >= 3) return { kind: 'polygon', points: points.map(([x, y]) => [x, y]) };
  return { kind: 'box', box: [box[0], box[1], box[2], box[3]] };
}

/**
 * The objects of an annotation.
 *
 * @param classOf The id of the class with a name.
 * @param newId Makes the ids of objects. Default: `crypto.randomUUID`.
 */
export function objectsOfAnnotation(
  { shapes }: Annotation,
  classOf: (name: string) => string,
  newId: () => string = () => crypto.randomUUID(),
): LabelObject[] {
  return shapes.map((shape) => {
    const flags = Object.fromEntries(
      OBJECT_FLAGS.flatMap((flag) => (shape[flag] === undefined ? [] : [[flag, shape[flag]]])),
    );
    return {
      id: newId(),
      classId: classOf(shape.label),
      shape: shapeOf(shape),
      ...(shape.score === undefined ? {} : { score: shape.score }),
      ...(shape.groupId === null ? {} : { group: shape.groupId }),
      ...(Object.keys(flags).length === 0 ? {} : { flags: flags as ObjectFlags }),
    };
  });
}

/** The box around a shape. */
export function boxOf(shape: LabelShape): Box {
  switch (shape.kind) {
    case 'box':
      return shape.box;
    case 'polygon': {
      const [x1, y1, x2, y2] = polygonBounds(shape.points.map(([x, y]) => [x, y]));
      return [x1, y1, x2, y2];
    }
    case 'mask':
      return [shape.x, shape.y, shape.x + shape.width, shape.y + shape.height];
    case 'point':
      return [shape.at[0], shape.at[1], shape.at[0], shape.at[1]];
  }
}

/**
 * The annotation of a picture. Points, which have no area, and proposals that nobody accepted are left out.
 *
 * @param classes The classes of the project. Objects of a class that is no longer there are left out.
 */
export function annotationOf(
  { name, width, height }: Pick<Picture, 'name' | 'width' | 'height'>,
  objects: readonly LabelObject[],
  classes: readonly LabelClass[],
): Annotation {
  const names = new Map(classes.map(({ id, name: label }) => [id, label]));
  const shapes = objects.flatMap(({ classId, shape, score, group, flags }): AnnotatedShape[] => {
    const label = names.get(classId);
    if (label === undefined || score !== undefined || shape.kind === 'point') return [];
    const [x1, y1, x2, y2] = boxOf(shape);
    const common = {
      label,
      box: [x1, y1, x2, y2] as AnnotatedShape['box'],
      groupId: group ?? null,
      ...flags,
    };
    if (shape.kind === 'polygon') return [{ ...common, points: shape.points.map(([x, y]) => [x, y]) }];
    if (shape.kind === 'box') return [common];
    const { kind: _, ...mask } = shape;
    return [{ ...common, mask }];
  });
  return { imagePath: name, width, height, shapes };
}
