import { expectArguments } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { ShapeError, UsageError } from '../errors.ts';
import type { Gpu } from '../plan/gpu.ts';
import { expectAsMany, KNeighbors, type KNeighborsOptions } from './kNeighbors.ts';

/** What rows are to be predicted as: one number each, or several, [n, t]. */
export type Targets = HostTensor | readonly number[] | Float32Array | Float64Array;

/** Targets as rows. */
interface TargetRows {
  readonly data: Float64Array;
  readonly rows: number;
  readonly width: number;
  /** Whether there is one number a row, so that predictions have the shape [n]. */
  readonly single: boolean;
}

/**
 * Numbers as the mean of those of the k nearest rows (scikit-learn's KNeighborsRegressor). The neighbours are found exactly, as by
 * `nearest`.
 */
export class KNeighborsRegressor extends KNeighbors {
  #targets: TargetRows = { data: new Float64Array(), rows: 0, width: 1, single: true };

  constructor(gpu: Gpu, options: KNeighborsOptions = {}) {
    super('KNeighborsRegressor', gpu, options);
  }

  /**
   * Keeps the rows of x [n, d], not copied, and their targets. Throws ShapeError for other numbers of them, UsageError for
   * values that are not finite.
   */
  fit(x: HostTensor, y: Targets): this {
    const targets = targetsOf(`${this.call}.fit`, y);
    this.fitRows(x, targets.rows);
    this.#targets = targets;
    return this;
  }

  /** The mean of the targets of the neighbours of each row of x: float64 [n], or [n, t]. Throws as `kneighbors` does. */
  async predict(x: HostTensor): Promise<HostTensor & { readonly data: Float64Array }> {
    const { indices, counts, shape } = await this.weighed(x);
    const { data: targets, width, single } = this.#targets;
    const [rows, k] = shape;
    const data = new Float64Array(rows * width);
    for (let row = 0; row < rows; row++) {
      let total = 0;
      for (let i = row * k; i < (row + 1) * k; i++) total += counts[i]!;
      for (let i = row * k; i < (row + 1) * k; i++) {
        const share = counts[i]! / total;
        for (let t = 0; t < width; t++) data[row * width + t]! += share * targets[indices[i]! * width + t]!;
      }
    }
    return { data, shape: single ? [rows] : [rows, width] };
  }

  /**
   * R², the part of the variance of y that is predicted: 1 - Σ (y - predicted)² / Σ (y - mean)², the mean of all targets' (scikit-learn's
   * r2_score). Where y does not vary: 1 if it is predicted exactly, else 0. Of fewer than two rows: NaN.
   */
  async score(x: HostTensor, y: Targets): Promise<number> {
    const call = `${this.call}.score`;
    const { data: truth, rows, width } = targetsOf(call, y);
    const { data, shape } = await this.predict(x);
    expectAsMany(call, shape[0]!, rows);
    if (data.length !== truth.length) {
      throw new ShapeError(`${call}: y has ${width} numbers a row, ${data.length / rows} are predicted`);
    }
    if (rows < 2) return Number.NaN;
    let sum = 0;
    for (let t = 0; t < width; t++) {
      let mean = 0;
      for (let row = 0; row < rows; row++) mean += truth[row * width + t]! / rows;
      let [rest, all] = [0, 0];
      for (let at = t; at < data.length; at += width) {
        rest += (truth[at]! - data[at]!) ** 2;
        all += (truth[at]! - mean) ** 2;
      }
      sum += all > 0 ? 1 - rest / all : Number(rest === 0);
    }
    return sum / width;
  }
}

function targetsOf(call: string, y: Targets): TargetRows {
  const list = ArrayBuffer.isView(y) || Array.isArray(y);
  if (list) expectArguments(call, { y }, { y: 'values' });
  else expectArguments(call, { y }, { y: { data: 'values', shape: 'values' } });
  const tensor = list
    ? { data: y as ArrayLike<number>, shape: [(y as ArrayLike<number>).length] }
    : (y as HostTensor);
  const { data, shape } = tensor;
  const [rows = 0, width = 1] = shape;
  if (shape.length < 1 || shape.length > 2 || data.length !== rows * width) {
    throw new ShapeError(`${call}: y has ${data.length} values for shape [${shape}]; give [n] or [n, t]`);
  }
  const bad = Array.prototype.findIndex.call(data, (value) => !Number.isFinite(value));
  if (bad >= 0) throw new UsageError(`${call}: y is ${data[bad]} at ${bad}; leave such rows out`);
  return { data: Float64Array.from(data), rows, width, single: shape.length === 1 };
}
