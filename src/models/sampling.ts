import { add, div, greaterEqual, mul, sub } from '../graph/functions/elementwise.ts';
import { sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, rand, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

/** The candidates of each image that were sampled. */
export interface Sample {
  /** f32 [N,S]: 1 for a candidate, 0 for padding. */
  readonly valid: Tensor;
  /** Takes the sampled rows of a tensor with a row for each candidate of each image: [N,A,…] to [N,S,…]. */
  take(x: Tensor): Tensor;
  /** The same for a tensor that all images share: [A,…] to [N,S,…], or [A,…] itself where everything is sampled. */
  rows(x: Tensor): Tensor;
}

/** How many candidates of an image are sampled, and by which random numbers. */
export interface SampleOptions {
  readonly batchSizePerImage: number;
  /** The largest share of positive ones. */
  readonly positiveFraction: number;
  /** i32 []. */
  readonly seed: Tensor;
  /** Streams of one seed are independent. */
  readonly stream: number;
}

/**
 * Samples candidates of each image at random, as torchvision's BalancedPositiveNegativeSampler: at most a fraction of
 * batchSizePerImage are positive ones, and negative ones fill up. Where everything fits, everything is taken, in order; else
 * positive ones come first. positive, negative: f32 [N,A], 1 or 0, never both 1.
 */
export function sampleBalanced(
  { positive, negative }: { readonly positive: Tensor; readonly negative: Tensor },
  { batchSizePerImage, positiveFraction, seed, stream }: SampleOptions,
): Sample {
  const [N, A] = positive.shape as [number, number];
  const most = Math.floor(batchSizePerImage * positiveFraction);
  if (batchSizePerImage >= A && most >= A) {
    return { valid: add(positive, negative), take: (x) => x, rows: (x) => x };
  }
  const S = Math.min(batchSizePerImage, A);
  // Ranks: chosen positive ones 2..3, negative ones 1..2, the rest 0.
  const draw = rand([N, A], seed, stream);
  const drawn = mul(add(draw, 1), positive);
  const last = most > 0 && most < A ? slice(topk(drawn, most).values, [[], [most - 1, most]]) : undefined;
  const chosen =
    most === 0 ? mul(positive, 0) : last ? mul(positive, cast(greaterEqual(drawn, last), 'f32')) : positive;
  const rank = add(mul(add(draw, 2), chosen), mul(add(draw, 1), negative));
  const { values, indices } = topk(rank, S);
  const valid = cast(greaterEqual(values, 1), 'f32');
  return { valid, take: (x) => gatherRows(x, indices, 1), rows: (x) => gatherRows(x, indices) };
}

/** f32 […]: 1 for boxes […,4] whose sides are both at least `size` pixels, else 0. */
export function largeEnough(boxes: Tensor, size: number): Tensor {
  const lead = boxes.shape.slice(0, -1).map(() => [] as const);
  const sides = sub(slice(boxes, [...lead, [2, 4]]), slice(boxes, [...lead, [0, 2]]));
  const both = sum(cast(greaterEqual(sides, size), 'f32'), { dim: -1 });
  return cast(greaterEqual(both, 2), 'f32');
}

/** Bytes that every device can bind: WebGPU's default limit. */
const BINDING = 2 ** 27;

let chunked = true;

/** fn(), in which `inChunks` takes all regions at once: for what is recorded to run elsewhere, where no such limit holds. */
export function withoutChunks<R>(fn: () => R): R {
  const before = chunked;
  chunked = false;
  try {
    return fn();
  } finally {
    chunked = before;
  }
}

/**
 * Applies `fn` to some regions of each image at a time, so that no tensor with `bytes` per region is larger than every device
 * can bind, and joins its results [N r,…] to [N R,…]. `fn` gets a function that takes its part of a tensor with a row for each
 * region: [N,R,…] to [N,r,…].
 */
export function inChunks<Result extends Readonly<Record<string, Tensor>>>(
  { images, regions, bytes }: { readonly images: number; readonly regions: number; readonly bytes: number },
  fn: (part: (x: Tensor) => Tensor) => Result,
): Result {
  const most = Math.max(1, Math.floor(BINDING / (bytes * images)));
  if (regions <= most || !chunked) return fn((x) => x);
  const chunks = Math.ceil(regions / most);
  const starts = Array.from({ length: chunks + 1 }, (_, i) => Math.round((i * regions) / chunks));
  const parts = starts.slice(1).map((end, i) => {
    const start = starts[i]!;
    const result = fn((x) => slice(x, [[], [start, end], ...x.shape.slice(2).map(() => [] as const)]));
    return { result, size: end - start };
  });
  const join = (name: string) => {
    const rows = parts.map(({ result, size }) => {
      const value = result[name]!;
      return value.reshape([images, size, ...value.shape.slice(1)]);
    });
    const all = concat(rows, 1);
    return all.reshape([images * regions, ...all.shape.slice(2)]);
  };
  return Object.fromEntries(Object.keys(parts[0]!.result).map((name) => [name, join(name)])) as Result;
}

/** Divides a sum by a count that no gradient flows to. */
export const divideBy = (total: Tensor, count: Tensor): Tensor => div(total, count.detach());
