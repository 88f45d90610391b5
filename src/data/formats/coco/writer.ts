import { type AnnotatedShape, type Extra, IGNORE_LABEL } from '../../annotation.ts';
import { type AnnotatedObject, objectsOf } from '../../objects.ts';
import { ExtraCounts, isRecord, valuesFor } from '../extra.ts';
import type { AnnotatedImage, DataSink, DatasetClass, DatasetWriter } from '../format.ts';
import { WarningCounts, writeImage } from '../format.ts';
import { Names } from '../names.ts';
import { attributesOf, placeObject } from './shapes.ts';

const FILE = 'annotations.json';

/** Keeps ids that were there before, as long as none occurs twice; the others count on from the largest. */
class Ids {
  readonly #taken = new Set<number>();
  #next = 1;

  take(wanted: number | undefined): number {
    const id = wanted !== undefined && !this.#taken.has(wanted) ? wanted : this.#next;
    this.#taken.add(id);
    while (this.#taken.has(this.#next)) this.#next++;
    return id;
  }
}

/**
 * Writes annotations.json and images/. Regions to ignore are crowds of the category `__ignore__`. Annotations are written as they are added; only a line for each image, and a
 * number for each annotation, is kept until the end.
 */
export class CocoWriter implements DatasetWriter {
  readonly warnings = new WarningCounts();
  readonly #sink: DataSink;
  readonly #classes: (Required<Pick<DatasetClass, 'id' | 'name' | 'supercategory'>> &
    Record<string, unknown>)[];
  readonly #categoryIds: Map<string, number>;
  readonly #names = new Names(this.warnings);
  readonly #imageIds = new Ids();
  readonly #annotationIds = new Ids();
  readonly #images: string[] = [];
  readonly #extras = new ExtraCounts('coco', this.warnings);
  readonly #extra: Extra | undefined;
  #annotations = 0;

  constructor(sink: DataSink, classes: readonly DatasetClass[], extra?: Extra) {
    this.#sink = sink;
    const numbered = classes.every(({ id }) => id !== undefined);
    this.#extra = extra;
    this.#extras.dataset(classes, extra);
    this.#classes = classes.map(({ id, name, supercategory = '', extra: more }, i) => ({
      id: numbered ? id! : i + 1,
      name,
      supercategory,
      ...valuesFor('coco', more),
    }));
    // Of two categories with one name, the first.
    this.#categoryIds = new Map([...this.#classes].reverse().map(({ id, name }) => [name, id]));
  }

  async add(image: AnnotatedImage): Promise<void> {
    const { annotation } = image;
    const { fileName } = this.#names.take(image);
    await writeImage(this.#sink, image, `images/${fileName}`);
    const { id: wanted, width, height } = annotation;
    const id = this.#imageIds.take(wanted);
    const more = valuesFor('coco', annotation.extra);
    this.#images.push(JSON.stringify({ id, file_name: fileName, width, height, ...more }));
    this.#extras.image(annotation);
    const { ignored = [], shapes, unlabelled } = annotation;
    this.warnings.countIgnored(unlabelled ? { unlabelled } : {});
    // Programs pass over crowds, or do not count what is found in them; Fovea reads the name as a region to ignore.
    const regions = ignored.map((region): AnnotatedShape => {
      return { ...region, label: IGNORE_LABEL, groupId: null, crowd: true };
    });
    if (regions.length > 0 && !this.#categoryIds.has(IGNORE_LABEL)) this.#addIgnored();
    const lines = objectsOf([...shapes, ...regions]).map((object) => this.#line(object, id, annotation));
    if (lines.length > 0) {
      const before = this.#annotations === 0 ? '{"annotations": [\n' : ',\n';
      await this.#sink.append(FILE, `${before}${lines.join(',\n')}`);
      this.#annotations += lines.length;
    }
  }

  #addIgnored(): void {
    const id = this.#classes.reduce((most, one) => Math.max(most, one.id), 0) + 1;
    this.#classes.push({ id, name: IGNORE_LABEL, supercategory: '' });
    this.#categoryIds.set(IGNORE_LABEL, id);
  }

  #line(
    object: AnnotatedObject,
    imageId: number,
    size: { readonly width: number; readonly height: number },
  ): string {
    const score = object.shapes.find((shape) => shape.score !== undefined)?.score;
    const values = valuesFor('coco', object.shapes[0]!.extra);
    const others = isRecord(values.attributes) ? values.attributes : {};
    const flags = attributesOf(object);
    const attributes = { ...others, ...flags };
    return JSON.stringify({
      id: this.#annotationIds.take(object.id),
      image_id: imageId,
      category_id: this.#categoryIds.get(object.label),
      iscrowd: object.crowd ? 1 : 0,
      ...placeObject(object, size),
      ...(score === undefined ? {} : { score }),
      ...values,
      ...(Object.keys(attributes).length > 0 ? { attributes } : {}),
    });
  }

  async end(): Promise<void> {
    const before = this.#annotations === 0 ? '{"annotations": [' : '';
    const list = (lines: readonly string[]) => `[\n${lines.join(',\n')}\n]`;
    const categories = this.#classes.map((category) => JSON.stringify(category));
    const rest = Object.entries(valuesFor('coco', this.#extra))
      .map(([key, value]) => `,\n${JSON.stringify(key)}: ${JSON.stringify(value)}`)
      .join('');
    await this.#sink.append(
      FILE,
      `${before}\n],\n"images": ${list(this.#images)},\n"categories": ${list(categories)}${rest}}\n`,
    );
  }
}
