import { grad } from '../../../src/graph/backward.ts';
import { conv2d, convTranspose2d } from '../../../src/graph/functions/conv.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import { double } from '../networks/jaxLayers.ts';
import type { Jax, JaxArray } from '../peers/jaxTypes.ts';
import type { Attribute } from '../peers/onnx.ts';
import {
  bytesOf,
  type Input,
  inHalves,
  type Row,
  rowsOf,
  type Sizes,
  sizeText,
  type TfSettings,
  unknown,
  type Workload,
} from '../workload.ts';

interface Conv {
  readonly what: string;
  readonly size: readonly [height: number, width: number, inChannels: number];
  readonly out: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly depthwise?: boolean;
}

const CONVS: readonly Conv[] = [
  { what: 'conv 3x3', size: [56, 56, 64], out: 64, kernel: 3, padding: 1 },
  { what: 'conv 3x3', size: [28, 28, 128], out: 128, kernel: 3, padding: 1 },
  { what: 'conv 3x3', size: [14, 14, 256], out: 256, kernel: 3, padding: 1 },
  { what: 'conv 3x3', size: [7, 7, 512], out: 512, kernel: 3, padding: 1 },
  { what: 'conv 1x1', size: [56, 56, 64], out: 256, kernel: 1 },
  { what: 'conv 1x1', size: [56, 56, 256], out: 64, kernel: 1 },
  { what: 'conv 7x7 stride 2', size: [224, 224, 3], out: 64, kernel: 7, stride: 2, padding: 3 },
  { what: 'conv 3x3 dilation 2', size: [28, 28, 128], out: 128, kernel: 3, padding: 2, dilation: 2 },
  { what: 'conv 3x3 depthwise', size: [112, 112, 96], out: 96, kernel: 3, padding: 1, depthwise: true },
];

const NO_TRAINING = 'onnxruntime has no training';
const CONV_SETTINGS: readonly TfSettings[] = [{}, { WEBGPU_CONV_SEPARATE_IM2COL_SHADER: true }];
const INPUT_GRADIENT_SETTINGS: readonly TfSettings[] = [{}, { WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE: false }];

const ends = (y: string): string[] => [y];
const pair = (value: number): [number, number] => [value, value];
const same = (value: number, count: number): number[] => new Array<number>(count).fill(value);

