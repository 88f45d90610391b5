import { evaluate } from '../../../src/graph/evaluate.ts';
import { boxEncode, matchAnchors } from '../../../src/graph/functions/boxes.ts';
import { add } from '../../../src/graph/functions/elementwise.ts';
import { gatherRows, oneHot } from '../../../src/graph/functions/shape.ts';
import { tensor } from '../../../src/graph/tensor.ts';
import { SMALL_RESNET } from '../../../src/models/resnet.ts';
import { RetinaNet } from '../../../src/models/retinanet.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import { countNet } from '../networks/count.ts';
import { MEAN, STD } from '../networks/layers.ts';
import { retinanet } from '../networks/nets.ts';
import { OnnxLayers } from '../networks/onnxLayers.ts';
import { TfjsLayers } from '../networks/tfjsLayers.ts';
import type { JaxArray } from '../peers/jaxTypes.ts';
import type { OnnxGraph } from '../peers/onnx.ts';
import type { Tf, TfTensor } from '../peers/tfTypes.ts';
import { type Row, type Sizes, type Values, valuesOf, type Workload } from '../workload.ts';
import { focalOfJax, focalOfTfjs } from './losses.ts';
import {
  GRADIENT_TOLERANCE,
  inferenceBytes,
  jaxTraining,
  tfjsTraining,
  trainingBytes,
  trainingStep,
  weightsOf,
} from './training.ts';

const CLASSES = 20;
const BOXES = 8;
const CANDIDATES = 1000;
const DETECTIONS = 100;
const IOU = 0.5;
const LARGEST = Math.log(1000 / 16);

/** ResNet-18 with a feature pyramid. */
const SHAPE = {
  backbone: { ...SMALL_RESNET, width: 64, depth: [2, 2, 2, 2] },
  pyramidWidth: 128,
  headDepth: 2,
  numClasses: CLASSES,
} as const;

function make(): RetinaNet {
  const normalization = { mean: MEAN, std: STD };
  const module = new RetinaNet({ ...SHAPE, extraLevels: 'p6p7', normalization, seed: 0 });
  // A new network scores all anchors alike; spread, the order of the best does not hang on the last digit.
  const { classification_head, regression_head } = module.head;
  for (const out of [classification_head.cls_logits, regression_head.bbox_reg]) {
    const { initial } = out.weight.state;
    initial.forEach((value, i) => {
      initial[i] = value * 20;
    });
  }
  return module;
}

/** Scores of each level: anchors times classes. */
const scoresOf = (module: RetinaNet, size: number): number[] =>
  module.strides.map((stride) => 9 * CLASSES * Math.ceil(size / stride) ** 2);

/** The anchors of each level. */
function anchorsOf(module: RetinaNet, size: number, scores: readonly number[]): Float32Array[] {
  const all = Float32Array.from(evaluate([module.anchors([size, size])])[0]!);
  let at = 0;
  return scores.map((count) => {
    const start = at;
    at += (4 * count) / CLASSES;
    return all.slice(start, at);
  });
}

/** What a network of `retinanet(SHAPE, false)` gives, level by level, with the anchors and the number of candidates of each. */
function levelsOf<T>(outputs: readonly T[], anchors: readonly T[], counts: readonly number[]) {
  const levels = anchors.length;
  return anchors.map((table, i) => ({
    logits: outputs[i]!,
    deltas: outputs[levels + i]!,
    anchors: table,
    candidates: Math.min(CANDIDATES, counts[i]!),
  }));
}

type LevelOf<T> = ReturnType<typeof levelsOf<T>>[number];

