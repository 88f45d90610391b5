/** What models find becomes proposals among the labels. */
import type { Prediction } from '../learn/predict.ts';
import { project, saveClasses, saveLabels, theStore, withClasses } from '../state.ts';
import { annotationOfFound, proposalsOf } from './found.ts';
import type { LabelObject, Picture } from './model.ts';

/**
 * Proposals for what was found in a picture, without what is labelled already. Classes that the project lacks are added to it.
 *
 * @param threshold What has a lower score is left out.
 */
export async function proposalsFor(
  { name }: Picture,
  found: Prediction,
  threshold: number,
  objects: readonly LabelObject[],
): Promise<readonly LabelObject[]> {
  const annotation = annotationOfFound(found, name, threshold);
  const open = project.value!;
  const { classes } = withClasses(
    open,
    annotation.shapes.map(({ label }) => label),
  );
  if (classes.length > open.classes.length) await saveClasses(classes);
  return proposalsOf(annotation, objects, classes);
}

/** Adds proposals to the stored labels of a picture, and returns how many. */
export async function propose(picture: Picture, found: Prediction, threshold: number): Promise<number> {
  const store = await theStore();
  const { objects } = await store.labelsOf(picture.id);
  const proposals = await proposalsFor(picture, found, threshold, objects);
  if (proposals.length > 0) await saveLabels(picture.id, [...objects, ...proposals]);
  return proposals.length;
}
