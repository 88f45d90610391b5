import type { Annotation, Extra } from '../../annotation.ts';
import { encodeIndexedPng } from '../../indexedPng.ts';
import { type AnnotatedObject, objectsOf } from '../../objects.ts';
import { resting } from '../../rest.ts';
import { boxInside } from '../checks.ts';
import { ExtraCounts, valuesFor } from '../extra.ts';
import type { AnnotatedImage, DataSink, DatasetClass, DatasetWriter } from '../format.ts';
import { WarningCounts, writeImage } from '../format.ts';
import { checkMaskNames, Names } from '../names.ts';
import { drawMasks } from './drawMasks.ts';
import { formatClassList, LABEL_MAP, MOST, vocPalette } from './masks.ts';
import { escapeText, formatElement, type XmlElement } from './xml.ts';

/**
 * The first and the last pixel of a box along one axis, counted from 1: its edges rounded to whole pixels, at least one
 * pixel.
 */
function pixelRange(from: number, to: number, size: number): [first: number, last: number] {
  const first = Math.min(Math.round(from), size - 1) + 1;
  return [first, Math.max(first, Math.min(Math.round(to), size))];
}

/** The elements of a VOC file that were read and not used, each on a line of its own. */
function formatExtra(extra: Extra | undefined, indent: string): string {
  const elements = Object.values(valuesFor('voc', extra)).flat() as XmlElement[];
  return elements.map((element) => `${indent}${formatElement(element)}\n`).join('');
}

function formatObject(
  { label, box, difficult, truncated, occluded, crowd, shapes }: AnnotatedObject,
  size: Annotation,
) {
  const { extra } = shapes[0]!;
  const pose = 'pose' in valuesFor('voc', extra) ? '' : '    <pose>Unspecified</pose>\n';
  const [x1, y1, x2, y2] = boxInside(box, size);
  const [xmin, xmax] = pixelRange(x1, x2, size.width);
  const [ymin, ymax] = pixelRange(y1, y2, size.height);
  const flag = (set: boolean | undefined) => (set ? 1 : 0);
  return `  <object>
    <name>${escapeText(label)}</name>
${pose}    <truncated>${flag(truncated)}</truncated>
    <occluded>${flag(occluded)}</occluded>
    <difficult>${flag(difficult || crowd)}</difficult>
    <bndbox>
      <xmin>${xmin}</xmin>
      <ymin>${ymin}</ymin>
      <xmax>${xmax}</xmax>
      <ymax>${ymax}</ymax>
    </bndbox>
${formatExtra(extra, '    ')}  </object>
`;
}

/**
 * Writes Annotations/, JPEGImages/, SegmentationClass/, SegmentationObject/, ImageSets/ and labelmap.txt, as in VOC
 * 2012.
 */
export class VocWriter implements DatasetWriter {
  readonly warnings = new WarningCounts();
  readonly #sink: DataSink;
  readonly #classes: readonly string[];
  readonly #names = new Names(this.warnings);
  readonly #extras = new ExtraCounts('voc', this.warnings);
  readonly #palette = vocPalette();
  readonly #rest = resting();
  readonly #written: string[] = [];
  readonly #segmented: string[] = [];

  constructor(sink: DataSink, classes: readonly DatasetClass[], extra?: Extra) {
    this.#sink = sink;
    this.#extras.dataset(classes, extra);
    this.#classes = [...new Set(classes.map(({ name }) => name))];
    checkMaskNames(this.#classes, LABEL_MAP);
  }

  async add(image: AnnotatedImage): Promise<void> {
    const { annotation } = image;
    this.#extras.image(annotation);
    const { name, fileName } = this.#names.take(image);
    await writeImage(this.#sink, image, `JPEGImages/${fileName}`);
    const objects = objectsOf(annotation.shapes);
    this.warnings.count('crowds, written as difficult objects', objects.filter(({ crowd }) => crowd).length);
    const { shapes } = annotation;
    this.warnings.count('scores', shapes.filter(({ score }) => score !== undefined).length);
    this.warnings.count(
      'outlines, drawn as pixels',
      shapes.filter(({ points }) => points !== undefined).length,
    );
    const rounded = objects.filter(({ box }) => !box.every(Number.isInteger));
    this.warnings.count('boxes, rounded to whole pixels', rounded.length);
    const segmented = await this.#writeMasks(name, annotation, objects.length);
    const body = objects.map((object) => formatObject(object, annotation)).join('');
    await this.#sink.write(
      `Annotations/${name}.xml`,
      `<annotation>
  <folder>JPEGImages</folder>
  <filename>${escapeText(fileName)}</filename>
  <size>
    <width>${annotation.width}</width>
    <height>${annotation.height}</height>
    <depth>3</depth>
  </size>
  <segmented>${segmented ? 1 : 0}</segmented>
${formatExtra(annotation.extra, '  ')}${body}</annotation>
`,
    );
    this.#written.push(name);
  }

  async #writeMasks(name: string, annotation: Annotation, objects: number): Promise<boolean> {
    const { width, height } = annotation;
    const masks = await drawMasks(annotation, this.#classes, this.#rest);
    if (masks.drawn === 0) {
      this.warnings.countIgnored(annotation);
      return false;
    }
    if (objects > MOST || this.#classes.length > MOST) {
      this.warnings.count(`images with more than ${MOST} objects or classes, written without masks`);
      return false;
    }
    if (masks.covered) this.warnings.count('images where objects cover each other: a pixel has only one');
    for (const [kind, data] of [
      ['SegmentationClass', masks.classes],
      ['SegmentationObject', masks.objects],
    ] as const) {
      const png = await encodeIndexedPng({ width, height, data }, this.#palette);
      await this.#sink.write(`${kind}/${name}.png`, png);
    }
    this.#segmented.push(name);
    return true;
  }

  async end(): Promise<void> {
    const list = (names: readonly string[]) => names.map((name) => `${name}\n`).join('');
    await this.#sink.write(LABEL_MAP, formatClassList(this.#classes));
    await this.#sink.write('ImageSets/Main/trainval.txt', list(this.#written));
    if (this.#segmented.length > 0) {
      await this.#sink.write('ImageSets/Segmentation/trainval.txt', list(this.#segmented));
    }
  }
}
