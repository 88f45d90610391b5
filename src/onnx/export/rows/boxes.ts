import type { Tensor } from '../../../graph/tensor.ts';
import { defaultBoxClip } from '../../../kernels/boxes/boxCoder.ts';
import { boundsOf } from '../bounds.ts';
import type { Call, Outputs } from '../call.ts';
import { float, tensorProto } from '../protos.ts';
import { isFixed } from '../sizes.ts';
import { CHANNELS_FIRST } from '../tensors.ts';
import type { Rows } from './types.ts';

/** Arithmetic on values of the file. */
function arithmetic(call: Call<object>) {
  const { writer } = call;
  const of = (op: string) => (a: string, b: string) => writer.node(op, [a, b]);
  const last = (x: string, start: number, end: number) => call.slice(x, -1, start, end);
  return {
    add: of('Add'),
    sub: of('Sub'),
    mul: of('Mul'),
    div: of('Div'),
    max: of('Max'),
    min: of('Min'),
    first: (boxes: string) => last(boxes, 0, 2),
    second: (boxes: string) => last(boxes, 2, 4),
    product: (sides: string) => of('Mul')(last(sides, 0, 1), last(sides, 1, 2)),
  };
}

/** Areas of intersection, union and hull of all pairs of boxes: [...,N,M,1] each. */
function pairs(call: Call<object>) {
  const { sub, add, max, min, first, second, product } = arithmetic(call);
  const [a, b] = [call.unsqueeze(call.name('a'), [-2]), call.unsqueeze(call.name('b'), [-3])];
  const zero = call.number(0);
  const area = (boxes: string) => product(sub(second(boxes), first(boxes)));
  const within = (low: string, high: string) => product(max(sub(high, low), zero));
  const shared = within(max(first(a), first(b)), min(second(a), second(b)));
  return {
    shared,
    union: sub(add(area(a), area(b)), shared),
    hull: within(min(first(a), first(b)), max(second(a), second(b))),
  };
}

/** a / b, and 0 where b is 0. */
function ratio(call: Call<object>, a: string, b: string): string {
  const { writer } = call;
  const none = writer.node('Equal', [b, call.number(0)]);
  return writer.node('Where', [none, call.number(0), writer.node('Div', [a, b])]);
}

/** Without the last dimension, of size 1. */
const squeezed = (call: Call<object>, x: string): string => call.emit('Squeeze', [x, call.writer.ints([-1])]);

/** Below any score: that of what takes no part. */
const LOWEST = -3.4028234663852886e38;

/** All labels that there may be, [1,C,1]: as far as the graph tells, else from the least to the greatest that there is. */
function classesOf(call: Call<object>, labels: Tensor): string {
  const { writer } = call;
  const bounds = boundsOf(labels);
  if (bounds) {
    const [low, high] = bounds;
    const all = Array.from({ length: high - low + 1 }, (_, i) => low + i);
    return call.numbers(all, 'i32', [1, all.length, 1]);
  }
  const flat = writer.reshape(call.name('labels'), [-1]);
  // The least or greatest of all as a scalar, by TopK, which has the same form in every opset.
  const end = (largest: number) => {
    const [value] = writer.many('TopK', [flat, writer.ints([1])], { largest }, 2);
    return writer.node('Squeeze', [value!, writer.ints([0])]);
  };
  const one = call.number(1, 'i32');
  const range = writer.node('Range', [end(0), writer.node('Add', [end(1), one]), one]);
  return writer.reshape(range, [1, -1, 1]);
}

/**
 * Non-maximum suppression with a padded result. ONNX's gives a list of (image, class, box) whose length follows from the data:
 * the boxes on it are marked, and the best of the marked ones taken.
 */
function nms(call: Call<{ readonly iouThreshold: number; readonly scoreThreshold?: number }>): Outputs {
  const { iouThreshold, scoreThreshold = LOWEST } = call.attrs;
  const { writer } = call;
  const { labels } = call.node.inputs;
  const size = call.output('indices').shape[1]!;
  const most = Math.min(size, call.input('scores').shape[1]!);
  const scores = call.name('scores');
  const lowest = call.number(LOWEST);
  let perClass = call.unsqueeze(scores, [1]);
  if (labels) {
    const classes = classesOf(call, labels);
    const own = writer.node('Equal', [call.unsqueeze(call.name('labels'), [1]), classes]);
    perClass = writer.node('Where', [own, perClass, lowest]);
  }
  const kept = call.emit('NonMaxSuppression', [
    call.name('boxes'),
    perClass,
    writer.ints([most]),
    call.numbers([iouThreshold]),
    call.numbers([Math.max(scoreThreshold, LOWEST)]),
  ]);
  const places = writer.node('Gather', [kept, writer.ints([0, 2])], { axis: 1 });
  const filled = (shape: string, value: number) =>
    writer.node('ConstantOfShape', [shape], { value: tensorProto('', 'float', [1], Float32Array.of(value)) });
  const length = call.slice(writer.node('Shape', [kept]), 0, 0, 1);
  const marks = writer.node('ScatterND', [
    filled(writer.node('Shape', [scores]), 0),
    places,
    filled(length, 1),
  ]);
  const marked = writer.node('Where', [call.cast(marks, 'bool'), scores, lowest]);
  const [values, order] = writer.many('TopK', [marked, writer.ints([most])], { axis: -1 }, 2);
  const there = writer.node('Greater', [values!, lowest]);
  const none = call.number(-1, 'i32');
  const found = writer.node('Where', [there, call.cast(order!, 'int32'), none]);
  const indices =
    size === most ? found : writer.node('Pad', [found, writer.ints([0, 0, 0, size - most]), none]);
  const count = writer.node('ReduceSum', [call.cast(there, 'int32'), writer.ints([1])], { keepdims: 0 });
  return { indices, count };
}

