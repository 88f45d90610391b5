import { type AnnotatedImage, objectsOf } from 'fovea/data';
import { BoxStatistics, QUANTILES } from './boxStatistics.ts';
import { counted, shownLabel } from './counted.ts';
import { AlikeImages, type Fingerprint } from './fingerprint.ts';
import { quantileRow, sameTables, sizeRows, sizeTable, someOf } from './imageTables.ts';
import type { ReportTable } from './report.ts';

/** What is kept of each image. */
export interface SeenImage {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** The classes in it, without repetition. */
  readonly classes: readonly string[];
  readonly objects: number;
  /** Square roots of the areas of its smallest and largest object, in pixels; NaN without objects. */
  readonly smallest: number;
  readonly largest: number;
}

/** Rows of tables in a page. */
const MOST_ROWS = 100;

/** Fewer objects than this are hardly learned. */
export const FEW = 10;
/** From this ratio of their numbers of objects on, one class is called much more frequent than another. */
export const IMBALANCE = 20;

/** What is labelled in a data set, without its pixels. */
export class DataStatistics {
  readonly boxes = new BoxStatistics();
  readonly images: SeenImage[] = [];
  /** Centres of objects, in shares of the image. */
  readonly places: (readonly [x: number, y: number])[] = [];
  /** Square roots of the objects' shares of the area of their image. */
  readonly shares: number[] = [];
  /** Objects with an outline or a mask. */
  outlined = 0;
  ignored = 0;
  readonly #alike = new AlikeImages<SeenImage>();

  add({ name, annotation }: AnnotatedImage, fingerprint: Fingerprint | undefined): void {
    const { width, height, shapes, ignored = [] } = annotation;
    const objects = objectsOf(shapes);
    let [smallest, largest] = [Number.NaN, Number.NaN];
    for (const { box, shapes: parts } of objects) {
      const size = Math.sqrt((box[2] - box[0]) * (box[3] - box[1]));
      smallest = Number.isNaN(smallest) ? size : Math.min(smallest, size);
      largest = Number.isNaN(largest) ? size : Math.max(largest, size);
      this.places.push([(box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height]);
      this.shares.push(size / Math.sqrt(width * height));
      if (parts.every(({ points, mask }) => points || mask)) this.outlined++;
    }
    const classes = [...new Set(objects.map(({ label }) => label))];
    const seen = { name, width, height, classes, objects: objects.length, smallest, largest };
    this.images.push(seen);
    this.#alike.add(seen, fingerprint);
    this.ignored += ignored.length;
    this.boxes.add(annotation, 1);
  }

  /** The number of objects, crowds and difficult ones included. */
  get objects(): number {
    return this.places.length;
  }

  /** Images without an object. */
  get empty(): SeenImage[] {
    return this.images.filter(({ objects }) => objects === 0);
  }

  /** Groups of images that look the same. */
  get same(): readonly (readonly SeenImage[])[] {
    return this.#alike.groups;
  }

  /** How much the number of objects of the most frequent class is of that of the rarest. */
  get imbalance(): number {
    const { counts } = this.boxes;
    return counts.length > 1 ? counts[0]!.objects / counts.at(-1)!.objects : 1;
  }

  get tables(): ReportTable[] {
    const { images, boxes, same } = this;
    return [
      ...(boxes.counts.length > 0 ? [boxes.classTableOf(MOST_ROWS)] : []),
      {
        title: 'Images and objects',
        header: ['', ...QUANTILES.map(([name]) => name)],
        rows: [
          ...sizeRows(images),
          quantileRow(
            'objects per image',
            images.map(({ objects }) => objects),
          ),
          ...(boxes.sides.length > 0
            ? [
                quantileRow(
                  'object width',
                  boxes.sides.map(([w]) => w),
                ),
                quantileRow(
                  'object height',
                  boxes.sides.map(([, h]) => h),
                ),
                quantileRow('object size \u221a(w h)', boxes.sizes),
                quantileRow(
                  'object width / height',
                  boxes.sides.map(([w, h]) => w / h),
                ),
                quantileRow(
                  'object size, % of the image',
                  this.shares.map((share) => 100 * share),
                ),
              ]
            : []),
        ],
        note: 'In pixels of the files. Size in % is \u221a(area of the box / area of the image).',
      },
      sizeTable(images),
      ...sameTables(same, {
        header: 'objects',
        of: (group) => group.map(({ objects }) => objects).join(', '),
      }),
    ];
  }

  /** What a reader should know before training. `classes` are those that the data set lists. */
  notes(classes: readonly string[] = []): string[] {
    const { boxes, empty, same, images } = this;
    const rare = boxes.counts.filter(({ objects }) => objects < FEW);
    const unused = classes.filter((name) => !boxes.counts.some((count) => count.name === name));
    const tiny = boxes.sides.filter(([w, h]) => Math.min(w, h) < 1).length;
    const partly = this.outlined > 0 && this.outlined < this.objects;
    const names = (list: readonly { readonly name: string }[]) =>
      someOf(list.map(({ name }) => shownLabel(name)));
    return [
      ...(this.objects === 0 ? ['No image has an object: there is nothing to train on.'] : []),
      ...(empty.length > 0 && this.objects > 0
        ? [
            `${counted(empty.length, 'image has', 'images have')} no object (${((100 * empty.length) / images.length).toFixed(1)} %): ${names(empty)}. Right for backgrounds, wrong for images that nobody has labelled.`,
          ]
        : []),
      ...(this.imbalance >= IMBALANCE
        ? [
            `${shownLabel(boxes.counts[0]!.name)} has ${Math.round(this.imbalance)} times as many objects as ${shownLabel(boxes.counts.at(-1)!.name)}.`,
          ]
        : []),
      ...(rare.length > 0
        ? [`${counted(rare.length, 'class has', 'classes have')} fewer than ${FEW} objects: ${names(rare)}.`]
        : []),
      ...(unused.length > 0
        ? [
            `${counted(unused.length, 'class', 'classes')} of the list without an object: ${someOf(unused.map(shownLabel))}.`,
          ]
        : []),
      ...(same.length > 0
        ? [
            `${counted(
              same.reduce((sum, group) => sum + group.length, 0),
              'image',
            )} look the same as another: keep such images on one side of a split.`,
          ]
        : []),
      ...(tiny > 0 ? [`${counted(tiny, 'object is', 'objects are')} less than a pixel wide or high.`] : []),
      ...(boxes.leftOut > 0
        ? [
            `${counted(boxes.leftOut, 'crowd or difficult object', 'crowds and difficult objects')}, which detectors are not trained to find.`,
          ]
        : []),
      ...(this.ignored > 0 ? [`${counted(this.ignored, 'region')} to ignore.`] : []),
      ...(partly
        ? [
            `${this.outlined} of ${this.objects} objects have an outline or a mask; models of masks ignore the others, unless you give --boxes-as-masks.`,
          ]
        : []),
    ];
  }
}
