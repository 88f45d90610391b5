/// <reference lib="esnext.disposable" preserve="true" />
import { expectArguments, GPU } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { LifetimeError, ShapeError, UsageError } from '../errors.ts';
import { expectOneOf, withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { METRICS, type Metric } from './distances.ts';
import { rowsOf } from './nearest.ts';
import { type Neighbors, Searcher } from './search.ts';
import { expectCount } from './searchByName.ts';
import { expectVectors, type Vectors } from './vectors.ts';

/** Options of `KNeighborsClassifier` and `KNeighborsRegressor`. */
export interface KNeighborsOptions {
  /** How many neighbours decide. Default 5. */
  readonly nNeighbors?: number;
  /**
   * How much each neighbour counts. `uniform`: all the same. `distance`: 1 / distance; where some are at distance 0, they alone count,
   * all the same. Default `uniform`.
   */
  readonly weights?: 'uniform' | 'distance';
  /** Default 'euclidean'. */
  readonly metric?: Exclude<Metric, 'dot'>;
}

/** Neighbours, and how much each counts: [rows, k]. */
interface Weighed extends Pick<Neighbors, 'indices' | 'shape'> {
  readonly counts: Float64Array;
}

/** What both share: the rows that were fitted, and the search for those that are nearest to others. */
export abstract class KNeighbors {
  readonly nNeighbors: number;
  readonly weights: 'uniform' | 'distance';
  readonly metric: Exclude<Metric, 'dot'>;
  /** The name of the class, for messages. */
  protected readonly call: string;
  readonly #searcher: Searcher;
  #rows: Vectors | undefined;

  protected constructor(call: string, gpu: Gpu, options: KNeighborsOptions) {
    expectArguments(call, { gpu }, { gpu: GPU });
    const { nNeighbors, weights, metric } = withDefaults(call, options, {
      nNeighbors: 5,
      weights: 'uniform',
      metric: 'euclidean',
    });
    expectCount(call, 'nNeighbors', nNeighbors);
    expectOneOf(call, 'weights', weights, ['uniform', 'distance']);
    expectOneOf<Metric>(
      call,
      'metric',
      metric,
      METRICS.filter((name) => name !== 'dot'),
    );
    this.call = call;
    this.nNeighbors = nNeighbors;
    this.weights = weights;
    this.metric = metric;
    this.#searcher = new Searcher(gpu, metric);
  }

  /** Keeps the rows. */
  protected fitRows(x: HostTensor, targets: number): void {
    const call = `${this.call}.fit`;
    const rows = expectVectors(call, 'x', x);
    if (rows.rows === 0) throw new ShapeError(`${call}: x has no rows; give at least one`);
    expectAsMany(call, rows.rows, targets);
    this.#rows = rows;
  }

  /**
   * The nearest of the rows that were fitted, for each row of x; of equal distances the lower row comes first. Without x for those
   * rows themselves, where none is a neighbour of itself.
   *
   * @param nNeighbors Default: that of the constructor.
   * @throws LifetimeError before `fit`; ShapeError for a width that was not fitted; UsageError for more neighbours than there are.
   */
  async kneighbors(x?: HostTensor, nNeighbors = this.nNeighbors): Promise<Neighbors> {
    const call = `${this.call}.kneighbors`;
    const rows = this.#rows;
    if (!rows) throw new LifetimeError(`${this.call}: call fit first`);
    expectCount(call, 'nNeighbors', nNeighbors);
    const most = rows.rows - (x === undefined ? 1 : 0);
    if (nNeighbors > most) {
      throw new UsageError(`${call}: nNeighbors is ${nNeighbors}, and there are ${most} rows to choose from`);
    }
    if (x !== undefined) {
      return this.#searcher.search(rowsOf(rows), expectVectors(call, 'x', x, rows.width), nNeighbors);
    }
    return withoutSelf(await this.#searcher.search(rowsOf(rows), rows, nNeighbors + 1));
  }

  /**
   * The neighbours of each row of x, and how much each counts: weights [n, k].
   *
   * @hidden
   */
  protected async weighed(x: HostTensor): Promise<Weighed> {
    const { distances, indices, shape } = await this.kneighbors(x);
    const counts = new Float64Array(distances.length).fill(1);
    const [rows, k] = shape;
    for (let row = 0; row < rows && this.weights === 'distance'; row++) {
      const own = distances.subarray(row * k, (row + 1) * k);
      const zero = own.includes(0);
      for (let i = 0; i < k; i++) counts[row * k + i] = zero ? Number(own[i] === 0) : 1 / own[i]!;
    }
    return { indices, shape, counts };
  }

  /** Frees what searches keep on the device. */
  dispose(): void {
    this.#searcher.dispose();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Takes each row out of its own neighbours, or where equal rows keep it from being among them, the last one. */
function withoutSelf({ distances, indices, shape: [rows, k] }: Neighbors): Neighbors {
  const shape: [number, number] = [rows, k - 1];
  const others = {
    distances: new Float64Array(rows * (k - 1)),
    indices: new Int32Array(rows * (k - 1)),
    shape,
  };
  for (let row = 0; row < rows; row++) {
    const own = indices.subarray(row * k, (row + 1) * k).indexOf(row);
    for (let i = 0, to = row * (k - 1); i < k; i++) {
      if (i === (own < 0 ? k - 1 : own)) continue;
      others.distances[to] = distances[row * k + i]!;
      others.indices[to++] = indices[row * k + i]!;
    }
  }
  return others;
}

/** Throws ShapeError where there are other numbers of rows and of targets. */
export function expectAsMany(call: string, rows: number, targets: number): void {
  if (rows !== targets) throw new ShapeError(`${call}: x has ${rows} rows, y has ${targets}`);
}
