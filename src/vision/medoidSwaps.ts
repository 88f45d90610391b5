/** Distances of one item to all. */
export type Distances = Float32Array | Float64Array;

/**
 * A choice of medoids, and what a swap of one of them for another item would do to the sum of distances: the inner part of
 * FasterPAM (Schubert and Rousseeuw 2021). An item is compared with all medoids at once in n steps, whatever their number.
 */
export class MedoidSwaps {
  /** The items that are medoids. */
  readonly medoids: number[];
  /** For each item, the index of its nearest medoid; ties go to the first. */
  readonly labels: Int32Array;
  /** The sum of the distances of all items to their nearest medoids. */
  cost = 0;
  /** Of each medoid, its distances to all items. */
  readonly #rows: Distances[];
  readonly #nearest: Float64Array;
  readonly #second: Float64Array;
  /** What the sum grows by where a medoid goes and nothing comes. */
  readonly #removal: Float64Array;
  readonly #change: Float64Array;

  /** @param rows The distances of each medoid to all items. They are copied. */
  constructor(medoids: readonly number[], rows: readonly Distances[]) {
    this.medoids = [...medoids];
    this.#rows = rows.map((row) => row.slice());
    const n = rows[0]!.length;
    this.labels = new Int32Array(n);
    this.#nearest = new Float64Array(n);
    this.#second = new Float64Array(n);
    this.#removal = new Float64Array(medoids.length);
    this.#change = new Float64Array(medoids.length);
    this.#assign();
  }

  /** Which medoid an item best takes the place of, and what that adds to the sum: below 0 where it is less. */
  weigh(row: Distances): { readonly place: number; readonly change: number } {
    const { labels, medoids } = this;
    if (medoids.length === 1) {
      let sum = 0;
      for (let i = 0; i < row.length; i++) sum += row[i]!;
      return { place: 0, change: sum - this.cost };
    }
    const [nearest, second, change] = [this.#nearest, this.#second, this.#change];
    change.set(this.#removal);
    // By how much the new one is nearer, whichever medoid goes.
    let shared = 0;
    for (let i = 0; i < row.length; i++) {
      const d = row[i]!;
      if (d < nearest[i]!) {
        shared += d - nearest[i]!;
        change[labels[i]!]! += nearest[i]! - second[i]!;
      } else if (d < second[i]!) change[labels[i]!]! += d - second[i]!;
    }
    let place = 0;
    for (let m = 1; m < change.length; m++) if (change[m]! < change[place]!) place = m;
    return { place, change: change[place]! + shared };
  }

  /**
   * Puts an item into the place of a medoid. Sums are rounded: a swap must lower the sum itself, or two could take turns for
   * ever. Where it does not, nothing changes and false is returned.
   */
  swap(place: number, item: number, row: Distances): boolean {
    const before = { cost: this.cost, medoid: this.medoids[place]!, row: this.#rows[place]! };
    this.medoids[place] = item;
    this.#rows[place] = row.slice();
    this.#assign();
    if (this.cost < before.cost) return true;
    this.medoids[place] = before.medoid;
    this.#rows[place] = before.row;
    this.#assign();
    return false;
  }

  /** Swaps an item in where that lowers the sum, and says whether it did. */
  swapIn(item: number, row: Distances): boolean {
    if (this.medoids.includes(item)) return false;
    const { place, change } = this.weigh(row);
    return change < 0 && this.swap(place, item, row);
  }

  /** Puts the medoids in ascending order. */
  sort(): void {
    const order = this.medoids.map((_, m) => m).sort((a, b) => this.medoids[a]! - this.medoids[b]!);
    const [medoids, rows] = [[...this.medoids], [...this.#rows]];
    for (const [to, from] of order.entries()) {
      this.medoids[to] = medoids[from]!;
      this.#rows[to] = rows[from]!;
    }
    this.#assign();
  }

  #assign(): void {
    const [nearest, second] = [this.#nearest.fill(Infinity), this.#second.fill(Infinity)];
    const { labels } = this;
    for (const [m, row] of this.#rows.entries()) {
      for (let i = 0; i < row.length; i++) {
        const d = row[i]!;
        if (d < nearest[i]!) {
          second[i] = nearest[i]!;
          nearest[i] = d;
          labels[i] = m;
        } else if (d < second[i]!) second[i] = d;
      }
    }
    this.cost = 0;
    this.#removal.fill(0);
    for (let i = 0; i < nearest.length; i++) {
      this.cost += nearest[i]!;
      this.#removal[labels[i]!]! += second[i]! - nearest[i]!;
    }
  }
}
