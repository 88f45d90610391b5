import fc from 'fast-check';
import {
  distinct,
  type InputSpec,
  integers,
  normal,
  uniform,
  values,
} from '../../../src/verify/cases/case.ts';
import { caseOf, channels, int, shapeOf } from './common.ts';

const withDims = (minRank: number) =>
  shapeOf(minRank, 6, 6).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      dims: fc.subarray(shape.map((_, i) => i)),
      order: fc.shuffledSubarray(
        shape.map((_, i) => i),
        { minLength: shape.length },
      ),
      dim: int(0, Math.max(shape.length - 1, 0)),
      picks: fc.array(fc.tuple(int(0, 4), int(1, 3), int(0, 5)), { minLength: 6, maxLength: 6 }),
    }),
  );

/** Few different values, NaN and infinities among them. */
const ties = (shape: readonly number[]): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from({ length }, () => {
      const pick = random();
      if (pick < 0.04) return Number.NaN;
      if (pick < 0.08) return pick < 0.06 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      return Math.floor(random() * 9) - 4;
    }),
});

const rows = fc.record({
  lead: shapeOf(0, 2, 4),
  length: fc.oneof(int(1, 40), int(100, 700)),
  fill: fc.constantFrom(distinct, ties, (shape: readonly number[]) => integers(shape, -50, 50)),
  flag: fc.boolean(),
  part: fc.double({ min: 0, max: 1, noNaN: true }),
});

const matrices = fc.record({
  batch: shapeOf(0, 2, 3),
  m: fc.oneof(int(1, 9), int(60, 70)),
  k: fc.oneof(int(1, 9), int(30, 40)),
  n: fc.oneof(int(1, 9), int(60, 70)),
  ones: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
  bias: fc.boolean(),
});

const atol = 1e-4;

/** A shape of indices along a dimension, and how many places they choose from. */
const alongDim = fc
  .record({
    lead: shapeOf(0, 2, 4),
    count: fc.oneof(int(0, 12), int(60, 90)),
    rest: shapeOf(0, 2, 4),
    places: fc.oneof(int(1, 12), int(60, 90)),
    whole: fc.boolean(),
  })
  .map(({ lead, count, rest, ...more }) => ({ shape: [...lead, count, ...rest], dim: lead.length, ...more }));

const scattered = (op: 'scatter' | 'scatter_add') =>
  caseOf(op, alongDim, ({ shape, dim, places, whole }) => {
    const fill = (sizes: readonly number[]) => (whole ? integers(sizes, -99, 99) : normal(sizes));
    return {
      inputs: { x: fill(shape.with(dim, places)), index: integers(shape, -1, places + 1), src: fill(shape) },
      attrs: { dim },
      ...(whole ? {} : { grad: ['x', 'src'] }),
      atol,
    };
  });

/** -1, 0 and 1, and numbers near them. */
const factors = (shape: readonly number[]): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from({ length }, () => (random() < 0.1 ? 0 : (random() < 0.5 ? -1 : 1) * (0.9 + 0.2 * random()))),
});

/** Running sums or products along one dimension, of floats or i32. */
const cumulative = (op: 'cumsum' | 'cumprod', fill: (shape: readonly number[]) => InputSpec) =>
  caseOf(
    op,
    fc.record({
      lead: shapeOf(0, 2, 4),
      length: fc.oneof(int(0, 30), int(500, 700)),
      rest: shapeOf(0, 2, 4),
      reverse: fc.boolean(),
      whole: fc.nat(3),
    }),
    ({ lead, length, rest, reverse, whole }) => {
      const shape = [...lead, length, ...rest];
      return {
        inputs: { x: whole === 0 ? integers(shape, -9, 10) : fill(shape) },
        attrs: { dim: lead.length, reverse },
        ...(whole === 0 ? {} : { grad: ['x'] }),
        atol: 1e-3,
      };
    },
  );

