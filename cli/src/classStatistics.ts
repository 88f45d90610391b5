import type { LabelledFile } from 'fovea/data';
import { QUANTILES } from './boxStatistics.ts';
import { counted, shownLabel } from './counted.ts';
import { FEW, IMBALANCE } from './dataStatistics.ts';
import { AlikeImages, type Fingerprint } from './fingerprint.ts';
import { sameTables, sizeRows, sizeTable, someOf } from './imageTables.ts';
import type { ReportTable } from './report.ts';

/** What is kept of each image. */
export interface ClassImage {
  readonly name: string;
  readonly label: string;
  /** The part of the data set, such as `train`; undefined of a set without parts. */
  readonly part: string | undefined;
  readonly width: number;
  readonly height: number;
}

const MOST_ROWS = 100;

/** What the images of a data set with one class each are, without their pixels. */
export class ClassStatistics {
  readonly images: ClassImage[] = [];
  readonly #classes: readonly string[];
  readonly #alike = new AlikeImages<ClassImage>();

  /** @param classes The classes of the data set. */
  constructor(classes: readonly string[]) {
    this.#classes = classes;
  }

  add(
    { name, label }: LabelledFile,
    part: string | undefined,
    { width, height }: { readonly width: number; readonly height: number },
    fingerprint: Fingerprint | undefined,
  ): void {
    const image = { name, label, part, width, height };
    this.images.push(image);
    this.#alike.add(image, fingerprint);
  }

  /** The classes with the number of their images, the most frequent first. */
  get counts(): { readonly name: string; readonly images: number }[] {
    const counts = new Map(this.#classes.map((name) => [name, 0]));
    for (const { label } of this.images) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts]
      .map(([name, images]) => ({ name, images }))
      .sort((a, b) => b.images - a.images || (a.name < b.name ? -1 : 1));
  }

  /** Groups of images that look the same. */
  get same(): readonly (readonly ClassImage[])[] {
    return this.#alike.groups;
  }

  /** How many images each class has, in all and in each part. */
  get classTable(): ReportTable {
    const { images, counts } = this;
    /** The images of each class in each part. */
    const parts = new Map<string, Map<string, number>>();
    for (const { part, label } of images) {
      if (part === undefined) continue;
      const own = parts.get(part) ?? new Map<string, number>();
      parts.set(part, own.set(label, (own.get(label) ?? 0) + 1));
    }
    const shown = parts.size > 1 ? [...parts] : [];
    const total = (own: ReadonlyMap<string, number>) => [...own.values()].reduce((sum, n) => sum + n, 0);
    const rest = counts.length - MOST_ROWS;
    return {
      title: 'Classes',
      header: ['class', 'images', 'share', ...shown.map(([part]) => part)],
      rows: counts
        .slice(0, MOST_ROWS)
        .map(({ name, images: count }) => [
          shownLabel(name),
          `${count}`,
          `${((100 * count) / images.length).toFixed(1)} %`,
          ...shown.map(([, own]) => `${own.get(name) ?? 0}`),
        ]),
      total: ['all', `${images.length}`, '', ...shown.map(([, own]) => `${total(own)}`)],
      ...(rest > 0 ? { note: `${rest} rarer classes are left out.` } : {}),
    };
  }

  get sizeTable(): ReportTable {
    return {
      title: 'Images',
      header: ['', ...QUANTILES.map(([name]) => name)],
      rows: sizeRows(this.images),
      note: 'In pixels of the files.',
    };
  }

  get tables(): ReportTable[] {
    return [
      this.classTable,
      this.sizeTable,
      sizeTable(this.images),
      ...sameTables(this.same, {
        header: 'classes',
        of: (group) => someOf([...new Set(group.map(({ label }) => shownLabel(label)))]),
      }),
    ];
  }

  /** What a reader should know before training. */
  get notes(): string[] {
    const { counts, same } = this;
    const used = counts.filter(({ images }) => images > 0);
    const rare = used.filter(({ images }) => images < FEW);
    const unused = counts.filter(({ images }) => images === 0);
    const names = (list: readonly { readonly name: string }[]) =>
      someOf(list.map(({ name }) => shownLabel(name)));
    const [most, least] = [used[0], used.at(-1)];
    const number = (groups: readonly (readonly ClassImage[])[]) =>
      groups.reduce((sum, { length }) => sum + length, 0);
    const differ = (key: 'label' | 'part') =>
      same.filter((group) => new Set(group.map((image) => image[key])).size > 1);
    const [labels, parts] = [differ('label'), differ('part')];
    return [
      ...(used.length < 2 ? ['Only one class has images: there is nothing to tell apart.'] : []),
      ...(most && least && most.images >= IMBALANCE * least.images
        ? [
            `${shownLabel(most.name)} has ${Math.round(most.images / least.images)} times as many images as ${shownLabel(least.name)}: consider --class-weights auto.`,
          ]
        : []),
      ...(rare.length > 0
        ? [`${counted(rare.length, 'class has', 'classes have')} fewer than ${FEW} images: ${names(rare)}.`]
        : []),
      ...(unused.length > 0
        ? [`${counted(unused.length, 'class has', 'classes have')} no image: ${names(unused)}.`]
        : []),
      ...(same.length > 0
        ? [`${number(same)} images look the same as another: keep such images on one side of a split.`]
        : []),
      ...(labels.length > 0
        ? [`${number(labels)} of them are in different classes: one of their labels is wrong.`]
        : []),
      ...(parts.length > 0
        ? [`${number(parts)} of them are in different parts: a model is judged by what it was trained on.`]
        : []),
    ];
  }
}
