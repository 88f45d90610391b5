/** Labelled pictures of the project as the samples of `fovea/data`. */
import { DataError } from 'fovea';
import {
  type Annotation,
  type ClassSample,
  type FloatImage,
  type Sample,
  scaleAnnotation,
  shrinkSample,
  trainTestSplit,
} from 'fovea/data';
import { annotationOf } from '../project/convert.ts';
import type { LabelClass, LabelObject, Picture, ProjectTask } from '../project/model.ts';
import type { Store } from '../store/index.ts';
import { pixelsOf } from './pixels.ts';

/** What pictures are learned from and judged by. */
export interface Parts {
  readonly train: readonly Picture[];
  readonly valid: readonly Picture[];
  /**
   * How those to judge by were chosen: `chosen` by the visitor, `held-out` at random, or `same` as those that are learned from, as there are
   * too few to hold some out.
   */
  readonly judged: 'chosen' | 'held-out' | 'same';
}

/** From this many pictures on, a fifth is held out where the visitor has chosen none, as on the command line. */
const LEAST_TO_HOLD_OUT = 10;
const HELD_OUT = 0.2;
/** How many are judged by where they are learned from too. */
const MOST_OF_SAME = 8;

/** Whether a picture teaches something: it has objects, or a person has said that it has none. */
export const isLabelled = ({ objects, done }: Picture): boolean => objects > 0 || done;

/** Which pictures are learned from, and which ones a training is judged by. Those of the split `test` are in neither part. */
export function partsOf(pictures: readonly Picture[]): Parts {
  const labelled = pictures.filter(isLabelled);
  const train = labelled.filter(({ split }) => split === 'train');
  const valid = labelled.filter(({ split }) => split === 'valid');
  if (valid.length > 0) return { train, valid, judged: 'chosen' };
  if (train.length < LEAST_TO_HOLD_OUT) {
    const shown = train.filter(({ objects }) => objects > 0).slice(0, MOST_OF_SAME);
    return { train, valid: shown, judged: 'same' };
  }
  return { ...trainTestSplit(train, HELD_OUT), judged: 'held-out' };
}

/**
 * The class of a picture as a whole: that of all its objects.
 *
 * @returns Undefined where it has none, or objects of several classes.
 */
export function classOf(objects: readonly LabelObject[], classes: readonly LabelClass[]): string | undefined {
  const ids = new Set(objects.filter(({ score }) => score === undefined).map(({ classId }) => classId));
  const [only] = ids;
  return ids.size === 1 ? classes.find(({ id }) => id === only)?.name : undefined;
}

/** A labelled picture without its pixels. */
export interface LabelledPicture {
  readonly picture: Picture;
  readonly annotation: Annotation;
  /** Of a classifier's pictures. */
  readonly label?: string;
}

/** The annotations of pictures. For classifiers, those without one class are left out. */
export async function readLabels(
  store: Store,
  pictures: readonly Picture[],
  { task, classes }: { readonly task: ProjectTask; readonly classes: readonly LabelClass[] },
): Promise<LabelledPicture[]> {
  const read: LabelledPicture[] = [];
  for (const picture of pictures) {
    const { objects } = await store.labelsOf(picture.id);
    const annotation = annotationOf(picture, objects, classes);
    if (task !== 'classify') {
      read.push({ picture, annotation });
      continue;
    }
    const label = classOf(objects, classes);
    if (label !== undefined) read.push({ picture, annotation, label });
  }
  return read;
}

/** What is of none of these classes, is neither right nor wrong. */
export function ignoringOthers(annotation: Annotation, classNames: readonly string[]): Annotation {
  const isKnown = ({ label }: Annotation['shapes'][number]) => classNames.includes(label);
  const others = annotation.shapes.filter((shape) => !isKnown(shape));
  if (others.length === 0) return annotation;
  return {
    ...annotation,
    shapes: annotation.shapes.filter(isKnown),
    ignored: [
      ...(annotation.ignored ?? []),
      ...others.map(({ box, points, mask }) => ({
        box,
        ...(points ? { points } : {}),
        ...(mask ? { mask } : {}),
      })),
    ],
  };
}

/** Pictures to judge by, without what is of none of these classes: a class may be in pictures alone that are not learned from. */
export const judgeable = (
  pictures: readonly LabelledPicture[],
  classNames: readonly string[],
): LabelledPicture[] =>
  pictures
    .filter(({ label }) => label === undefined || classNames.includes(label))
    .map((one) => ({ ...one, annotation: ignoringOthers(one.annotation, classNames) }));

export interface ReadSampleOptions {
  /** What the model shrinks pictures to. Default: none is shrunk. */
  readonly maxSide?: number;
  /** What is kept of the pixels. Default: all. */
  readonly keep?: (image: FloatImage) => FloatImage;
  /** What of an annotation is used. Default: all. */
  readonly change?: (annotation: Annotation) => Annotation;
}

/** The picture with its pixels, for detectors and segmenters. */
export async function readSample(
  store: Store,
  { picture, annotation }: LabelledPicture,
  {
    maxSide = Number.POSITIVE_INFINITY,
    keep = (image) => image,
    change = (all) => all,
  }: ReadSampleOptions = {},
): Promise<Sample> {
  const { name } = picture;
  const image = await pixelsOf(await store.fileOf(picture), name, { maxSide });
  const scaled = change(scaleAnnotation(annotation, image));
  const sample = shrinkSample({ name, image, annotation: scaled }, maxSide);
  return { ...sample, image: keep(sample.image) };
}

/** The picture with its pixels, for classifiers. Throws DataError for one without a class. */
export async function readClassSample(
  store: Store,
  { picture, label }: LabelledPicture,
  { maxSide, keep = (image) => image }: ReadSampleOptions = {},
): Promise<ClassSample> {
  const { name } = picture;
  if (label === undefined) throw new DataError(`${name}: has no class; label it`);
  const image = await pixelsOf(await store.fileOf(picture), name, maxSide === undefined ? {} : { maxSide });
  return { name, image: keep(image), label };
}
