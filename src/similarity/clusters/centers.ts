import type { HostTensor } from '../../data/batch.ts';
import { LifetimeError, ShapeError } from '../../errors.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { expectRows, type Rows } from '../vectors.ts';
import { sumOf } from './lloyd.ts';
import { forBlocks, nearestCenters, ownSquares } from './nearestCenters.ts';
import { squaredDistances } from './squares.ts';

/** What is known once clusters have been found by their centers. */
export interface Fitted {
  readonly labels: Int32Array;
  readonly centers: Float64Array;
  readonly width: number;
  readonly inertia: number;
  readonly nIter: number;
}

/** Clusters that have a center each: what `KMeans` and `MiniBatchKMeans` have in common. */
export abstract class CenteredClusters {
  readonly #name: string;
  readonly #gpu: Gpu | undefined;
  #fitted: Fitted | undefined;

  protected constructor(name: string, gpu: Gpu | undefined) {
    this.#name = name;
    this.#gpu = gpu;
  }

  /** The number of the cluster of each row of x that was fitted, from 0. */
  get labels(): Int32Array {
    return this.found.labels;
  }

  /** The centers, [nClusters, d], in float64. */
  get clusterCenters(): HostTensor & { readonly data: Float64Array } {
    const { centers, width } = this.found;
    return { data: centers, shape: [centers.length / width, width] };
  }

  /** The sum of the squared distances of the rows to their centers. */
  get inertia(): number {
    return this.found.inertia;
  }

  /** How many times all centers were moved. */
  get nIter(): number {
    return this.found.nIter;
  }

  /** Finds clusters of the rows of x [n, d]. */
  abstract fit(x: HostTensor): Promise<this>;

  /** Fits, and returns the labels. */
  async fitPredict(x: HostTensor): Promise<Int32Array> {
    return (await this.fit(x)).labels;
  }

  /** The number of the nearest center of each row of x [m, d]; ties go to the first. */
  async predict(x: HostTensor): Promise<Int32Array> {
    return this.assign(this.expectX('predict', x), this.found.centers);
  }

  /** The Euclidean distances of the rows of x [m, d] to the centers: [m, nClusters]. */
  async transform(x: HostTensor): Promise<HostTensor & { readonly data: Float64Array }> {
    const rows = this.expectX('transform', x);
    const { centers, width } = this.found;
    const k = centers.length / width;
    const data = new Float64Array(rows.rows * k);
    forBlocks(rows, (block, start) => {
      data.set(squaredDistances(block, centers, width).map(Math.sqrt), start * k);
    });
    return { data, shape: [rows.rows, k] };
  }

  /** Minus the sum of the squared distances of the rows of x [m, d] to their nearest centers. */
  async score(x: HostTensor): Promise<number> {
    const rows = this.expectX('score', x);
    const { centers } = this.found;
    return -sumOf(ownSquares(rows, centers, await this.assign(rows, centers)));
  }

  /**
   * What was found. Throws LifetimeError before `fit`.
   *
   * @internal
   */
  protected get found(): Fitted {
    if (this.#fitted) return this.#fitted;
    throw new LifetimeError(`${this.#name}: nothing was fitted yet; await fit(x) first`);
  }

  /** @internal */
  protected set found(fitted: Fitted) {
    this.#fitted = fitted;
  }

  /**
   * The nearest center of each row.
   *
   * @internal
   */
  protected async assign(x: Rows, centers: Float64Array): Promise<Int32Array> {
    const nearest = nearestCenters(x, this.#gpu);
    try {
      return await nearest.of(centers);
    } finally {
      nearest.dispose();
    }
  }

  /**
   * Rows that are as wide as those that were fitted.
   *
   * @internal
   */
  protected expectX(method: string, x: HostTensor): Rows {
    const { width } = this.found;
    const rows = expectRows(`${this.#name}.${method}`, 'x', x);
    if (rows.width === width) return rows;
    throw new ShapeError(
      `${this.#name}.${method}: rows of x have ${rows.width} values, those that were fitted ${width}; give as many`,
    );
  }
}

/** Rows to find clusters of. Throws ShapeError where they are fewer than clusters, or have no values. */
export function expectItems(call: string, x: HostTensor, nClusters: number): Rows {
  const rows = expectRows(call, 'x', x);
  if (rows.rows < nClusters) {
    throw new ShapeError(`${call}: ${nClusters} clusters of ${rows.rows} rows; ask for at most as many`);
  }
  if (rows.width === 0)
    throw new ShapeError(`${call}: rows of x have no values; give [n, d] with d at least 1`);
  return rows;
}
