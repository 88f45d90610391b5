import type { Point } from '../../../vision/boxes.ts';
import type { Annotation, Extra } from '../../annotation.ts';
import { contoursOf } from '../../contours.ts';
import { partsOf } from '../../maskParts.ts';
import { type AnnotatedObject, objectsOf } from '../../objects.ts';
import { resting } from '../../rest.ts';
import { rowRunsOf } from '../../rowRuns.ts';
import { boxInside } from '../checks.ts';
import { ExtraCounts } from '../extra.ts';
import type { AnnotatedImage, DataSink, DatasetClass, DatasetWriter, WriteOptions } from '../format.ts';
import { WarningCounts, writeImage } from '../format.ts';
import { checkNames, Names } from '../names.ts';

/** A fraction of the image's size: 1e-7 is a thousandth of a pixel in an image of 10,000. */
const share = (value: number, size: number): string => String(Number((value / size).toFixed(7)));

/**
 * Writes images/, labels/, data.yaml and classes.txt. If one object of an image has an outline, all of its objects are
 * written as outlines, since programs expect only one kind in a label file.
 */
export class YoloWriter implements DatasetWriter {
  readonly warnings = new WarningCounts();
  readonly #sink: DataSink;
  readonly #classes: readonly string[];
  readonly #names = new Names(this.warnings);
  readonly #extras = new ExtraCounts('yolo', this.warnings);
  readonly #rest = resting();
  readonly #scores: boolean;

  constructor(
    sink: DataSink,
    classes: readonly DatasetClass[],
    extra?: Extra,
    { scores = false }: WriteOptions = {},
  ) {
    this.#sink = sink;
    this.#scores = scores;
    this.#extras.dataset(classes, extra);
    this.#classes = [...new Set(classes.map(({ name }) => name))];
    checkNames(this.#classes, 'classes.txt');
  }

  async add(image: AnnotatedImage): Promise<void> {
    const { annotation } = image;
    this.#extras.image(annotation);
    const { name, fileName } = this.#names.take(image);
    await writeImage(this.#sink, image, `images/${fileName}`);
    const { warnings } = this;
    warnings.countIgnored(annotation);
    const objects = objectsOf(annotation.shapes).filter(({ crowd, difficult, truncated, occluded }) => {
      // A box in YOLO is an object to find: these are none, and would be taught as such.
      if (crowd) warnings.count('crowds, left out');
      else if (difficult) warnings.count('difficult objects, left out');
      if (crowd || difficult) return false;
      if (truncated || occluded) warnings.count('objects with the flags "truncated" or "occluded"');
      return true;
    });
    const outlined = objects.some(({ shapes }) => shapes.some(({ points, mask }) => points || mask));
    // A number behind an outline could as well be a coordinate that lacks its other half.
    if (outlined || !this.#scores) {
      warnings.count(
        'scores',
        objects.filter(({ shapes }) => shapes.some((one) => one.score !== undefined)).length,
      );
    }
    const lines: string[] = [];
    for (const object of objects) {
      // The outline of a large mask takes a while.
      await this.#rest();
      lines.push(this.#line(object, annotation, outlined));
    }
    await this.#sink.write(`labels/${name}.txt`, lines.join(''));
  }

  #line(object: AnnotatedObject, annotation: Annotation, outlined: boolean): string {
    const number = this.#classes.indexOf(object.label);
    const { width, height } = annotation;
    if (outlined) {
      const points = this.#outline(object);
      return `${number} ${points.map(([x, y]) => `${share(x, width)} ${share(y, height)}`).join(' ')}\n`;
    }
    const score = this.#scores ? object.shapes.find((shape) => shape.score !== undefined)?.score : undefined;
    const end = score === undefined ? '\n' : ` ${Number(score.toFixed(6))}\n`;
    const [x1, y1, x2, y2] = boxInside(object.box, annotation);
    const centre = `${share((x1 + x2) / 2, width)} ${share((y1 + y2) / 2, height)}`;
    return `${number} ${centre} ${share(x2 - x1, width)} ${share(y2 - y1, height)}${end}`;
  }

  /** One outline around all parts of an object. */
  #outline({ shapes }: AnnotatedObject): Point[] {
    const rings = shapes.flatMap(({ points, mask, box }): Point[][] => {
      if (points) return [points];
      if (mask) {
        const runs = rowRunsOf(mask);
        const parts = partsOf(runs);
        if (parts.holes > 0) this.warnings.count('masks with holes, which were filled');
        return contoursOf(runs, parts, 0).map((ring) =>
          ring.map(([x, y]): Point => [x + mask.x, y + mask.y]),
        );
      }
      const [x1, y1, x2, y2] = box;
      return [
        [
          [x1, y1],
          [x2, y1],
          [x2, y2],
          [x1, y2],
        ],
      ];
    });
    return joinRings(rings);
  }

  async end(): Promise<void> {
    const names = this.#classes.map((name, i) => `  ${i}: ${JSON.stringify(name)}\n`).join('');
    // No `path`: it is then the file's folder. Ultralytics would take `.` for where it was started.
    await this.#sink.write('data.yaml', `train: images\nval: images\nnames:\n${names}`);
    await this.#sink.write('classes.txt', this.#classes.map((name) => `${name}\n`).join(''));
  }
}

/**
 * Joins rings into one outline: from each ring's first point to that of the next, around the last, and back the same way around the
 * others. The ways there and back enclose nothing.
 */
export function joinRings(rings: readonly (readonly Point[])[]): Point[] {
  if (rings.length === 1) return [...rings[0]!];
  const points: Point[] = [];
  for (const [first] of rings.slice(0, -1)) points.push(first!);
  for (const ring of rings.toReversed()) {
    for (const point of ring) points.push(point);
    points.push(ring[0]!);
  }
  return points;
}