/** Boxes of one level's best anchors, moved apart by class so that only boxes of one class meet. */
function tfjsBest(tf: Tf, { logits, deltas, anchors, candidates }: LevelOf<TfTensor>, size: number) {
  const best = tf.topk(tf.reshape(tf.sigmoid(logits), [-1]), candidates);
  const anchor = tf.floorDiv(best.indices, CLASSES);
  const label = tf.cast(tf.sub(best.indices, tf.mul(anchor, CLASSES)), 'float32');
  const columns = (rows: TfTensor) => tf.split(rows, 4, 1) as [TfTensor, TfTensor, TfTensor, TfTensor];
  const [x1, y1, x2, y2] = columns(tf.gather(anchors, anchor));
  const [dx, dy, dw, dh] = columns(tf.gather(tf.reshape(deltas, [-1, 4]), anchor));
  const [w, h] = [tf.sub(x2, x1), tf.sub(y2, y1)];
  const cx = tf.add(tf.add(x1, tf.mul(w, 0.5)), tf.mul(dx, w));
  const cy = tf.add(tf.add(y1, tf.mul(h, 0.5)), tf.mul(dy, h));
  const halfW = tf.mul(tf.mul(w, 0.5), tf.exp(tf.minimum(dw, LARGEST)));
  const halfH = tf.mul(tf.mul(h, 0.5), tf.exp(tf.minimum(dh, LARGEST)));
  const inside = (value: TfTensor) => tf.minimum(tf.maximum(value, 0), size);
  const corners = [tf.sub(cy, halfH), tf.sub(cx, halfW), tf.add(cy, halfH), tf.add(cx, halfW)].map(inside);
  const boxes = tf.add(tf.concat(corners, 1), tf.mul(tf.reshape(label, [-1, 1]), 2 * size));
  return { scores: best.values, boxes };
}

function tfjsDetect(tf: Tf, levels: readonly LevelOf<TfTensor>[], size: number) {
  const best = levels.map((level) => tfjsBest(tf, level, size));
  const all = (name: 'scores' | 'boxes') =>
    tf.concat(
      best.map((level) => level[name]),
      0,
    );
  return { scores: all('scores'), boxes: all('boxes') };
}

/** The scores of one level's best anchors, and their boxes, moved apart by class. */
function onnxBest(
  graph: OnnxGraph,
  { logits, deltas, anchors, candidates }: LevelOf<string>,
  size: number,
): [scores: string, boxes: string] {
  const op = (name: string, ...inputs: string[]) => graph.node(name, inputs);
  const flat = (value: string, shape: number[]) => op('Reshape', value, graph.constant(shape));
  const number = (value: number) => graph.scalar(value);
  const scores = flat(op('Sigmoid', logits), [-1]);
  const [best, index] = graph.node('TopK', [scores, graph.constant([candidates])], {}, 2) as [string, string];
  const anchor = op('Div', index, graph.constant([CLASSES]));
  const label = graph.node('Cast', [op('Sub', index, op('Mul', anchor, graph.constant([CLASSES])))], {
    to: 1,
  });
  const columns = (rows: string) =>
    graph.node('Split', [rows], { axis: 1 }, 4) as [string, string, string, string];
  const [x1, y1, x2, y2] = columns(op('Gather', anchors, anchor));
  const [dx, dy, dw, dh] = columns(op('Gather', flat(deltas, [-1, 4]), anchor));
  const [w, h] = [op('Sub', x2, x1), op('Sub', y2, y1)];
  const half = (value: string) => op('Mul', value, number(0.5));
  const centre = (from: string, side: string, d: string) =>
    op('Add', op('Add', from, half(side)), op('Mul', d, side));
  const [cx, cy] = [centre(x1, w, dx), centre(y1, h, dy)];
  const reach = (side: string, d: string) => op('Mul', half(side), op('Exp', op('Min', d, number(LARGEST))));
  const [rx, ry] = [reach(w, dw), reach(h, dh)];
  const corners = [op('Sub', cy, ry), op('Sub', cx, rx), op('Add', cy, ry), op('Add', cx, rx)].map((corner) =>
    op('Clip', corner, number(0), number(size)),
  );
  const apart = op('Mul', flat(label, [-1, 1]), number(2 * size));
  return [best, op('Add', graph.node('Concat', corners, { axis: 1 }), apart)];
}

