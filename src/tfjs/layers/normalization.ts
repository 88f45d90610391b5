import { layerNorm } from '../../graph/functions/conv.ts';
import { clamp, div, sqrt, sub } from '../../graph/functions/elementwise.ts';
import { full, type Tensor, tensor } from '../../graph/tensor.ts';
import { batchNorm } from '../../nn/norms.ts';
import { numel } from '../../shape.ts';
import { type BuildLayer, type Layer, one } from './layer.ts';

/** The mean or variance of a Normalization: a weight, or part of the configuration. */
function adapted(layer: Layer, key: 'mean' | 'variance'): Tensor {
  if (layer.has(key)) return layer.statistics(key).tensor;
  const value = layer.get(key);
  const list = [value].flat(Number.POSITIVE_INFINITY);
  if (!list.every((item): item is number => Number.isFinite(item))) layer.damaged(`its ${key} is not given`);
  return tensor(Float32Array.from(list as number[]), list.length === 1 ? [] : [list.length]);
}

/** Normalisation. */
export const normalization: Readonly<Record<string, BuildLayer>> = {
  BatchNormalization(layer) {
    const [momentum, eps] = [layer.number('momentum', 0.99), layer.number('epsilon', 1e-3)];
    const mean = layer.statistics('moving_mean');
    const { shape } = mean.tensor;
    const states = {
      weight: layer.flag('scale', true) ? layer.weight('gamma') : { tensor: full(shape, 1) },
      bias: layer.flag('center', true) ? layer.weight('beta') : { tensor: full(shape, 0) },
      running_mean: mean,
      running_var: layer.statistics('moving_variance'),
    };
    // Keras' momentum is the share of the old statistics. A layer that is frozen stays in evaluation, as in TensorFlow 2.
    const options = { momentum: 1 - momentum, eps };
    return one((x, training) => {
      layer.expectLastAxis('axis', x.shape.length);
      const image =
        x.shape.length === 4 ? x : x.reshape([numel(x.shape.slice(0, -1)), 1, 1, x.shape.at(-1) ?? 1]);
      return batchNorm(image, states, training && layer.trainable, options).reshape(x.shape);
    });
  },
  LayerNormalization(layer) {
    const eps = layer.number('epsilon', 1e-3);
    const weight = layer.flag('scale', true) ? layer.weight('gamma').tensor : undefined;
    const bias = layer.flag('center', true) ? layer.weight('beta').tensor : undefined;
    return one((x) => {
      layer.expectLastAxis('axis', x.shape.length);
      return layerNorm(x, x.shape.at(-1) ?? 1, { weight, bias, eps });
    });
  },
  Normalization(layer) {
    const [mean, variance] = [adapted(layer, 'mean'), adapted(layer, 'variance')];
    if (layer.flag('invert', false)) layer.refuse('invert is not supported');
    return one((x) => {
      layer.expectLastAxis('axis', x.shape.length);
      return div(sub(x, mean), clamp(sqrt(variance), 1e-7));
    });
  },
};
