import type { AnnotatedShape, Annotation, IgnoredRegion } from '../../annotation.ts';
import { shapeRuns } from '../../maskPatch.ts';
import { objectsOf } from '../../objects.ts';
import type { Rest } from '../../rest.ts';
import { MOST, VOID } from './masks.ts';

/** The masks of an annotation, as `drawMasks` draws them. */
export interface DrawnMasks {
  /** The class of each pixel [height * width], row by row; 0 where nothing is. */
  readonly classes: Uint8Array;
  /** The number of the object of each pixel, which is only meant for up to 254 objects. */
  readonly objects: Uint8Array;
  /** Whether a pixel belongs to two objects, of which only one is drawn there. */
  readonly covered: boolean;
  /** Shapes that have an outline or mask. */
  readonly drawn: number;
}

/**
 * Draws the two masks of an annotation: one numbers the objects in their order, the other has their classes. Objects
 * known by a box only are 255; if objects overlap, later ones cover earlier ones. What is not labelled or to be ignored is 255.
 *
 * @param rest Called between shapes: a large image with many takes a while.
 */
export async function drawMasks(
  annotation: Annotation,
  classes: readonly string[],
  rest: Rest,
): Promise<DrawnMasks> {
  const { shapes, ignored = [], unlabelled } = annotation;
  const objects = objectsOf(shapes);
  const canvas = new Canvas(annotation, objects.length);
  const hidden: (AnnotatedShape | IgnoredRegion)[] = [
    ...(unlabelled ? [{ box: [0, 0, 0, 0] as const, mask: unlabelled }] : []),
    ...ignored,
    // What is known by a box only is somewhere in it.
    ...shapes.filter(({ points, mask }) => !points && !mask).map(({ box }) => ({ box })),
  ];
  for (const region of hidden) {
    await rest();
    canvas.hide(region);
  }
  let drawn = 0;
  for (const [i, { label, shapes: parts }] of objects.entries()) {
    for (const shape of parts) {
      if (shape.points === undefined && shape.mask === undefined) continue;
      await rest();
      canvas.paint(shape, i + 1, classes.indexOf(label) + 1);
      drawn++;
    }
  }
  await rest();
  return {
    classes: canvas.classes,
    objects: Uint8Array.from(canvas.objects),
    covered: canvas.covered,
    drawn,
  };
}

/** Both masks while they are drawn. */
class Canvas {
  readonly classes: Uint8Array;
  readonly objects: Uint8Array | Uint32Array;
  covered = false;
  readonly #annotation: Annotation;
  readonly #void: number;

  constructor(annotation: Annotation, objects: number) {
    const { width, height } = annotation;
    this.#annotation = annotation;
    this.classes = new Uint8Array(width * height);
    this.objects = new (objects > MOST ? Uint32Array : Uint8Array)(width * height);
    this.#void = objects > MOST ? 2 ** 32 - 1 : VOID;
  }

  #eachRun(shape: AnnotatedShape | IgnoredRegion, each: (from: number, to: number) => void): void {
    const { width } = this.#annotation;
    shapeRuns(shape, this.#annotation, (y, from, to) => each(y * width + from, y * width + to));
  }

  hide(region: AnnotatedShape | IgnoredRegion): void {
    this.#eachRun(region, (from, to) => {
      this.classes.fill(VOID, from, to);
      this.objects.fill(this.#void, from, to);
    });
  }

  paint(shape: AnnotatedShape, object: number, value: number): void {
    const { objects } = this;
    this.#eachRun(shape, (from, to) => {
      for (let i = from; i < to && !this.covered; i++) {
        const other = objects[i]!;
        this.covered = other !== 0 && other !== this.#void && other !== object;
      }
      this.classes.fill(value, from, to);
      objects.fill(object, from, to);
    });
  }
}