function onnxDetect(graph: OnnxGraph, levels: readonly LevelOf<string>[], size: number): string {
  const op = (name: string, ...inputs: string[]) => graph.node(name, inputs);
  const flat = (value: string, shape: number[]) => op('Reshape', value, graph.constant(shape));
  const limit = (value: number) => graph.constant(Float32Array.of(value));
  const best = levels.map((level) => onnxBest(graph, level, size));
  const all = (i: 0 | 1) =>
    graph.node(
      'Concat',
      best.map((level) => level[i]),
      { axis: 0 },
    );
  const [scores, boxes] = [all(0), all(1)];
  const total = levels.reduce((sum, { candidates }) => sum + candidates, 0);
  const chosen = op(
    'NonMaxSuppression',
    flat(boxes, [1, total, 4]),
    flat(scores, [1, 1, total]),
    graph.constant([DETECTIONS]),
    limit(IOU),
  );
  const kept = flat(graph.node('Gather', [chosen, graph.constant([2])], { axis: 1 }), [-1]);
  return op('Gather', scores, kept);
}

function detection(size: number): Row {
  const shape: Shape = [1, size, size, 3];
  const name = `RetinaNet ${size}, inference with NMS, batch 1`;
  return {
    name,
    make: (): Workload => {
      const module = make();
      const net = retinanet(SHAPE, false);
      const weights = weightsOf(module);
      const counts = scoresOf(module, size);
      const anchors = anchorsOf(module, size, counts);
      const options = {
        scoreThreshold: 0,
        iouThreshold: IOU,
        maxDetections: DETECTIONS,
        candidates: CANDIDATES,
      };
      module.eval();
      return {
        name,
        inputs: [{ shape, layout: 'image' }],
        flops: countNet(net, shape).flops,
        bytes: inferenceBytes(net, shape),
        tolerance: 1e-3,
        ours: (images) => {
          const { scores, count } = module.detect(images!, options);
          return { scores, count };
        },
        tfjs: {
          note: 'NMS on the CPU',
          make: (tf, [images]) => {
            const layers = new TfjsLayers(tf, weights, false);
            const tables = anchors.map((values) => tf.tensor(values, [values.length / 4, 4]));
            return async () => {
              const levels = levelsOf(net(layers, images!), tables, counts);
              const { scores, boxes } = tfjsDetect(tf, levels, size);
              const kept = await tf.image.nonMaxSuppressionAsync(boxes, scores, DETECTIONS, IOU, 0);
              return [tf.gather(scores, kept)];
            };
          },
        },
        ort: {
          mixed: true,
          make: (graph, [images]) => {
            const tables = anchors.map((values) => graph.constant(values, [values.length / 4, 4]));
            const outputs = net(new OnnxLayers(graph, weights), images!);
            return [onnxDetect(graph, levelsOf(outputs, tables, counts), size)];
          },
        },
        jax: 'jax-js has no NMS',
        comparable: ([scores, count], [theirs]) => [[scores!.slice(0, count![0])], [theirs!]],
      };
    },
  };
}

/** Objects of 20 to 100 pixels in each image. */
function objects(random: () => number, shape: Shape, size: number): Float32Array {
  const values = new Float32Array(numel(shape));
  for (let i = 0; i < values.length; i += 4) {
    const [w, h] = [20 + random() * 0.3 * size, 20 + random() * 0.3 * size];
    const [x, y] = [random() * (size - w), random() * (size - h)];
    values.set([x, y, x + w, y + h], i);
  }
  return values;
}

/** What the anchors are to learn, by the references on the CPU: [N,A,K], [N,A,4], and whether each counts, [N,A,1]. */
function targetsOf(module: RetinaNet, size: number, boxes: Values, labels: Values, batch: number) {
  const anchors = module.anchors([size, size]);
  const A = anchors.shape[0]!;
  const given = tensor(boxes, [batch, BOXES, 4]);
  const count = tensor(new Int32Array(batch).fill(BOXES), [batch]);
  const matches = matchAnchors(anchors, given, count);
  const label = gatherRows(add(tensor(labels, [batch, BOXES]), 1), matches, 1);
  const goal = boxEncode(gatherRows(given, matches, 1), anchors);
  const [match, target, delta] = evaluate([matches, oneHot(add(label, -1), CLASSES), goal]);
  return {
    A,
    target: Float32Array.from(target!),
    delta: Float32Array.from(delta!, (value) => (Number.isFinite(value) ? value : 0)),
    counted: Float32Array.from(match!, (value) => Number(value > -2)),
    matched: Float32Array.from(match!, (value) => Number(value >= 0)),
  };
}

