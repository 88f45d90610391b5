/** What models find, as annotations of `fovea/data`, and as proposals for labels. */
import type { Segmentation } from 'fovea';
import {
  type AnnotatedShape,
  type Annotation,
  type MaskPatch,
  maskRegions,
  scaleAnnotation,
} from 'fovea/data';
import { boxIou } from 'fovea/vision';
import type { Prediction } from '../learn/predict.ts';
import { boxOf, objectsOfAnnotation } from './convert.ts';
import type { LabelClass, LabelObject } from './model.ts';

/** Regions of fewer pixels are noise. */
const LEAST_REGION = 16;
/** What a segmenter is sure of is not known: its proposals have this score. */
const REGION_SCORE = 0.5;
/** Boxes that overlap more are taken for the same object. */
const SAME = 0.5;

/** The pixels of a class, numbered from 0: 1 where it is. */
export const pixelsOfClass = ({ labels }: Segmentation, index: number): Uint8Array =>
  labels.map((label) => (label === index + 1 ? 1 : 0));

function shapeOfMask(label: string, mask: MaskPatch, score: number): AnnotatedShape {
  const { x, y, width, height } = mask;
  return { label, mask, box: [x, y, x + width, y + height], groupId: null, score };
}

/**
 * What was found, as the annotation of the picture at its size: the detections, the regions of a segmenter's classes, or the most probable class
 * as a box around all.
 *
 * @param threshold What has a lower score is left out.
 */
export function annotationOfFound(found: Prediction, name: string, threshold: number): Annotation {
  const { width, height } = found;
  const annotation = (shapes: AnnotatedShape[]): Annotation => ({ imagePath: name, width, height, shapes });
  switch (found.task) {
    case 'detect':
      return annotation(
        found.detections
          .filter(({ score }) => score >= threshold)
          .map(({ mask, ...rest }) => ({ ...rest, groupId: null, ...(mask ? { mask } : {}) })),
      );
    case 'segment': {
      const { map, classNames } = found;
      const shapes = classNames.flatMap((label, i) =>
        maskRegions(pixelsOfClass(map, i), map, { least: LEAST_REGION }).map((mask) =>
          shapeOfMask(label, mask, REGION_SCORE),
        ),
      );
      const small = { width: map.width, height: map.height, shapes };
      const same = map.width === width && map.height === height;
      return annotation((same ? small : scaleAnnotation(small, { width, height })).shapes);
    }
    case 'classify': {
      const [best] = found.classes;
      const box: AnnotatedShape['box'] = [0, 0, width, height];
      return annotation(best && best.score >= threshold ? [{ ...best, box, groupId: null }] : []);
    }
  }
}

/**
 * Proposals for what was found, without what is labelled or proposed already.
 *
 * @param classes The project's; those of the annotation must be among them.
 */
export function proposalsOf(
  annotation: Annotation,
  objects: readonly LabelObject[],
  classes: readonly LabelClass[],
): LabelObject[] {
  const idOf = new Map(classes.map(({ id, name }) => [name, id]));
  const known = objects.map(({ shape }) => boxOf(shape));
  return objectsOfAnnotation(annotation, (name) => idOf.get(name)!).filter(({ shape }) => {
    const box = boxOf(shape);
    return known.every((other) => boxIou([...other], [...box]) < SAME);
  });
}