export const tensors = {
  linear: caseOf('linear', matrices, ({ batch, m, k, n, bias }) => ({
    inputs: { x: normal([...batch, m, k]), weight: normal([k, n]), ...(bias ? { bias: normal([n]) } : {}) },
    grad: bias ? ['x', 'weight', 'bias'] : ['x', 'weight'],
    atol,
  })),
  matmul: caseOf('matmul', matrices, ({ batch, m, k, n, ones }) => {
    const some = (flip: boolean, drop: boolean) =>
      drop ? [] : batch.map((size, i) => ((i === 0) === flip ? 1 : size));
    return {
      inputs: { a: normal([...some(ones[0], ones[2]), m, k]), b: normal([...some(ones[1], ones[3]), k, n]) },
      grad: ['a', 'b'],
      atol,
    };
  }),
  gather_rows: caseOf(
    'gather_rows',
    fc.record({ batches: int(0, 3), rows: int(1, 12), picked: int(0, 30), columns: channels }),
    ({ batches, rows: count, picked, columns }) => {
      const lead = batches === 0 ? [] : [batches];
      return {
        inputs: { x: normal([...lead, count, columns]), index: integers([...lead, picked], -1, count + 1) },
        attrs: { batchDims: batches === 0 ? 0 : 1 },
        grad: ['x'],
      };
    },
  ),
  gather: caseOf('gather', alongDim, ({ shape, dim, places, whole }) => ({
    inputs: {
      x: whole ? integers(shape.with(dim, places), -99, 99) : normal(shape.with(dim, places)),
      index: integers(shape, -1, places + 1),
    },
    attrs: { dim },
    ...(whole ? {} : { grad: ['x'] }),
    atol,
  })),
  scatter: scattered('scatter'),
  scatter_add: scattered('scatter_add'),
  sort: caseOf('sort', rows, ({ lead, length, fill, flag }) => ({
    inputs: { x: fill([...lead, length]) },
    attrs: { descending: flag },
    ...(fill === distinct ? { grad: ['x'] } : {}),
  })),
  topk: caseOf('topk', rows, ({ lead, length, fill, flag, part }) => ({
    inputs: { x: fill([...lead, length]) },
    attrs: { k: Math.round(part * length), largest: flag },
    ...(fill === distinct ? { grad: ['x'] } : {}),
  })),
  argmax: caseOf('argmax', rows, ({ lead, length, fill }) => ({ inputs: { x: fill([...lead, length]) } })),
  one_hot: caseOf('one_hot', fc.tuple(shapeOf(0, 3), int(1, 9)), ([shape, numClasses]) => ({
    inputs: { labels: integers(shape, -2, numClasses + 2) },
    attrs: { numClasses },
  })),
  rand: caseOf('rand', fc.tuple(shapeOf(0, 3), int(0, 9)), ([shape, stream]) => ({
    inputs: { seed: integers([], -2147483648, 2147483648) },
    attrs: { shape, stream },
  })),
  cdist: caseOf('cdist', fc.tuple(int(0, 40), int(0, 40), int(0, 20), int(1, 2)), ([n, m, w, p]) => ({
    inputs: { a: normal([n, w]), b: normal([m, w]) },
    attrs: { p },
    grad: ['a', 'b'],
    atol,
  })),
  hamming_distance: caseOf('hamming_distance', fc.tuple(int(0, 9), int(0, 9), int(0, 4)), ([n, m, w]) => ({
    inputs: { a: integers([n, w], -2147483648, 2147483648), b: integers([m, w], -2147483648, 2147483648) },
  })),
  sum: caseOf('sum', fc.tuple(withDims(0), fc.boolean(), fc.nat(3)), ([{ shape, dims }, keepdim, whole]) => ({
    inputs: { x: whole === 0 ? integers(shape, -99, 99) : normal(shape) },
    attrs: { dims, keepdim },
    ...(whole === 0 ? {} : { grad: ['x'] }),
    atol,
  })),
  amax: caseOf(
    'amax',
    fc.tuple(withDims(0), fc.boolean()).filter(([{ shape, dims }]) => dims.every((dim) => shape[dim] !== 0)),
    ([{ shape, dims }, keepdim]) => ({
      inputs: { x: distinct(shape) },
      attrs: { dims, keepdim },
      grad: ['x'],
    }),
  ),
  prod: caseOf(
    'prod',
    fc.tuple(withDims(0), fc.boolean(), fc.nat(3)),
    ([{ shape, dims }, keepdim, whole]) => ({
      // Zeros among the factors; magnitudes near 1, so that no product leaves the range of halves.
      inputs: {
        x: whole === 0 ? integers(shape, -3, 4) : whole === 1 ? factors(shape) : uniform(shape, 0.8, 1.25),
      },
      attrs: { dims, keepdim },
      ...(whole === 0 ? {} : { grad: ['x'] }),
      atol,
    }),
  ),
  cumsum: cumulative('cumsum', normal),
  cumprod: cumulative('cumprod', factors),
  softmax: caseOf('softmax', shapeOf(1, 4, 9), (shape) => ({ inputs: { x: normal(shape, 3) }, grad: ['x'] })),
  log_softmax: caseOf('log_softmax', shapeOf(1, 4, 9), (shape) => ({
    inputs: { x: normal(shape, 3) },
    grad: ['x'],
    atol: 3e-5,
  })),
  permute: caseOf('permute', withDims(0), ({ shape, order }) => ({
    inputs: { x: normal(shape) },
    attrs: { dims: order },
    grad: ['x'],
  })),
  slice: caseOf('slice', withDims(0), ({ shape, picks }) => {
    const starts = shape.map((size, i) => Math.min(picks[i]![0], size));
    const steps = shape.map((_, i) => picks[i]![1]);
    const sizes = shape.map((size, i) => Math.min(picks[i]![2], Math.ceil((size - starts[i]!) / steps[i]!)));
    return { inputs: { x: normal(shape) }, attrs: { starts, steps, sizes }, grad: ['x'] };
  }),
  pad: caseOf('pad', fc.tuple(withDims(0), int(-2, 2)), ([{ shape, picks }, value]) => ({
    inputs: { x: normal(shape) },
    // Before and after; negative padding crops no more than there is.
    attrs: { padding: shape.map((size, i) => [picks[i]![0] - Math.min(size, 2), picks[i]![1]]), value },
    grad: ['x'],
  })),
  flip: caseOf('flip', withDims(0), ({ shape, dims }) => ({
    inputs: { x: normal(shape) },
    attrs: { dims },
    grad: ['x'],
  })),
  expand: caseOf('expand', withDims(0), ({ shape, dims, picks }) => ({
    inputs: { x: normal(shape.map((size, i) => (dims.includes(i) ? 1 : size))) },
    attrs: { shape: shape.map((size, i) => (dims.includes(i) ? picks[i]![2] : size)) },
    grad: ['x'],
  })),
  concat: caseOf(
    'concat',
    fc.tuple(withDims(1), fc.array(int(0, 6), { minLength: 1, maxLength: 12 })),
    ([{ shape, dim }, sizes]) => {
      const inputs = sizes.map(
        (size, k) => [`x${k}`, normal(shape.map((s, i) => (i === dim ? size : s)))] as const,
      );
      return { inputs: Object.fromEntries(inputs), attrs: { dim }, grad: inputs.map(([name]) => name) };
    },
  ),
  cast: caseOf(
    'cast',
    fc.tuple(shapeOf(0, 4), fc.constantFrom('f32', 'i32', 'u32'), fc.constantFrom('f32', 'i32', 'u32')),
    ([shape, from, to]) => ({
      inputs: {
        x: from === 'f32' ? normal(shape, 1e5) : integers(shape, from === 'i32' ? -1e6 : 0, 1e6, from),
      },
      attrs: { dtype: to },
    }),
  ),
  cross_entropy: caseOf(
    'cross_entropy',
    fc.record({
      lead: shapeOf(0, 2, 9),
      classes: fc.oneof(int(1, 9), int(20, 40)),
      weighted: fc.boolean(),
      ignoreIndex: fc.constantFrom(-100, 0, 1),
      labelSmoothing: fc.constantFrom(0, 0, 0.1, 1),
    }),
    ({ lead, classes, weighted, ...attrs }) => ({
      inputs: {
        x: normal([...lead, classes], 3),
        target: integers(lead, 0, classes),
        ...(weighted ? { weight: uniform([classes], 0.2, 3) } : {}),
      },
      attrs,
      grad: ['x'],
      atol: 5e-5,
    }),
  ),
  sgd_step: caseOf('sgd_step', fc.tuple(int(0, 60), fc.boolean()), ([fours, nesterov]) => ({
    inputs: {
      param: normal([4 * fours]),
      grad: normal([4 * fours]),
      momentum: normal([4 * fours]),
      hyper: values([4], [0.05, 0.9, 0.01, Number(nesterov)]),
      scale: values([1], [0.5]),
      steps: values([1], [1]),
    },
  })),
  adamw_step: caseOf(
    'adamw_step',
    fc.tuple(
      int(0, 60),
      fc.array(int(0, 500), { minLength: 4, maxLength: 4 }),
      fc.constantFrom(0, 0.5, 0.9),
      fc.boolean(),
    ),
    ([fours, steps, beta, decoupled]) => ({
      inputs: {
        param: normal([4 * fours]),
        grad: normal([4 * fours]),
        m: normal([4 * fours], 0.1),
        v: uniform([4 * fours], 0.001, 0.1),
        hyper: values(
          [10],
          [
            ...[1e-2, beta, 0.999, 1e-8, 0.01, Number(decoupled)],
            ...[Math.max(Math.log(beta), -100), Math.log(0.999), 1 - beta, 1e-3],
          ],
        ),
        scale: values([1], [1]),
        steps: values([Math.ceil(fours / 16)], steps.slice(0, Math.ceil(fours / 16))),
      },
    }),
  ),
  rmsprop_step: caseOf('rmsprop_step', int(0, 60), (fours) => ({
    inputs: {
      param: normal([4 * fours]),
      grad: normal([4 * fours]),
      square: uniform([4 * fours], 0, 1),
      momentum: normal([4 * fours]),
      hyper: values([6], [0.05, 0.9, 0.9, 1e-3, 0.01, 0.1]),
      scale: values([1], [0.5]),
      steps: values([1], [1]),
    },
  })),
  rmsprop_centered_step: caseOf('rmsprop_centered_step', int(0, 60), (fours) => ({
    inputs: {
      param: normal([4 * fours]),
      grad: normal([4 * fours]),
      square: uniform([4 * fours], 0.5, 1),
      momentum: normal([4 * fours]),
      mean: uniform([4 * fours], -0.5, 0.5),
      hyper: values([6], [0.05, 0.9, 0.9, 1e-3, 0.01, 0.1]),
      scale: values([1], [0.5]),
      steps: values([1], [1]),
    },
  })),
  lion_step: caseOf('lion_step', int(0, 60), (fours) => ({
    inputs: {
      param: normal([4 * fours]),
      // Away from 0, where a rounded sum may have another sign.
      grad: uniform([4 * fours], 0.5, 2),
      m: uniform([4 * fours], -1, 0),
      hyper: values([6], [0.05, 0.9, 0.99, 0.01, 0.1, 0.01]),
      scale: values([1], [-0.5]),
      steps: values([1], [1]),
    },
  })),
  ema_step: caseOf('ema_step', shapeOf(0, 3), (shape) => ({
    inputs: { average: normal(shape), x: normal(shape), weight: values([1], [0.25]) },
  })),
  pack: caseOf('pack', fc.array(shapeOf(0, 3), { maxLength: 9 }), (shapes) => {
    const sizes = shapes.map((shape) => shape.reduce((product, size) => product * size, 1));
    const offsets = sizes.map((_, k) =>
      sizes.slice(0, k).reduce((sum, size) => sum + Math.ceil(size / 4) * 4, 0),
    );
    const size = sizes.reduce((sum, n) => sum + Math.ceil(n / 4) * 4, 0);
    return {
      inputs: Object.fromEntries(shapes.map((shape, k) => [`x${k}`, normal(shape)])),
      attrs: { offsets, size },
    };
  }),
} as const;
