import type { ClassifiedImage } from 'fovea';
import { thumbnail } from './draw.ts';
import type { Gallery, GalleryItem } from './gallery.ts';
import { shownOf } from './mistakes.ts';
import { Worst } from './worst.ts';

/** The images that a classifier takes for another class, kept while it is evaluated: at most `worst`, as they are shown. */
export class ClassMistakes {
  readonly #classes: readonly string[];
  readonly #worst: Worst<GalleryItem>;
  /** The number of images that were added. */
  images = 0;
  #wrong = 0;
  /** How often each class was taken for each other one [target, predicted]; 0 where it was right. */
  readonly #confused: Uint32Array;

  constructor(classes: readonly string[], worst: number) {
    this.#classes = classes;
    this.#worst = new Worst(worst);
    this.#confused = new Uint32Array(classes.length ** 2);
  }

  async add({ sample: { name, image, label }, probabilities }: ClassifiedImage): Promise<void> {
    this.images++;
    const highest = Math.max(...probabilities);
    const predicted = this.#classes[probabilities.indexOf(highest)]!;
    if (predicted === label) return;
    this.#wrong++;
    this.#confused[this.#classes.indexOf(label) * this.#classes.length + this.#classes.indexOf(predicted)]!++;
    const own = probabilities[this.#classes.indexOf(label)]!;
    // The lower the probability of its own class, the worse.
    const rank = 1 - own;
    if (!this.#worst.takes(rank)) return;
    const { width, height, data } = image;
    const rgb = Uint8Array.from(data, (value) => Math.round(255 * value));
    const shown = await thumbnail({ width, height, rgb });
    this.#worst.add(rank, {
      title: name,
      notes: [`${predicted} ${highest.toFixed(2)}`, `${label} ${own.toFixed(2)}`],
      images: [{ ...shown, caption: label, alt: `${name}: ${label}` }],
      tags: [{ values: [label, predicted] }],
    });
  }

  get gallery(): Gallery {
    const items = this.#worst.items;
    return {
      title: 'Mistakes, worst first',
      note: `${shownOf(items.length, this.#wrong, this.images)} Sorted by the probability of their own class, the lowest first.`,
      filters: [
        { name: 'class', values: this.#classes },
        { name: 'predicted', values: this.#classes },
      ],
      matrix: { names: this.#classes, counts: this.#confused },
      items,
    };
  }
}
