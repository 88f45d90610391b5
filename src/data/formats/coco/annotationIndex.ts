/** Numbers in one typed array that grows by half: 8 bytes each, where an array of numbers may take 16 or more. */
class Numbers {
  #values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(Math.ceil(this.length * 1.5));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(i: number): number {
    return this.#values[i]!;
  }

  toSorted(): Float64Array {
    return this.#values.slice(0, this.length).sort();
  }
}

/**
 * Where the annotations of each image are in a file, in any order. Takes 32 bytes per annotation (image, number, first
 * and last byte) and 4 more once it is sorted: 31 MB for the 860,000 of COCO's train2017.
 */
export class AnnotationIndex {
  readonly #images = new Numbers();
  readonly #ids = new Numbers();
  readonly #starts = new Numbers();
  readonly #ends = new Numbers();
  /** The annotations sorted by image, and where those of each image begin. */
  #order = new Uint32Array();
  #first = new Uint32Array();

  get length(): number {
    return this.#images.length;
  }

  add(imageId: number, id: number, start: number, end: number): void {
    this.#images.push(imageId);
    this.#ids.push(id);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** Lists the numbers that several annotations have. */
  duplicates(): ReadonlySet<number> {
    const sorted = this.#ids.toSorted();
    const found = new Set<number>();
    for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) found.add(sorted[i]!);
    return found;
  }

  /** Sorts by image; `order` has the position of each image. Returns the annotations whose images are not in it. */
  sort(order: ReadonlyMap<number, number>): { index: number; id: number; imageId: number }[] {
    const counts = new Uint32Array(order.size + 1);
    const stray: { index: number; id: number; imageId: number }[] = [];
    for (let i = 0; i < this.length; i++) {
      const image = order.get(this.#images.at(i));
      if (image === undefined) stray.push({ index: i, id: this.#ids.at(i), imageId: this.#images.at(i) });
      else counts[image + 1]!++;
    }
    for (let i = 1; i < counts.length; i++) counts[i]! += counts[i - 1]!;
    this.#first = counts;
    const next = counts.slice();
    this.#order = new Uint32Array(this.length - stray.length);
    for (let i = 0; i < this.length; i++) {
      const image = order.get(this.#images.at(i));
      if (image !== undefined) this.#order[next[image]!++] = i;
    }
    return stray;
  }

  /** Lists the annotations of the image at this position, in the order of the file. */
  of(image: number): { index: number; start: number; end: number }[] {
    const found: { index: number; start: number; end: number }[] = [];
    for (let k = this.#first[image]!; k < this.#first[image + 1]!; k++) {
      const index = this.#order[k]!;
      found.push({ index, start: this.#starts.at(index), end: this.#ends.at(index) });
    }
    return found;
  }
}
