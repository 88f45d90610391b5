import { batchNormEval, instanceNorm } from '../../graph/functions/conv.ts';
import type { Operators } from '../operator.ts';
import { channelsLast, Value } from '../value.ts';

/** Normalisation. */
export const normalization: Operators = {
  BatchNormalization: {
    weights: [1, 2],
    statistics: [3, 4],
    run(call) {
      if (call.attrs.int('training_mode', 0) !== 0) call.refuse('training_mode 1 is not supported');
      const x = call.input(0);
      const order = channelsLast(x.rank);
      const [weight, bias, runningMean, runningVar] = [1, 2, 3, 4].map((i) => call.input(i).tensor());
      const statistics = { weight: weight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! };
      return Value.of(
        x.type,
        batchNormEval(x.tensor(order), statistics, call.attrs.float('epsilon', 1e-5)),
        order,
      );
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
};
