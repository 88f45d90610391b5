import { shownValue } from '../arguments.ts';
import { ShapeError, UsageError } from '../errors.ts';

/** What an item of an index is called: a file's name, a number. The number 1 and the text '1' are two ids. */
export type Id = string | number;

/** Which items are meant: these, or those for which it returns true. */
export type IdFilter = Iterable<Id> | ((id: Id) => boolean);

/** The ids of rows. */
export class Names {
  #list: Id[] = [];
  #rows = new Map<Id, number>();
  #next = 0;

  get list(): readonly Id[] {
    return this.#list;
  }

  rowOf(id: Id): number | undefined {
    return this.#rows.get(id);
  }

  /**
   * The ids that `count` further rows would get: those given, or numbers from the one after the largest on. Throws ShapeError
   * for another number of them, and UsageError for what is no id, is there already or comes twice.
   */
  forNew(call: string, count: number, given?: readonly Id[]): readonly Id[] {
    if (given === undefined) {
      if (count > 2 ** 53 - this.#next)
        throw new UsageError(`${call}: there are no whole numbers after ${this.#next - 1}; give ids`);
      return Array.from({ length: count }, (_, i) => this.#next + i);
    }
    if (!Array.isArray(given)) throw new UsageError(`${call}: ids is ${shownValue(given)}; give a list`);
    const ids: readonly Id[] = given;
    if (ids.length !== count) throw new ShapeError(`${call}: ${ids.length} ids for ${count} vectors`);
    const seen = new Set<Id>();
    for (const [i, id] of ids.entries()) {
      if (typeof id !== 'string' && !Number.isFinite(id)) {
        throw new UsageError(`${call}: ids[${i}] is ${shownValue(id)}; give a text or a finite number`);
      }
      if (this.#rows.has(id) || seen.has(id)) {
        const where = seen.has(id) ? 'comes twice' : 'is there already; remove it first';
        throw new UsageError(`${call}: id ${shownValue(id)} ${where}`);
      }
      seen.add(id);
    }
    return ids;
  }

  /** Names further rows. */
  append(ids: readonly Id[]): void {
    for (const id of ids) {
      this.#rows.set(id, this.#list.length);
      this.#list.push(id);
      if (typeof id === 'number') this.#next = Math.max(this.#next, Math.floor(id) + 1);
    }
  }

  /** Keeps the names of these rows, in ascending order. */
  keep(rows: Int32Array): void {
    const list = this.#list;
    this.#list = Array.from(rows, (row) => list[row]!);
    this.#rows = new Map(this.#list.map((id, row) => [id, row]));
  }

  /** The rows that are meant, in ascending order. Throws UsageError for what is no filter. */
  rows(call: string, name: string, filter: IdFilter): Int32Array {
    if (typeof filter === 'function') {
      const all = Int32Array.from({ length: this.#list.length }, (_, row) => row);
      return all.filter((row) => filter(this.#list[row]!));
    }
    if (typeof filter !== 'object' || filter === null || !(Symbol.iterator in filter)) {
      throw new UsageError(`${call}: ${name} is ${shownValue(filter)}; give a list of ids or a function`);
    }
    const rows = new Set<number>();
    for (const id of filter) {
      const row = this.#rows.get(id);
      if (row !== undefined) rows.add(row);
    }
    return Int32Array.from(rows).sort();
  }
}