function convolution(batch: number, conv: Conv): Workload[] {
  const { what, size, out, kernel, stride = 1, padding = 0, dilation = 1, depthwise = false } = conv;
  const [height, width, channels] = size;
  const groups = depthwise ? channels : 1;
  const outSize = (n: number) => Math.floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  const x: Shape = [batch, height, width, channels];
  const weight: Shape = [kernel, kernel, channels / groups, out];
  const y: Shape = [batch, outSize(height), outSize(width), out];
  const options = { stride, padding, dilation, groups };
  const attributes: Record<string, Attribute> = {
    kernel_shape: same(kernel, 2),
    strides: same(stride, 2),
    dilations: same(dilation, 2),
    pads: same(padding, 4),
    group: groups,
  };
  const name = `${what} ${sizeText(x)} to ${out}`;
  const shared = {
    flops: (2 * numel(y) * numel(weight)) / out,
    bytes: bytesOf(x, weight, y),
  };
  const image = (shape: Shape): Input => ({ shape, layout: 'image' });
  const filter: Input = { shape: weight, layout: 'filter', weight: true };
  const tfAttributes = { strides: [stride, stride], pad: padding, dimRoundingMode: 'floor' };
  const tfFilter = [kernel, kernel, depthwise ? channels : channels / groups, depthwise ? 1 : out];
  const dilated = 'tfjs refuses gradients of dilated convolutions';
  const jaxConv = ({ lax }: Jax, a: JaxArray, b: JaxArray) =>
    lax.convGeneralDilated(a, b, same(stride, 2), [pair(padding), pair(padding)], {
      rhsDilation: same(dilation, 2),
      featureGroupCount: groups,
    });
  const nchw: Shape = [batch, channels, height, width];
  const oihw: Shape = [out, channels / groups, kernel, kernel];
  const depthwiseAttributes = { ...tfAttributes, dilations: [1, 1] };
  return [
    {
      ...shared,
      name: `${name}, forward`,
      inputs: [image(x), filter],
      ours: (a, b) => ({ y: conv2d(a!, b!, undefined, options) }),
      tfjs: {
        settings: depthwise ? undefined : CONV_SETTINGS,
        make: (tf, [a, b]) => {
          const w = tf.reshape(b!, tfFilter);
          return () => [
            depthwise
              ? tf.depthwiseConv2d(a!, w, stride, padding)
              : tf.conv2d(a!, w, stride, padding, 'NHWC', dilation),
          ];
        },
      },
      ort: { outputs: ['image'], make: (graph, inputs) => ends(graph.node('Conv', inputs, attributes)) },
      jax: { outputs: ['image'], fn: (jax, [a, b]) => ({ outputs: [jaxConv(jax, a!, b!)] }) },
    },
    {
      ...shared,
      name: `${name}, to the input`,
      inputs: [image(y), filter],
      ours: (dy, b) => {
        const a = unknown(x);
        return { dx: grad([conv2d(a, b!, undefined, options)], [a], [dy!])[0]! };
      },
      tfjs:
        dilation > 1
          ? dilated
          : {
              settings: depthwise ? undefined : INPUT_GRADIENT_SETTINGS,
              make: (tf, [dy, b]) => {
                const w = tf.reshape(b!, tfFilter);
                return () => [
                  depthwise
                    ? tf
                        .engine()
                        .runKernel(
                          'DepthwiseConv2dNativeBackpropInput',
                          { dy: dy!, filter: w },
                          { ...depthwiseAttributes, inputShape: x },
                        )
                    : tf
                        .engine()
                        .runKernel(
                          'Conv2DBackpropInput',
                          { dy: dy!, filter: w },
                          { ...tfAttributes, dataFormat: 'NHWC', inputShape: x },
                        ),
                ];
              },
            },
      ort: {
        note: 'as ConvTranspose',
        outputs: ['image'],
        make: (graph, [dy, w]) => {
          const output_padding = [height, width].map(
            (n) => n - ((outSize(n) - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1),
          );
          return ends(graph.node('ConvTranspose', [dy!, w!], { ...attributes, output_padding }));
        },
      },
      jax: {
        outputs: ['image'],
        fn: (jax, [dy, b]) => ({
          outputs: jax.grads((a) => jaxConv(jax, a!, b!), [jax.np.zeros(nchw)], dy!),
        }),
      },
    },
    {
      ...shared,
      name: `${name}, to the weight`,
      inputs: [image(x), image(y)],
      // Sums over all pixels: larger than their parts, and rounded more.
      tolerance: 1e-3,
      ours: (a, dy) => {
        const b = unknown(weight);
        return { dw: grad([conv2d(a!, b, undefined, options)], [b], [dy!])[0]! };
      },
      tfjs:
        dilation > 1
          ? dilated
          : {
              make:
                (tf, [a, dy]) =>
                () => [
                  depthwise
                    ? tf
                        .engine()
                        .runKernel(
                          'DepthwiseConv2dNativeBackpropFilter',
                          { x: a!, dy: dy! },
                          { ...depthwiseAttributes, filterShape: tfFilter },
                        )
                    : tf
                        .engine()
                        .runKernel(
                          'Conv2DBackpropFilter',
                          { x: a!, dy: dy! },
                          { ...tfAttributes, dataFormat: 'NHWC', filterShape: tfFilter },
                        ),
                ],
            },
      ort: NO_TRAINING,
      jax: {
        outputs: ['filter'],
        fn: (jax, [a, dy]) => ({
          outputs: jax.grads((b) => jaxConv(jax, a!, b!), [jax.np.zeros(oihw)], dy!),
        }),
      },
    },
  ];
}

const AS_PRODUCT = 'as a matrix product';

/** 2x2, stride 2: how U-Nets go up. */
function transposed(batch: number): Workload[] {
  const x: Shape = [batch, 28, 28, 128];
  const y: Shape = [batch, 56, 56, 64];
  const weight: Shape = [2, 2, 64, 128];
  const name = `conv transposed 2x2 ${sizeText(x)} to 64`;
  const shared = { flops: 2 * numel(x) * 4 * 64, bytes: bytesOf(x, weight, y) };
  const image = (shape: Shape): Input => ({ shape, layout: 'image' });
  const filter: Input = { shape: weight, layout: 'filter', weight: true };
  const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
  const kernel = { strides: [2, 2], pad: 0, dataFormat: 'NHWC', dimRoundingMode: 'floor' };
  return [
    {
      ...shared,
      name: `${name}, forward`,
      inputs: [image(x), filter],
      ours: (a, b) => ({ y: convTranspose2d(a!, b!, undefined, { stride: 2 }) }),
      tfjs: {
        settings: INPUT_GRADIENT_SETTINGS,
        make:
          (tf, [a, b]) =>
          () => [tf.conv2dTranspose(a!, b!, [...y], 2, 'valid')],
      },
      ort: {
        outputs: ['image'],
        make: (graph, inputs) => ends(graph.node('ConvTranspose', inputs, attributes)),
      },
      jax: {
        note: AS_PRODUCT,
        outputs: ['image'],
        fn: (jax, [a, b]) => ({ outputs: [double(jax, a!, b!)] }),
      },
    },
    {
      ...shared,
      name: `${name}, to the input`,
      inputs: [image(y), filter],
      ours: (dy, b) => {
        const a = unknown(x);
        return { dx: grad([convTranspose2d(a, b!, undefined, { stride: 2 })], [a], [dy!])[0]! };
      },
      tfjs: {
        settings: CONV_SETTINGS,
        make:
          (tf, [dy, b]) =>
          () => [tf.conv2d(dy!, b!, 2, 0)],
      },
      ort: {
        note: 'as Conv',
        outputs: ['image'],
        make: (graph, [dy, w]) => ends(graph.node('Conv', [dy!, w!], attributes)),
      },
      jax: {
        note: AS_PRODUCT,
        outputs: ['image'],
        fn: (jax, [dy, b]) => ({
          outputs: jax.grads((a) => double(jax, a!, b!), [jax.np.zeros([batch, 128, 28, 28])], dy!),
        }),
      },
    },
    {
      ...shared,
      name: `${name}, to the weight`,
      inputs: [image(x), image(y)],
      tolerance: 1e-3,
      ours: (a, dy) => {
        const b = unknown(weight);
        return { dw: grad([convTranspose2d(a!, b, undefined, { stride: 2 })], [b], [dy!])[0]! };
      },
      tfjs: {
        make:
          (tf, [a, dy]) =>
          () => [
            tf
              .engine()
              .runKernel('Conv2DBackpropFilter', { x: dy!, dy: a! }, { ...kernel, filterShape: weight }),
          ],
      },
      ort: NO_TRAINING,
      jax: {
        note: AS_PRODUCT,
        outputs: ['filter'],
        fn: (jax, [a, dy]) => ({
          outputs: jax.grads((b) => double(jax, a!, b!), [jax.np.zeros([128, 64, 2, 2])], dy!),
        }),
      },
    },
  ];
}

/** Half as high and wide, down to 7: on an adapter where peers take seconds for one. */
const halved = (conv: Conv): Conv => {
  const [height, width, channels] = conv.size;
  return { ...conv, size: [Math.max(height / 2, 7), Math.max(width / 2, 7), channels] };
};

export const convRows = ({ quick, slow = false }: Sizes): Row[] =>
  (quick ? [1] : [1, 8]).flatMap((batch) =>
    rowsOf(
      ...CONVS.flatMap((conv) => convolution(batch, slow ? halved(conv) : conv)),
      ...transposed(batch),
      ...(quick ? [] : CONVS.slice(0, 4).map((conv) => inHalves(convolution(batch, conv)[0]!))),
    ),
  );