/** Pools regions; those whose image is none of the images give zeros. */
function pooled(call: Call<object>, write: (x: string, boxes: string, image: string) => string): Outputs {
  const { writer } = call;
  const rois = call.name('rois');
  const image = call.slice(rois, 1, 0, 1);
  const zero = call.number(0);
  const [N = 1] = call.sizes('x');
  const images = isFixed(N) ? call.number(N) : call.cast(call.tensors.shape([N]), 'float');
  const there = writer.node('And', [
    writer.node('GreaterOrEqual', [image, zero]),
    writer.node('Less', [image, images]),
  ]);
  const y = write(call.image('x'), call.slice(rois, 1, 1, 5), writer.node('Where', [there, image, zero]));
  const test = call.unsqueeze(there, [2, 3]);
  return { y: { name: writer.node('Where', [test, y, zero]), order: CHANNELS_FIRST } };
}

/** Boxes and regions. */
export const boxes: Rows<
  | 'nms'
  | 'weighted_box_fusion'
  | 'box_iou'
  | 'generalized_box_iou'
  | 'box_encode'
  | 'box_decode'
  | 'match_anchors'
  | 'roi_align'
  | 'roi_pool'
  | 'paste_masks'
  | 'heatmaps_to_keypoints'
  | 'panoptic_merge'
> = {
  nms,
  // They take boxes or segments one after another, which ONNX could do only in a loop.
  weighted_box_fusion: null,
  panoptic_merge: null,
  box_iou(call) {
    const { shared, union } = pairs(call);
    return { y: squeezed(call, ratio(call, shared, union)) };
  },
  generalized_box_iou(call) {
    const { shared, union, hull } = pairs(call);
    const { sub } = arithmetic(call);
    return { y: squeezed(call, sub(ratio(call, shared, union), ratio(call, sub(hull, union), hull))) };
  },
  box_encode(call) {
    const { weights = [1, 1, 1, 1] } = call.attrs;
    const { sub, add, mul, div, first, second } = arithmetic(call);
    const { writer } = call;
    const half = call.number(0.5);
    const [boxesName, anchors] = [call.name('boxes'), call.name('anchors')];
    const shape = (box: string) => {
      const size = sub(second(box), first(box));
      return { size, centre: add(first(box), mul(half, size)) };
    };
    const [box, anchor] = [shape(boxesName), shape(anchors)];
    const shift = div(mul(call.numbers(weights.slice(0, 2)), sub(box.centre, anchor.centre)), anchor.size);
    const scale = mul(call.numbers(weights.slice(2)), writer.node('Log', [div(box.size, anchor.size)]));
    const deltas = writer.node('Concat', [shift, scale], { axis: -1 });
    // A side that is not positive gives 0 for all four.
    const least = (size: string) =>
      writer.node('Min', [call.slice(size, -1, 0, 1), call.slice(size, -1, 1, 2)]);
    const positive = writer.node('Greater', [
      writer.node('Min', [least(box.size), least(anchor.size)]),
      call.number(0),
    ]);
    return { deltas: call.emit('Where', [positive, deltas, call.number(0)]) };
  },
  box_decode(call) {
    const { weights = [1, 1, 1, 1], clip = defaultBoxClip } = call.attrs;
    const { sub, add, mul, div, min, first, second } = arithmetic(call);
    const { writer } = call;
    const [deltas, anchors] = [call.name('deltas'), call.name('anchors')];
    const half = call.number(0.5);
    const weighted = (part: string, by: readonly number[]) =>
      by.every((weight) => weight === 1) ? part : div(part, call.numbers(by));
    const size = sub(second(anchors), first(anchors));
    const shift = weighted(first(deltas), weights.slice(0, 2));
    const scale = weighted(second(deltas), weights.slice(2));
    const centre = add(mul(shift, size), add(first(anchors), mul(half, size)));
    const limited = writer.node('Exp', [min(scale, call.number(clip))]);
    const reach = mul(mul(half, limited), size);
    return { boxes: call.emit('Concat', [sub(centre, reach), add(centre, reach)], { axis: -1 }) };
  },
  // For training alone.
  match_anchors: null,
  roi_align(call) {
    const { outputSize, spatialScale, samplingRatio, aligned } = call.attrs;
    const { writer } = call;
    if (aligned && writer.opset < 16) call.refuse('aligned needs opset 16');
    const attrs = {
      output_height: outputSize[0],
      output_width: outputSize[1],
      sampling_ratio: Math.max(samplingRatio, 0),
      spatial_scale: float(spatialScale),
      ...(writer.opset >= 16
        ? { coordinate_transformation_mode: aligned ? 'half_pixel' : 'output_half_pixel' }
        : {}),
    };
    return pooled(call, (x, regions, image) => {
      const index = call.cast(writer.reshape(image, [-1]), 'int64');
      return call.emit('RoiAlign', [x, regions, index], attrs);
    });
  },
  roi_pool(call) {
    const { outputSize, spatialScale } = call.attrs;
    return pooled(call, (x, regions, image) =>
      call.emit('MaxRoiPool', [x, call.writer.node('Concat', [image, regions], { axis: 1 })], {
        pooled_shape: outputSize,
        spatial_scale: float(spatialScale),
      }),
    );
  },
  // One mask after another, each at its own place of the image.
  paste_masks: null,
  // Each heatmap is resized to a size of its own.
  heatmaps_to_keypoints: null,
};
