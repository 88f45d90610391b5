import { grad } from '../../../src/graph/backward.ts';
import { nms, roiAlign } from '../../../src/graph/functions/boxes.ts';
import { sort, topk } from '../../../src/graph/functions/reduce.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import {
  bytesOf,
  type Input,
  type Row,
  rowsOf,
  type Sizes,
  sizeText,
  unknown,
  type Workload,
} from '../workload.ts';

const NO_TRAINING = 'onnxruntime has no training';
const NO_ROI_ALIGN = 'tfjs has no RoIAlign';

/** Regions of 16 to 128 pixels of a 50x68 map at stride 16, as a detector's proposals are. */
function rois(random: () => number, [count]: Shape): Float32Array {
  const values = new Float32Array(count! * 5);
  for (let i = 0; i < count!; i++) {
    const [w, h] = [16 + random() * 112, 16 + random() * 112];
    const [x, y] = [random() * (1088 - w), random() * (800 - h)];
    values.set([0, x, y, x + w, y + h], 5 * i);
  }
  return values;
}

function roiAligns(): Workload[] {
  const x: Shape = [1, 50, 68, 256];
  const y: Shape = [512, 7, 7, 256];
  const boxes: Input = { shape: [512, 5], values: rois };
  const options = { outputSize: 7, spatialScale: 1 / 16, samplingRatio: 2, aligned: true };
  const name = `roi_align 512 of ${sizeText(x)} to 7x7`;
  return [
    {
      name: `${name}, forward`,
      inputs: [{ shape: x, layout: 'image' }, boxes],
      // Four samples a bin, four multiply-adds each.
      flops: 32 * numel(y),
      bytes: bytesOf(x, y),
      ours: (a, regions) => ({ y: roiAlign(a!, regions!, options) }),
      tfjs: NO_ROI_ALIGN,
      ort: {
        outputs: ['image'],
        make: (graph, [a, regions]) => {
          const part = (from: number, to: number) =>
            graph.node('Slice', [
              regions!,
              graph.constant([from]),
              graph.constant([to]),
              graph.constant([1]),
            ]);
          const batch = graph.node('Cast', [graph.node('Squeeze', [part(0, 1), graph.constant([1])])], {
            to: 7,
          });
          return [
            graph.node('RoiAlign', [a!, part(1, 5), batch], {
              output_height: 7,
              output_width: 7,
              sampling_ratio: 2,
              spatial_scale: { float: 1 / 16 },
              coordinate_transformation_mode: 'half_pixel',
            }),
          ];
        },
      },
      jax: 'jax-js has no RoIAlign',
    },
    {
      name: `${name}, backward`,
      inputs: [{ shape: y }, boxes],
      flops: 32 * numel(y),
      bytes: bytesOf(x, y),
      ours: (dy, regions) => {
        const a = unknown(x);
        return { dx: grad([roiAlign(a, regions!, options)], [a], [dy!])[0]! };
      },
      tfjs: NO_ROI_ALIGN,
      ort: NO_TRAINING,
      jax: 'jax-js has no RoIAlign',
    },
  ];
}

/** About fifteen boxes around each object, as a detector sees it. */
function clustered(random: () => number, [count]: Shape): Float32Array {
  const objects = Array.from({ length: Math.ceil(count! / 15) }, () => [
    random() * 4000,
    random() * 4000,
    20 + random() * 100,
    20 + random() * 100,
  ]);
  const values = new Float32Array(count! * 4);
  for (let i = 0; i < count!; i++) {
    const [x, y, w, h] = objects[Math.floor(random() * objects.length)] as [number, number, number, number];
    const near = (size: number) => (random() - 0.5) * 0.3 * size;
    const [x1, y1] = [x + near(w), y + near(h)];
    values.set([x1, y1, x1 + w * (0.9 + 0.2 * random()), y1 + h * (0.9 + 0.2 * random())], 4 * i);
  }
  return values;
}

/** Distinct scores, in no order: ties would be anybody's choice. */
function scores(random: () => number, [count]: Shape): Float32Array {
  const values = Float32Array.from({ length: count! }, (_, i) => (i + 1) / (count! + 1));
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

const boxesNms = (count: number): Workload => ({
  name: `nms of ${count} boxes`,
  inputs: [
    { shape: [count, 4], values: clustered },
    { shape: [count], values: scores },
  ],
  flops: 0,
  bytes: bytesOf([count, 5], [count]),
  ours: (boxes, score) => {
    const { indices, count: kept } = nms(boxes!, score!, { iouThreshold: 0.5 });
    return { indices, kept };
  },
  tfjs: {
    onCpu: true,
    make:
      (tf, [boxes, score]) =>
      async () => [
        await tf.image.nonMaxSuppressionAsync(boxes!, score!, count, 0.5, Number.NEGATIVE_INFINITY),
      ],
  },
  ort: {
    make: (graph, [boxes, score]) => {
      const one = (value: string, axes: number[]) => graph.node('Unsqueeze', [value, graph.constant(axes)]);
      const limit = (value: number) => graph.constant(Float32Array.of(value));
      const chosen = graph.node('NonMaxSuppression', [
        one(boxes!, [0]),
        one(score!, [0, 1]),
        graph.constant([count]),
        limit(0.5),
      ]);
      // (image, class, box): the last column, as floats to be read back.
      return [
        graph.node('Cast', [graph.node('Gather', [chosen, graph.constant([2])], { axis: 1 })], { to: 1 }),
      ];
    },
  },
  jax: 'jax-js has no NMS',
  comparable: ([indices, kept], [theirs]) => [[indices!.slice(0, kept![0])], [theirs!]],
});

/** As many values as there are are a sort; the largest first. */
function best(count: number, k: number): Workload {
  const whole = k === count;
  return {
    name: whole ? `sort of ${count}` : `topk ${k} of ${count}`,
    inputs: [{ shape: [count], values: scores }],
    flops: 0,
    bytes: bytesOf([count], [2 * k]),
    ours: (x) => {
      const { values, indices } = whole ? sort(x!, { descending: true }) : topk(x!, k);
      return { values, indices };
    },
    tfjs: {
      note: whole ? 'as topk of all: tfjs has no sort' : undefined,
      make:
        (tf, [x]) =>
        () => {
          const { values, indices } = tf.topk(x!, k);
          return [values, indices];
        },
    },
    ort: {
      note: whole ? 'as TopK of all' : undefined,
      make: (graph, [x]) => graph.node('TopK', [x!, graph.constant([k])], {}, 2).slice(0, 1),
    },
    jax: {
      note: whole ? 'as argsort, taken from the end' : undefined,
      fn: ({ np, lax }, [x]) => {
        if (!whole) return { outputs: lax.topK(x!, k) };
        const order = np.flip(np.argsort(x!));
        return { outputs: [np.take(x!, order), order] };
      },
    },
  };
}

export const detectionRows = ({ quick }: Sizes): Row[] =>
  rowsOf(
    ...roiAligns(),
    ...(quick ? [1000, 10_000] : [1000, 10_000, 100_000]).map(boxesNms),
    best(120_000, 1000),
    quick ? best(131_072, 131_072) : best(1_000_000, 1_000_000),
  );
