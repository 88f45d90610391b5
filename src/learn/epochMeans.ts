import type { Logs } from './history.ts';

/** Means of losses over the items of an epoch: each step, or each batch, counts as often as it has items. */
export class EpochMeans {
  #sums = new Map<string, number>();
  #count = 0;

  clear(): void {
    this.#sums.clear();
    this.#count = 0;
  }

  add(losses: Logs, items: number): void {
    for (const [name, value] of Object.entries(losses)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + value * items);
    }
    this.#count += items;
  }

  /** The number of items. */
  get count(): number {
    return this.#count;
  }

  get means(): Logs {
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#count]));
  }

  /** The sums, as a checkpoint stores them. */
  get state(): { readonly sums: Logs; readonly count: number } {
    return { sums: Object.fromEntries(this.#sums), count: this.#count };
  }

  restore({ sums, count }: { readonly sums: Logs; readonly count: number }): void {
    this.#sums = new Map(Object.entries(sums));
    this.#count = count;
  }
}
