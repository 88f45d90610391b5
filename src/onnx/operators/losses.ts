import { add, div, equal, less, mul, neg, where } from '../../graph/functions/elementwise.ts';
import { gather } from '../../graph/functions/indexing.ts';
import { logSoftmax, mean, sum } from '../../graph/functions/reduce.ts';
import { cast, gatherRows } from '../../graph/functions/shape.ts';
import { full, type Tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import type { Call, Operators } from '../operator.ts';
import { channelsLast, Value } from '../value.ts';

/** Minus the logarithms of the labels' probabilities, weighted. logs: [N,…,C], labels: [N,…]. */
function negativeLogLikelihood(call: Call, logs: Tensor, target: Value, weight: Value | undefined): Value {
  const { attrs } = call;
  const C = logs.shape.at(-1)!;
  const labels = target.tensor();
  const M = labels.size;
  const flat = labels.reshape([M]);
  const own = where(less(flat, 0), add(flat, C), flat);
  const ignored = attrs.has('ignore_index') ? equal(flat, attrs.int('ignore_index')) : undefined;
  const places = ignored ? where(ignored, 0, own) : own;
  const picked = gather(logs.reshape([M, C]), 1, places.reshape([M, 1])).reshape([M]);
  const weights = weight ? gatherRows(weight.tensor().reshape([C, 1]), places).reshape([M]) : full([M], 1);
  const counted = ignored ? where(cast(ignored, 'f32'), 0, weights) : weights;
  const loss = mul(neg(picked), counted);
  const reduction = attrs.string('reduction', 'mean');
  if (reduction === 'none') return Value.of('float', loss.reshape(labels.shape));
  if (reduction === 'sum') return Value.of('float', sum(loss));
  if (reduction !== 'mean') return call.refuse(`reduction "${reduction}" is not supported`);
  return Value.of('float', weight || ignored ? div(sum(loss), sum(counted)) : mean(loss));
}

/** More dimensions than are turned at once, as one after the channels. */
const flatRest = (x: Value): Value =>
  x.rank > 6 ? x.reshaped([x.shape[0]!, x.shape[1]!, numel(x.shape.slice(2))]) : x;

/** Losses of classification. */
export const losses: Operators = {
  NegativeLogLikelihoodLoss(call) {
    const x = flatRest(call.input(0));
    return negativeLogLikelihood(call, x.tensor(channelsLast(x.rank)), call.input(1), call.inputs[2]);
  },
  SoftmaxCrossEntropyLoss(call) {
    const given = call.input(0);
    const x = flatRest(given);
    const order = channelsLast(x.rank);
    const logs = logSoftmax(x.tensor(order));
    const loss = negativeLogLikelihood(call, logs, call.input(1), call.inputs[2]);
    return [loss, Value.of(x.type, logs, order).reshaped(given.shape)];
  },
};
