/** Keeps a limited number of items, those with the highest ranks, so that a long list of items takes little memory. */
export class Worst<T> {
  readonly #most: number;
  #kept: { readonly rank: number; readonly item: T }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether an item of this rank would be kept. Of equal ranks the earlier ones are. */
  takes(rank: number): boolean {
    if (this.#kept.length < this.#most) return true;
    const last = this.#kept.at(-1);
    return last !== undefined && rank > last.rank;
  }

  add(rank: number, item: T): void {
    if (!this.takes(rank)) return;
    const place = this.#kept.findLastIndex((kept) => kept.rank >= rank) + 1;
    this.#kept.splice(place, 0, { rank, item });
    if (this.#kept.length > this.#most) this.#kept.pop();
  }

  /** The highest rank first. */
  get items(): T[] {
    return this.#kept.map(({ item }) => item);
  }
}
