import { amax, mean, type ReduceOptions } from '../../graph/functions/reduce.ts';
import { pad, permute } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { resizedBilinear, resizedNearest } from '../resize.ts';
import { maxPooled, meanPooled, type Two, type Windows } from '../windows.ts';
import { type BuildLayer, one } from './layer.ts';

const pooling =
  (pool: (x: Tensor, kernel: Two, windows: Windows) => Tensor): BuildLayer =>
  (layer) => {
    const size = layer.pair('pool_size', 2);
    const windows = layer.windows(size);
    return one((x) => pool(x, size, windows));
  };

const global =
  (reduce: (x: Tensor, options: ReduceOptions) => Tensor): BuildLayer =>
  (layer) => {
    layer.expectChannelsLast();
    const keepdim = layer.flag('keepdims', false);
    return one((x) => reduce(x, { dim: [1, 2], keepdim }));
  };

/** Pooling, and where pixels and elements lie. */
export const images: Readonly<Record<string, BuildLayer>> = {
  AveragePooling2D: pooling(meanPooled),
  Cropping2D(layer) {
    layer.expectChannelsLast();
    const [rows, columns] = layer.sides('cropping');
    return one((x) =>
      pad(x, [
        [0, 0],
        [-rows[0], -rows[1]],
        [-columns[0], -columns[1]],
        [0, 0],
      ]),
    );
  },
  Flatten(layer) {
    layer.expectChannelsLast();
    return one((x) => x.reshape([x.shape[0] ?? 1, x.size / (x.shape[0] || 1)]));
  },
  GlobalAveragePooling2D: global(mean),
  GlobalMaxPooling2D: global(amax),
  MaxPooling2D: pooling(maxPooled),
  Permute(layer) {
    const dims = layer.integers('dims');
    return one((x) => permute(x, [0, ...dims]));
  },
  Reshape(layer) {
    const shape = layer.integers('target_shape');
    return one((x) => x.reshape([x.shape[0] ?? 1, ...shape]));
  },
  UpSampling2D(layer) {
    layer.expectChannelsLast();
    const factors = layer.pair('size', 2);
    const interpolation = layer.text('interpolation', 'nearest');
    if (interpolation !== 'nearest' && interpolation !== 'bilinear') {
      layer.refuse(`interpolation "${interpolation}" is not supported`);
    }
    const resize = interpolation === 'nearest' ? resizedNearest : resizedBilinear;
    // As TensorFlow.js places pixels; Keras in Python has half-pixel centers for bilinear.
    const positions = { alignCorners: false, halfPixelCenters: false };
    return one((x) => resize(x, [(x.shape[1] ?? 0) * factors[0], (x.shape[2] ?? 0) * factors[1]], positions));
  },
  ZeroPadding2D(layer) {
    layer.expectChannelsLast();
    const [rows, columns] = layer.sides('padding');
    return one((x) => pad(x, [[0, 0], rows, columns, [0, 0]]));
  },
};