function training(size: number, batch: number): Row {
  const shape: Shape = [batch, size, size, 3];
  const name = `RetinaNet ${size}, training step, batch ${batch}`;
  const inputs = [
    { shape, layout: 'image' as const },
    { shape: [batch, BOXES, 4], values: (random: () => number, all: Shape) => objects(random, all, size) },
    {
      shape: [batch, BOXES],
      values: (random: () => number) =>
        Int32Array.from({ length: batch * BOXES }, () => Math.floor(random() * CLASSES)),
    },
    { shape: [batch], values: () => new Int32Array(batch).fill(BOXES) },
  ];
  return {
    name,
    make: (): Workload => {
      const module = make();
      const net = retinanet(SHAPE);
      const way = tfjsTraining(
        module,
        (tf, layers, [images, target, goal, counted, matched, share]) => {
          const [logits, deltas] = net(layers, images!);
          const classification = focalOfTfjs(tf, logits!, target!, counted!);
          const apart = tf.mul(tf.abs(tf.sub(deltas!, goal!)), matched!);
          const each = (loss: TfTensor) => tf.mean(tf.div(tf.sum(loss, [1, 2]), share!));
          return tf.add(each(classification), each(apart));
        },
        (tf, [images, boxes]) => {
          const [, , labels] = valuesOf(inputs);
          const { A, target, delta, counted, matched } = targetsOf(
            module,
            size,
            valuesOf(inputs)[1]!,
            labels!,
            batch,
          );
          tf.dispose(boxes);
          const column = (values: Float32Array) => tf.tensor(values, [batch, A, 1]);
          const share = tf.maximum(tf.sum(column(matched), [1, 2]), 1);
          const goals = [tf.tensor(target, [batch, A, CLASSES]), tf.tensor(delta, [batch, A, 4])];
          return [images!, ...goals, column(counted), column(matched), share];
        },
      );
      const jax = jaxTraining(
        module,
        (jax, layers, [images, , , , target, goal, counted, matched, share]) => {
          const { np } = jax;
          const [logits, deltas] = net(layers, images!);
          const classification = focalOfJax(jax, logits!, target!, counted!);
          const apart = np.multiply(np.absolute(np.subtract(deltas!, goal!)), matched!);
          const each = (loss: JaxArray) => np.mean(np.divide(np.sum(loss, [1, 2]), share!));
          return np.add(each(classification), each(apart));
        },
        ([, boxes, labels]) => {
          const { A, target, delta, counted, matched } = targetsOf(module, size, boxes!, labels!, batch);
          const shares = Float32Array.from({ length: batch }, (_, i) =>
            Math.max(
              1,
              matched.slice(i * A, (i + 1) * A).reduce((sum, value) => sum + value, 0),
            ),
          );
          return [
            { data: target, shape: [batch, A, CLASSES] },
            { data: delta, shape: [batch, A, 4] },
            { data: counted, shape: [batch, A, 1] },
            { data: matched, shape: [batch, A, 1] },
            { data: shares, shape: [batch] },
          ];
        },
      );
      return {
        name,
        inputs,
        flops: 3 * countNet(net, shape).flops,
        bytes: trainingBytes(net, shape),
        tolerance: GRADIENT_TOLERANCE,
        ...trainingStep(module, (images, boxes, labels, counts) => {
          const { classification, bbox_regression } = module.losses(images!, {
            boxes: boxes!,
            labels: labels!,
            counts: counts!,
          });
          return add(classification, bbox_regression);
        }),
        tfjs: { ...way, note: `${way.note}; with anchors matched beforehand on the CPU` },
        ort: 'onnxruntime has no training',
        jax: { ...jax, note: `${jax.note}; with anchors matched beforehand on the CPU` },
      };
    },
  };
}

export const retinanetRows = ({ quick, slow = false }: Sizes): Row[] => {
  const size = slow ? 64 : quick ? 128 : 256;
  return [detection(size), training(size, quick ? 1 : 4)];
};
