/**
 * The k best rows of each of many queries, kept while rows are offered: those of the highest scores, of equal ones those of the
 * lowest numbers. In heaps, whose first entry is the worst that is kept.
 */
export class TopK {
  readonly k: number;
  readonly #scores: Float64Array;
  readonly #rows: Int32Array;
  readonly #counts: Int32Array;

  constructor(queries: number, k: number) {
    this.k = k;
    this.#scores = new Float64Array(queries * k);
    this.#rows = new Int32Array(queries * k);
    this.#counts = new Int32Array(queries);
  }

  /** Whether a row of at least this number and at most this score could still get in. */
  takes(query: number, score: number, row: number): boolean {
    if (this.#counts[query]! < this.k) return true;
    const worst = this.#scores[query * this.k]!;
    // A score that is not a number says nothing.
    return !(score < worst || (score === worst && row > this.#rows[query * this.k]!));
  }

  offer(query: number, score: number, row: number): void {
    const base = query * this.k;
    const count = this.#counts[query]!;
    if (count < this.k) {
      this.#counts[query] = count + 1;
      this.#rise(base, count, score, row);
    } else if (this.#isBetter(base, score, row)) this.#sink(base, score, row);
  }

  /** The best rows of a query, the best first. */
  sorted(query: number): { readonly score: number; readonly row: number }[] {
    const base = query * this.k;
    return Array.from({ length: this.#counts[query]! }, (_, i) => ({
      score: this.#scores[base + i]!,
      row: this.#rows[base + i]!,
    })).sort((a, b) => b.score - a.score || a.row - b.row);
  }

  /** Whether this is better than the entry there. */
  #isBetter(at: number, score: number, row: number): boolean {
    return score > this.#scores[at]! || (score === this.#scores[at]! && row < this.#rows[at]!);
  }

  #rise(base: number, place: number, score: number, row: number): void {
    let at = place;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#isBetter(base + parent, score, row)) break;
      this.#move(base, parent, at);
      at = parent;
    }
    this.#put(base + at, score, row);
  }

  #sink(base: number, score: number, row: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.k) break;
      const other = child + 1;
      if (other < this.k && !this.#isBetter(base + child, ...this.#entry(base + other))) child = other;
      if (!this.#isBetter(base + child, score, row)) break;
      this.#move(base, child, at);
      at = child;
    }
    this.#put(base + at, score, row);
  }

  #entry(at: number): [score: number, row: number] {
    return [this.#scores[at]!, this.#rows[at]!];
  }

  #move(base: number, from: number, to: number): void {
    this.#put(base + to, ...this.#entry(base + from));
  }

  #put(at: number, score: number, row: number): void {
    this.#scores[at] = score;
    this.#rows[at] = row;
  }
}
