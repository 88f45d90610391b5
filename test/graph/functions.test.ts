import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as f from '../../src/graph/index.ts';
import { grad } from '../../src/graph/index.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import type { DType } from '../../src/shape.ts';

// Functions that are made of other operations, on the references alone (kernels are checked elsewhere), against values
// of PyTorch and OpenCV that test/fixtures/functions.py wrote.

interface HostTensor {
  readonly shape: number[];
  readonly data: number[];
  readonly dtype?: DType;
}
interface FunctionCase {
  readonly name: string;
  readonly inputs: Record<string, HostTensor>;
  readonly outputs: HostTensor[];
  readonly grads: Record<string, number[]>;
}

type Inputs = Record<string, Tensor>;
const pairs = ({ values, indices }: f.Ordered) => [values, indices];
const HW: [[number, number], [number, number]] = [
  [0, 0],
  [0, 0],
];

/** By the part of a case's name before the first dash; `variant` is the rest. */
const functions: Record<string, (inputs: Inputs, variant: string) => Tensor | Tensor[]> = {
  elu: ({ x }) => f.elu(x!, 1.5),
  relu6: ({ x }) => f.relu6(x!),
  hardtanh: ({ x }) => f.hardtanh(x!),
  mish: ({ x }) => f.mish(x!),
  logSigmoid: ({ x }) => f.logSigmoid(x!),
  prelu: ({ x, w }) => f.prelu(x!, w!),
  pad: ({ x }, variant) => f.pad(x!, [...HW, [1, 2], [3, 2]], { mode: variant as f.PadMode }),
  slice: ({ x }) => f.slice(x!, [[null, null, -2], [1]]),
  stack: ({ a, b }) => f.stack([a!, b!], -1),
  split: ({ x }, variant) => f.split(x!, variant === 'size' ? 2 : [1, 4], 1),
  chunk: ({ x }) => f.chunk(x!, 3),
  pixelUnshuffle: ({ x }) => f.pixelUnshuffle(x!, 2),
  gatherRows: ({ x, index }) => f.gatherRows(x!, index!),
  attention: ({ q, k, v, mask }, variant) =>
    f.scaledDotProductAttention(q!, k!, v!, {
      ...(mask ? { mask } : {}),
      ...(variant === 'added' ? { scale: 0.7 } : {}),
      isCausal: variant === 'causal',
    }),
  variance: ({ x }, variant) => {
    const options = { keepdim: { dim: 1, keepdim: true }, biased: { dim: [0, 2], correction: 0 } };
    return f.variance(x!, options[variant as keyof typeof options]);
  },
  std: ({ x }) => f.std(x!, { dim: -1 }),
  logsumexp: ({ x }, variant) =>
    f.logsumexp(x!, variant === 'keepdim' ? { dim: 1, keepdim: true } : { dim: [0, 2] }),
  amin: ({ x }) => f.amin(x!, { dim: 1 }),
  argmin: ({ x }, variant) => f.argmin(x!, { dim: variant === 'dim' ? 1 : undefined }),
  argmax: ({ x }, variant) =>
    variant === 'keepdim' ? f.argmax(x!, { dim: 0, keepdim: true }) : f.argmax(x!),
  topk: ({ x }) => pairs(f.topk(x!, 2, { dim: 1 })),
  sort: ({ x }) => pairs(f.sort(x!, { dim: 0, descending: true })),
  matmul: ({ a, b }) => f.matmul(a!, b!),
  instanceNorm: ({ x }) => f.instanceNorm(x!),
  groupNorm: ({ x }) => f.groupNorm(x!, 3),
  layerNorm: ({ x, w, b }) => f.layerNorm(x!, w!.shape, { weight: w!, bias: b! }),
  conv2d: ({ x, w }, variant) => {
    const [padding, dilation] = variant.split('-');
    return f.conv2d(x!, w!, undefined, {
      padding: padding as 'same' | 'valid',
      dilation: Number(dilation),
    });
  },
  interpolate: ({ x }, variant) => {
    const [mode, h, w, again] = variant.split('-');
    return f.interpolate(x!, {
      mode: mode as 'nearest' | 'bilinear' | 'bicubic',
      scaleFactor: [Number(h), Number(w)],
      recomputeScaleFactor: again === 'True',
    });
  },
  interpolateAntialias: ({ x }, variant) => {
    const [h, w] = variant.split('-').map(Number) as [number, number];
    return f.interpolate(x!, { size: [h, w], mode: 'bilinear', antialias: true });
  },
  avgPool2d: ({ x }) =>
    f.avgPool2d(x!, [3, 2], { stride: 2, padding: 1, ceilMode: true, divisorOverride: 5 }),
  gaussianPyramid: ({ x }) => f.gaussianPyramid(x!, 3),
  laplacianPyramid: ({ x }) => f.laplacianPyramid(x!, 3),
  laplacianReconstruct: ({ x }) => f.laplacianReconstruct(f.laplacianPyramid(x!, 3)),
};

