import {
  batchNormEval,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
} from '../../graph/functions/conv.ts';
import { add, affine, div, mul, rsqrt, sqrt, sub } from '../../graph/functions/elementwise.ts';
import { mean, norm, variance } from '../../graph/functions/reduce.ts';
import { flip } from '../../graph/functions/shape.ts';
import { full, type Tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import { placeOf } from '../layout.ts';
import type { Call, Operators } from '../operator.ts';
import { channelsLast, natural, Value } from '../value.ts';

/** Batch norm by the batch's own statistics; running ones move towards them. Population variances, as ONNX says. */
function trainedBatchNorm(call: Call, x: Value, [weight, bias, oldMean, oldVar]: readonly Tensor[]): Value[] {
  const order = channelsLast(x.rank);
  const own = x.tensor(order);
  const dim = natural(x.rank - 1);
  const [average, spread] = [mean(own, { dim }), variance(own, { dim, correction: 0 })];
  const scale = mul(weight!, rsqrt(affine(spread, 1, call.attrs.float('epsilon', 1e-5))));
  const y = add(mul(sub(own, average), scale), bias!);
  const momentum = call.attrs.float('momentum', 0.9);
  const moved = (old: Tensor, now: Tensor) => add(affine(old, momentum), affine(now, 1 - momentum));
  return [
    Value.of(x.type, y, order),
    ...[moved(oldMean!, average), moved(oldVar!, spread)].map((value) => Value.of('float', value)),
  ];
}

/** Normalisation. */
export const normalization: Operators = {
  BatchNormalization: {
    weights: [1, 2],
    statistics: [3, 4],
    run(call) {
      const x = call.input(0);
      if (call.attrs.int('spatial', 1) !== 1) call.refuse('spatial 0 is not supported');
      const own = x.rank === 1 ? x.reshaped([x.size, 1]) : x;
      const order = channelsLast(own.rank);
      const [weight, bias, runningMean, runningVar] = [1, 2, 3, 4].map((i) => call.input(i).tensor());
      if (call.attrs.int('training_mode', 0) !== 0)
        return trainedBatchNorm(call, x, [weight!, bias!, runningMean!, runningVar!]);
      const statistics = { weight: weight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! };
      const y = batchNormEval(own.tensor(order), statistics, call.attrs.float('epsilon', 1e-5));
      return Value.of(x.type, y, order).reshaped(x.shape);
    },
  },
  GroupNormalization: {
    weights: [1, 2],
    run(call) {
      const x = call.input(0);
      const order = channelsLast(x.rank);
      const groups = call.attrs.int('num_groups');
      const own = x.tensor(order);
      const C = own.shape.at(-1)!;
      const eps = call.attrs.float('epsilon', 1e-5);
      const [weight, bias] = [call.input(1).tensor(), call.input(2).tensor()];
      // One value for each group in opset 18, for each channel from 21 on.
      const perChannel = (value: Tensor) =>
        value.size === C ? value : mul(value.reshape([groups, 1]), full([1, C / groups], 1)).reshape([C]);
      const y = groupNorm(own, groups, { weight: perChannel(weight), bias: perChannel(bias), eps });
      return Value.of(x.type, y, order);
    },
  },
  InstanceNormalization: {
    weights: [1, 2],
    run(call) {
      const x = call.input(0);
      const order = channelsLast(x.rank);
      const options = { weight: call.input(1).tensor(), bias: call.input(2).tensor() };
      const y = instanceNorm(x.tensor(order), { ...options, eps: call.attrs.float('epsilon', 1e-5) });
      return Value.of(x.type, y, order);
    },
  },
  LayerNormalization: {
    weights: [1, 2],
    run(call) {
      const x = call.input(0);
      const axis = call.dim(call.attrs.int('axis', -1), x.rank);
      const eps = call.attrs.float('epsilon', 1e-5);
      const size = numel(x.shape.slice(axis));
      const rows = x.tensor().reshape([numel(x.shape.slice(0, axis)), size]);
      const [weight, bias] = [call.input(1), call.inputs[2]];
      const [, wantsMean = '', wantsScale = ''] = call.node.outputs;
      const fits = (value: Value | undefined) => !value || value.size === size;
      const plain = fits(weight) && fits(bias);
      const normal = layerNorm(rows, size, {
        ...(plain ? { weight: weight.tensor().reshape([size]), bias: bias?.tensor().reshape([size]) } : {}),
        eps,
      }).reshape(x.shape);
      const scaled = plain ? normal : mul(normal, weight.tensor());
      const y = Value.of(x.type, !plain && bias ? add(scaled, bias.tensor()) : scaled);
      if (wantsMean === '' && wantsScale === '') return y;
      const kept = [...x.shape.slice(0, axis), ...x.shape.slice(axis).map(() => 1)];
      const options = { dim: 1, keepdim: true };
      const spread = variance(rows, { ...options, correction: 0 });
      return [
        y,
        Value.of(x.type, mean(rows, options).reshape(kept)),
        Value.of(x.type, rsqrt(affine(spread, 1, eps)).reshape(kept)),
      ];
    },
  },
  LpNormalization(call) {
    const x = call.input(0);
    const dim = placeOf(x.order, call.dim(call.attrs.int('axis', -1), x.rank));
    const own = x.tensor(x.order);
    const size = norm(own, { dim, keepdim: true, p: call.attrs.int('p', 2) });
    return Value.of(x.type, div(own, size), x.order);
  },
  LRN(call) {
    const x = call.input(0);
    const { attrs } = call;
    const order = channelsLast(x.rank);
    const size = attrs.int('size');
    const options = {
      alpha: attrs.float('alpha', 1e-4),
      beta: attrs.float('beta', 0.75),
      k: attrs.float('bias', 1),
    };
    const own = x.tensor(order);
    // An even window has one more channel after its own, one more before it in localResponseNorm.
    if (size % 2 === 1) return Value.of(x.type, localResponseNorm(own, size, options), order);
    const dim = [own.shape.length - 1];
    return Value.of(x.type, flip(localResponseNorm(flip(own, dim), size, options), dim), order);
  },
  MeanVarianceNormalization(call) {
    const x = call.input(0);
    const axes = call.attrs.ints('axes', [0, 2, 3]).map((axis) => call.dim(axis, x.rank));
    const own = x.tensor(x.order);
    const options = { dim: axes.map((axis) => placeOf(x.order, axis)), keepdim: true };
    const apart = sub(own, mean(own, options));
    const spread = sqrt(mean(mul(apart, apart), options));
    return Value.of(x.type, div(apart, affine(spread, 1, 1e-9)), x.order);
  },
};
