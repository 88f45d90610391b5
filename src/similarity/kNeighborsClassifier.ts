import type { HostTensor } from '../data/batch.ts';
import { UsageError } from '../errors.ts';
import type { Gpu } from '../plan/gpu.ts';
import { expectAsMany, KNeighbors, type KNeighborsOptions } from './kNeighbors.ts';

/**
 * Classes by the vote of the k nearest rows (scikit-learn's KNeighborsClassifier). The neighbours are found exactly, as by
 * `nearest`. Of classes with equal votes the lowest wins: the first in `classes`.
 */
export class KNeighborsClassifier<Label extends number | string = number> extends KNeighbors {
  #classes: Label[] = [];
  #numbers = new Int32Array();

  constructor(gpu: Gpu, options: KNeighborsOptions = {}) {
    super('KNeighborsClassifier', gpu, options);
  }

  /** The classes of y, in ascending order: numbers by size, texts by their characters. */
  get classes(): readonly Label[] {
    return this.#classes;
  }

  /** Keeps the rows of x [n, d], not copied, and their classes. Throws ShapeError for other numbers of them, UsageError for none. */
  fit(x: HostTensor, y: ArrayLike<Label>): this {
    const labels = Array.from(y ?? []);
    for (const [i, label] of labels.entries()) {
      if (typeof label === 'string' || Number.isFinite(label)) continue;
      throw new UsageError(`${this.call}.fit: y[${i}] is ${String(label)}; give a number or a text`);
    }
    this.fitRows(x, labels.length);
    this.#classes = [...new Set(labels)].sort((a, b) => (a < b ? -1 : Number(a > b)));
    const numbers = new Map(this.#classes.map((label, i) => [label, i]));
    this.#numbers = Int32Array.from(labels, (label) => numbers.get(label)!);
    return this;
  }

  /** The class of each row of x [n, d]. Throws as `kneighbors` does. */
  async predict(x: HostTensor): Promise<Label[]> {
    const { data, shape } = await this.#votes(x);
    const [rows, classes] = shape as [number, number];
    return Array.from({ length: rows }, (_, row) => {
      const votes = data.subarray(row * classes, (row + 1) * classes);
      return this.#classes[votes.indexOf(votes.reduce((most, vote) => Math.max(most, vote)))]!;
    });
  }

  /** The part of the votes that each class gets, for each row of x: float64 [n, classes], in the order of `classes`. */
  async predictProba(x: HostTensor): Promise<HostTensor> {
    const { data, shape } = await this.#votes(x);
    const [rows, classes] = shape as [number, number];
    for (let row = 0; row < rows; row++) {
      const votes = data.subarray(row * classes, (row + 1) * classes);
      const total = votes.reduce((sum, vote) => sum + vote, 0);
      votes.forEach((vote, i) => {
        votes[i] = vote / total;
      });
    }
    return { data, shape };
  }

  /** The part of the rows of x whose class is predicted as y has it. Of no rows: NaN. */
  async score(x: HostTensor, y: ArrayLike<Label>): Promise<number> {
    const predicted = await this.predict(x);
    expectAsMany(`${this.call}.score`, predicted.length, y?.length);
    return predicted.filter((label, i) => label === y[i]).length / predicted.length;
  }

  async #votes(x: HostTensor): Promise<{ data: Float64Array; shape: number[] }> {
    const { indices, counts, shape } = await this.weighed(x);
    const classes = this.#classes.length;
    const [rows, k] = shape;
    const data = new Float64Array(rows * classes);
    indices.forEach((row, i) => {
      data[Math.floor(i / k) * classes + this.#numbers[row]!]! += counts[i]!;
    });
    return { data, shape: [rows, classes] };
  }
}
