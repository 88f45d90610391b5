import { Parameter } from '../../../src/nn/module.ts';
import { AdamW } from '../../../src/nn/optimizers.ts';
import type { JaxArray } from '../peers/jaxTypes.ts';
import { bytesOf, type Row, type Sizes, valuesOf, type Workload } from '../workload.ts';

const LR = 1e-3;
const DECAY = 0.01;

/** One step over all parameters at once, two-dimensional so that they decay. */
function adamW(count: number): Workload {
  const shape = [count / 64, 64];
  const inputs = [{ shape }, { shape }];
  return {
    name: `AdamW over ${count / 1e6} million parameters`,
    inputs,
    // Two moving averages, two corrections, a root, a division, the step and the decay.
    flops: 16 * count,
    // Reads parameter, gradient and both moments; writes all but the gradient.
    bytes: bytesOf([7 * count]),
    ours: (_, gradient) => {
      // The parameter takes its values from here, not from a constant: it is state.
      const parameter = new Parameter(shape, valuesOf(inputs)[0] as Float32Array);
      const optimizer = new AdamW([parameter], { lr: LR, weightDecay: DECAY });
      parameter.tensor.grad = gradient;
      optimizer.step();
      return { parameter: parameter.tensor };
    },
    tfjs: {
      note: 'Adam, and the decay as a product of its own',
      make: (tf, [values, gradient]) => {
        const variable = tf.variable(values!, true);
        const adam = tf.train.adam(LR, 0.9, 0.999, 1e-8);
        return () => {
          variable.assign(tf.mul(variable, 1 - LR * DECAY));
          adam.applyGradients({ [variable.name]: gradient! });
          return [tf.mul(variable, 1)];
        };
      },
    },
    ort: 'onnxruntime has no training',
    jax: {
      note: 'of single operators',
      state: ([values]) => [
        { data: values!, shape },
        { data: new Float32Array(count), shape },
        { data: new Float32Array(count), shape },
        { data: Float32Array.of(0), shape: [1, 1] },
      ],
      fn: ({ np }, [, gradient], [parameter, first, second, steps]) => {
        const t = np.add(steps!, 1);
        const moving = (moment: JaxArray, beta: number, value: JaxArray) =>
          np.add(np.multiply(moment, beta), np.multiply(value, 1 - beta));
        const m = moving(first!, 0.9, gradient!);
        const v = moving(second!, 0.999, np.square(gradient!));
        const unbiased = (moment: JaxArray, beta: number) =>
          np.divide(moment, np.subtract(1, np.power(beta, t)));
        const change = np.divide(unbiased(m, 0.9), np.add(np.sqrt(unbiased(v, 0.999)), 1e-8));
        const next = np.subtract(np.multiply(parameter!, 1 - LR * DECAY), np.multiply(change, LR));
        return { outputs: [next], state: [next, m, v, t] };
      },
    },
  };
}

export function optimizerRows({ quick }: Sizes): Row[] {
  const count = (quick ? 3 : 30) * 1_000_000;
  return [{ name: adamW(count).name, make: () => adamW(count) }];
}
