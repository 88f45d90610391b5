import { gaussianPyramid } from '../../../src/graph/functions/pyramid.ts';
import type { Shape } from '../../../src/shape.ts';
import type { JaxArray } from '../peers/jaxTypes.ts';
import { bytesOf, type Row, rowsOf, type Sizes, type Workload } from '../workload.ts';

const LEVELS = 4;
const TAPS = [1, 4, 6, 4, 1].map((tap) => tap / 16);

/** Of the image and of each level. */
const shapesOf = (height: number, width: number): Shape[] =>
  Array.from({ length: LEVELS + 1 }, (_, level) => [
    1,
    Math.ceil(height / 2 ** level),
    Math.ceil(width / 2 ** level),
    3,
  ]);

/** The 5x5 Gaussian for each of three channels: [5,5,3,1] and [3,1,5,5] differ in their order. */
const gaussian = (order: 'last' | 'first'): Float32Array => {
  const plane = TAPS.flatMap((a) => TAPS.map((b) => a * b));
  return Float32Array.from(
    order === 'last' ? plane.flatMap((tap) => [tap, tap, tap]) : [0, 1, 2].flatMap(() => plane),
  );
};

const pyramid = (height: number, width: number, shapes = shapesOf(height, width)): Workload => ({
  name: `pyramid of ${width}x${height}x3, ${LEVELS} levels`,
  inputs: [{ shape: shapes[0]!, layout: 'image' }],
  // Separable: 5 taps along rows of every other column, then 5 along columns.
  flops: shapes.slice(1).reduce((sum, [, h, w]) => sum + 2 * 5 * 3 * 3 * h! * w!, 0),
  bytes: bytesOf(...shapes),
  ours: (x) =>
    Object.fromEntries(
      gaussianPyramid(x!, LEVELS)
        .slice(1)
        .map((level, i) => [`level${i + 1}`, level]),
    ),
  tfjs: {
    note: 'as mirror padding and a depthwise convolution for each level',
    make: (tf, [x]) => {
      const filter = tf.tensor(gaussian('last'), [5, 5, 3, 1]);
      return () => {
        const levels = [x!];
        for (let i = 0; i < LEVELS; i++) {
          const padded = tf.mirrorPad(
            levels[i]!,
            [
              [0, 0],
              [2, 2],
              [2, 2],
              [0, 0],
            ],
            'reflect',
          );
          levels.push(tf.depthwiseConv2d(padded, filter, 2, 'valid'));
        }
        return levels.slice(1);
      };
    },
  },
  ort: {
    note: 'as Pad and a grouped Conv for each level',
    outputs: ['image', 'image', 'image', 'image'],
    make: (graph, [x]) => {
      const filter = graph.constant(gaussian('first'), [3, 1, 5, 5]);
      const levels = [x!];
      for (let i = 0; i < LEVELS; i++) {
        const padded = graph.node('Pad', [levels[i]!, graph.constant([0, 0, 2, 2, 0, 0, 2, 2])], {
          mode: 'reflect',
        });
        levels.push(
          graph.node('Conv', [padded, filter], { kernel_shape: [5, 5], strides: [2, 2], group: 3 }),
        );
      }
      return levels.slice(1);
    },
  },
  jax: {
    note: 'as gathered borders and a grouped convolution for each level',
    outputs: ['image', 'image', 'image', 'image'],
    fn: ({ np, lax }, [x]) => {
      const filter = np.array(gaussian('first'), { shape: [3, 1, 5, 5] });
      const mirrored = (y: JaxArray, axis: number) => {
        const n = y.shape[axis]!;
        const inside = (i: number) => (i < 0 ? -i : i < n ? i : 2 * (n - 1) - i);
        const indices = Int32Array.from({ length: n + 4 }, (_, i) => inside(i - 2));
        return np.take(y, np.array(indices, { shape: [n + 4] }), axis);
      };
      const levels = [x!];
      for (let i = 0; i < LEVELS; i++) {
        const padded = mirrored(mirrored(levels[i]!, 2), 3);
        const none: [number, number] = [0, 0];
        levels.push(lax.convGeneralDilated(padded, filter, [2, 2], [none, none], { featureGroupCount: 3 }));
      }
      return { outputs: levels.slice(1) };
    },
  },
});

export const pyramidRows = ({ slow = false }: Sizes): Row[] =>
  rowsOf(slow ? pyramid(270, 480) : pyramid(1080, 1920));