const cases: FunctionCase[] = JSON.parse(
  readFileSync(new URL('../fixtures/functions.json', import.meta.url), 'utf8'),
);

/** OpenCV computes in f32, and the file has nine digits. */
function expectClose(label: string, got: ArrayLike<number>, want: readonly number[]): void {
  expect(got.length, label).toBe(want.length);
  want.forEach((value, i) => {
    expect(Math.abs(got[i]! - value), `${label}[${i}]`).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(value)));
  });
}

describe('functions made of others return what PyTorch and OpenCV do', () => {
  it.each(cases.map((row) => [row.name, row] as const))('%s', (name, row) => {
    const inputs = Object.fromEntries(
      Object.entries(row.inputs).map(([key, { shape, data, dtype = 'f32' }]) => {
        const host = dtype === 'i32' ? Int32Array.from(data) : Float64Array.from(data);
        return [key, new Tensor({ shape, dtype }, { kind: 'constant', data: host }, key in row.grads)];
      }),
    );
    const [fn, ...variant] = name.split('-');
    const outputs = [functions[fn!]!(inputs, variant.join('-'))].flat();
    expect(outputs.map(({ shape }) => [...shape])).toEqual(row.outputs.map(({ shape }) => shape));
    const got = f.evaluate(outputs);
    row.outputs.forEach(({ data }, i) => {
      expectClose(`output ${i}`, got[i]!, data);
    });
    const wanted = Object.keys(row.grads);
    if (wanted.length === 0) return;
    // The gradient of half the sum of squares arrives as the output itself.
    const roots = outputs.flatMap((output, i) => (output.requiresGrad ? [[output, got[i]!] as const] : []));
    const gradients = grad(
      roots.map(([output]) => output),
      wanted.map((key) => inputs[key]!),
      roots.map(([output, values]) => tensor(Float64Array.from(values), output.shape)),
    );
    wanted.forEach((key, i) => {
      expectClose(`d ${key}`, f.evaluate([gradients[i]!])[0]!, row.grads[key]!);
    });
  });
});

describe('what does not fit is refused, with both values and the way out', () => {
  const image = tensor(new Float32Array(24), [1, 3, 4, 2]);
  const weight = tensor(new Float32Array(16), [2, 2, 2, 2]);
  const row = tensor([1, 2, 3]);
  it.each([
    [
      () => f.conv2d(image, weight, undefined, { padding: 'same', stride: 2 }),
      "padding 'same' is for stride 1",
    ],
    [() => f.interpolate(image, {}), 'give size or scaleFactor'],
    [() => f.interpolate(image, { size: 2, scaleFactor: 2 }), 'exclude each other'],
    [() => f.interpolate(image, { size: 2, scaleFactor: 0 }), 'exclude each other'],
    [() => f.interpolate(image, { scaleFactor: 0.1 }), 'size must be'],
    [() => f.pad(row, [[3, 0]], { mode: 'reflect' }), 'from 0 to 2 for reflect and size 3'],
    [() => f.pad(row, [[0, -1]], { mode: 'circular' }), 'from 0 to 3 for circular and size 3'],
    [() => f.slice(row, [[0, 3, 0]]), 'step 0'],
    [() => f.stack([row, tensor([1, 2])]), '[3] and [2] differ'],
    [() => f.split(row, [1, 1]), 'do not add up to 3'],
    [() => f.split(row, 0), 'size 0'],
    [() => f.chunk(row, 0), '0 chunks'],
    [() => f.flatten(image, 2, 1), 'startDim 2 is after endDim 1'],
    [() => f.pixelUnshuffle(image, 2), '[1,3,4,2] must be'],
    [() => f.pyrUp(image, [5, 6]), 'not 5 by 6'],
    [() => f.gaussianPyramid(image, -1), 'got -1'],
    [() => f.laplacianReconstruct([]), 'no levels'],
    [() => f.layerNorm(image, 3), 'must end in normalizedShape [3]'],
    [() => f.prelu(image, row), 'must be [1] or [2]'],
    [() => f.hardtanh(row, 1, 1), 'must be below'],
    [() => f.scaledDotProductAttention(weight, row, row), '[…,L,E]'],
    [() => f.scaledDotProductAttention(weight, weight, weight, { mask: row, isCausal: true }), 'of its own'],
    [() => f.matmul(tensor([1], []), row), 'matmul'],
  ])('%s', (fn, message) => {
    expect(fn).toThrow(message);
  });
});
