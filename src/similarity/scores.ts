import { mul, neg } from '../graph/functions/elementwise.ts';
import { amax, cdist, matmul } from '../graph/functions/reduce.ts';
import { transpose } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Metric } from './distances.ts';

/**
 * Rows of a database that one maximum on the GPU stands for. The fewer, the more is read back; the more, the more rows are
 * looked at on the CPU for every one that is near.
 */
export const GROUP = 8;

/** What bounds a group's scores. */
export interface GroupNorms {
  /** The largest length of a row. */
  readonly most: number;
  /** The smallest length of a row that is not all zeros; Infinity where all are. */
  readonly least: number;
}

/**
 * How a metric is searched by. Scores are float64, the higher the nearer, computed on the CPU for the few rows that matter: they
 * decide. The GPU's f32 maximum of every group of rows tells which rows these are: `bound` is what no exact score in the group is
 * above, however the GPU rounded.
 */
export interface Scoring {
  /** The exact score of a row x at `at`; xx is the sum of its squares. */
  exact(x: Float32Array, at: number, q: Float32Array, qAt: number, width: number, xx: number): number;
  /** The distance that an exact score means, of a query with qq as its sum of squares. */
  distance(score: number, qq: number): number;
  /** The maxima of groups of rows of x [B,D], for queries q [Q,D] as `scaled` says; scales [B,1] are 1 / length: [B / GROUP, Q]. */
  graph(x: Tensor, q: Tensor, scales: Tensor): Tensor;
  /** Whether queries are scaled to length 1 for the GPU. */
  readonly scaled: boolean;
  bound(maximum: number, norms: GroupNorms, qq: number, width: number): number;
}

/** The unit roundoff of f32. */
const U = 2 ** -24;
/** Sums of n rounded terms are off by this part of the sum of magnitudes at most (Higham 2002, §3.1), and some ulps of a root. */
const rounding = (n: number): number => {
  const part = (n + 32) * U;
  return part < 1 ? part / (1 - part) : Number.POSITIVE_INFINITY;
};
/** What a GPU may take for 0, and products of it with other values, add up to less than this for each term. */
const TINY = 2 ** -125;
/** Lengths below: their parts may be taken for 0, and the inverse may overflow. */
const SHORT = 2 ** -80;
/** Lengths above: products may be too large for f32, and the inverse too small. */
const LONG = 2 ** 100;

const maxima = (scores: Tensor): Tensor => {
  const [rows, queries] = scores.shape as [number, number];
  return amax(scores.reshape([rows / GROUP, GROUP, queries]), { dim: 1 });
};

function dotOf(x: Float32Array, at: number, q: Float32Array, qAt: number, width: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < width; i += 4) {
    a += x[at + i]! * q[qAt + i]!;
    b += x[at + i + 1]! * q[qAt + i + 1]!;
    c += x[at + i + 2]! * q[qAt + i + 2]!;
    d += x[at + i + 3]! * q[qAt + i + 3]!;
  }
  for (; i < width; i++) a += x[at + i]! * q[qAt + i]!;
  return a + b + (c + d);
}

function negativeSquares(x: Float32Array, at: number, q: Float32Array, qAt: number, width: number): number {
  let [a, b] = [0, 0];
  let i = 0;
  for (; i + 1 < width; i += 2) {
    const [d, e] = [x[at + i]! - q[qAt + i]!, x[at + i + 1]! - q[qAt + i + 1]!];
    a += d * d;
    b += e * e;
  }
  for (; i < width; i++) a += (x[at + i]! - q[qAt + i]!) ** 2;
  return -(a + b);
}

function negativeMagnitudes(
  x: Float32Array,
  at: number,
  q: Float32Array,
  qAt: number,
  width: number,
): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum -= Math.abs(x[at + i]! - q[qAt + i]!);
  return sum;
}

/** What no distance of a group is below, by its negated minimum. */
function leastDistance(maximum: number, width: number): number {
  const least = -maximum * (1 - rounding(width));
  // Infinite where f32 cannot hold it, and not a number where nothing can be told.
  return least < Number.POSITIVE_INFINITY ? Math.max(0, least) : 0;
}

const EUCLIDEAN: Scoring = {
  scaled: false,
  exact: negativeSquares,
  distance: (score) => Math.sqrt(0 - score),
  graph: (x, q) => maxima(neg(cdist(x, q))),
  // Squares of differences below 2^-63 are rounded to few bits, or to 0.
  bound: (maximum, _norms, _qq, width) => -Math.max(0, leastDistance(maximum, width) ** 2 - width * TINY),
};

/** The cosine with its square, which needs no root and is exact where sums are: rows along one line have equal scores. */
const signedSquare = (value: number): number => value * Math.abs(value);

export const SCORING: Readonly<Record<Metric, Scoring>> = {
  euclidean: EUCLIDEAN,
  sqeuclidean: { ...EUCLIDEAN, distance: (score) => 0 - score },
  manhattan: {
    exact: negativeMagnitudes,
    distance: (score) => 0 - score,
    graph: (x, q) => maxima(neg(cdist(x, q, { p: 1 }))),
    scaled: false,
    bound: (maximum, _norms, _qq, width) => -Math.max(0, leastDistance(maximum, width) - width * TINY),
  },
  dot: {
    exact: dotOf,
    distance: (score) => score,
    graph: (x, q) => maxima(matmul(x, transpose(q))),
    scaled: true,
    bound(maximum, { most }, qq, width) {
      if (most > LONG) return Number.POSITIVE_INFINITY;
      return qq === 0 ? 0 : Math.sqrt(qq) * (maximum + rounding(width) * most + width * TINY);
    },
  },
  cosine: {
    exact: (x, at, q, qAt, width, xx) => (xx === 0 ? 0 : signedSquare(dotOf(x, at, q, qAt, width)) / xx),
    distance: (score, qq) =>
      qq === 0 ? 1 : 1 - Math.sign(score) * Math.min(1, Math.sqrt(Math.abs(score) / qq)),
    graph: (x, q, scales) => maxima(mul(matmul(x, transpose(q)), scales)),
    scaled: true,
    bound(maximum, { most, least }, qq, width) {
      if (most > LONG || least < SHORT) return Number.POSITIVE_INFINITY;
      return qq === 0 ? 0 : qq * signedSquare(maximum + rounding(width));
    },
  },
};
