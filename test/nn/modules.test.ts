import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { relu } from '../../src/graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { GELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh } from '../../src/nn/activations.ts';
import { ModuleDict, ModuleList, Sequential } from '../../src/nn/containers.ts';
import { Conv2d, Embedding, Linear } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { BatchNorm2d } from '../../src/nn/norms.ts';
import { AdaptiveAvgPool2d, AvgPool2d, Flatten, MaxPool2d, Upsample } from '../../src/nn/pooling.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectClose, expectModule, namesOf, type Variable, variable, variablesOf } from './check.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** erf, by its series. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}
const logistic = (x: number) => 1 / (1 + Math.exp(-x));

describe('activations', () => {
  it.each([
    ['ReLU', new ReLU(), (x: number) => Math.max(x, 0)],
    ['LeakyReLU', new LeakyReLU(), (x: number) => (x > 0 ? x : 0.01 * x)],
    ['LeakyReLU(0.2)', new LeakyReLU(0.2), (x: number) => (x > 0 ? x : 0.2 * x)],
    ['SiLU', new SiLU(), (x: number) => x * logistic(x)],
    ['GELU', new GELU(), (x: number) => (x / 2) * (1 + erf(x / Math.SQRT2))],
    ['Sigmoid', new Sigmoid(), logistic],
    ['Tanh', new Tanh(), Math.tanh],
    ['Identity', new Identity(), (x: number) => x],
  ] as const)('%s and its gradient', async (_name, module, formula) => {
    const x = variable('x', [3, 5]);
    expect(namesOf(module)).toEqual([]);
    await expectModule(gpu, {
      inputs: { x },
      forward: () => module.forward(x.tensor),
      shape: [3, 5],
      wanted: (values) => Array.from(values.x, formula),
    });
  });

  it.each([-1, 1, 0])('Softmax along dimension %i and its gradient', async (dim) => {
    const [rows, columns] = [3, 4];
    const x = variable('x', [rows, columns]);
    await expectModule(gpu, {
      inputs: { x },
      forward: () => (dim === -1 ? new Softmax() : new Softmax(dim)).forward(x.tensor),
      shape: [rows, columns],
      wanted: ({ x: v }) =>
        Array.from(v, (value, i) => {
          const group = Array.from(v).filter((_, k) =>
            dim === 0 ? k % columns === i % columns : Math.floor(k / columns) === Math.floor(i / columns),
          );
          return Math.exp(value) / group.reduce((total, other) => total + Math.exp(other), 0);
        }),
    });
  });
});

describe('pooling and shapes', () => {
  const [H, W, C] = [4, 6, 2];
  const shape = [1, H, W, C];
  const at = (values: ArrayLike<number>, y: number, x: number, c: number) => values[(y * W + x) * C + c]!;
  /** One value per window and channel, by row and column. */
  const windows = (rows: number, columns: number, value: (y: number, x: number, c: number) => number) =>
    Array.from({ length: rows * columns * C }, (_, i) =>
      value(Math.floor(i / C / columns), Math.floor(i / C) % columns, i % C),
    );
  const four = (v: ArrayLike<number>, y: number, x: number, c: number) =>
    [0, 1, 2, 3].map((k) => at(v, 2 * y + (k >> 1), 2 * x + (k & 1), c));

  it.each([
    [
      'MaxPool2d(2)',
      new MaxPool2d(2),
      [1, 2, 3, C],
      (v: ArrayLike<number>) => windows(2, 3, (y, x, c) => Math.max(...four(v, y, x, c))),
    ],
    [
      'MaxPool2d([4, 1], stride 1)',
      new MaxPool2d([4, 1], { stride: 1 }),
      [1, 1, W, C],
      (v: ArrayLike<number>) =>
        windows(1, W, (_, x, c) => Math.max(...[0, 1, 2, 3].map((y) => at(v, y, x, c)))),
    ],
    [
      'AvgPool2d(2)',
      new AvgPool2d(2),
      [1, 2, 3, C],
      (v: ArrayLike<number>) => windows(2, 3, (y, x, c) => four(v, y, x, c).reduce((a, b) => a + b) / 4),
    ],
    [
      'AdaptiveAvgPool2d([2, 1])',
      new AdaptiveAvgPool2d([2, 1]),
      [1, 2, 1, C],
      (v: ArrayLike<number>) =>
        windows(2, 1, (y, _, c) => {
          const cells = Array.from({ length: 2 * W }, (_unused, k) =>
            at(v, 2 * y + Math.floor(k / W), k % W, c),
          );
          return cells.reduce((a, b) => a + b) / cells.length;
        }),
    ],
    [
      'Upsample({ scaleFactor: 2 })',
      new Upsample({ scaleFactor: 2 }),
      [1, 2 * H, 2 * W, C],
      (v: ArrayLike<number>) => windows(2 * H, 2 * W, (y, x, c) => at(v, y >> 1, x >> 1, c)),
    ],
    ['Flatten()', new Flatten(), [1, H * W * C], (v: ArrayLike<number>) => Array.from(v)],
    ['Flatten(0, 1)', new Flatten(0, 1), [H, W, C], (v: ArrayLike<number>) => Array.from(v)],
  ] as const)('%s and its gradient', async (_name, module, wantedShape, wanted) => {
    const x = variable('x', shape);
    await expectModule(gpu, {
      inputs: { x },
      forward: () => module.forward(x.tensor),
      shape: wantedShape,
      wanted: (values) => wanted(values.x),
    });
  });
});

describe('Embedding', () => {
  const indices = Int32Array.of(2, 0, 2, 3, 1, 2);

  it('gives a row per index, and each row the gradients of its places', async () => {
    const [rows, width] = [5, 3];
    const module = new Embedding(rows, width);
    const inputs = variablesOf(module);
    expect(namesOf(module)).toEqual(['weight']);
    await expectModule(gpu, {
      inputs,
      forward: () => module.forward(tensor(indices, [2, 3])),
      shape: [2, 3, width],
      wanted: ({ weight }) =>
        Array.from(indices).flatMap((row) => Array.from(weight!).slice(row * width, (row + 1) * width)),
    });
  });

  it('refuses indices that are not i32, and counts below 1', () => {
    expect(() => new Embedding(5, 3).forward(tensor([0, 1]))).toThrow(ShapeError);
    expect(() => new Embedding(0, 3)).toThrow(
      'Embedding: numEmbeddings is 0; give a whole number of at least 1',
    );
  });
});

describe('Sequential', () => {
  const layers = () =>
    new Sequential(
      new Conv2d(3, 4, 3, { padding: 1 }),
      new BatchNorm2d(4),
      relu,
      new Sequential(new MaxPool2d(2), new Flatten()),
      new Linear(16, 2, { pixels: 4 }),
    );

  it('names its layers by index, functions counting, as PyTorch’s does', () => {
    expect(namesOf(layers())).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '4.weight',
      '4.bias',
    ]);
  });

  it('applies them in order', async () => {
    const x = variable('x', [3, 4]);
    const module = new Sequential(new Linear(4, 5), new Tanh(), new Linear(5, 2));
    const inputs: Record<string, Variable> = { ...variablesOf(module), x };
    await expectModule(gpu, {
      inputs,
      forward: () => module.forward(x.tensor),
      shape: [3, 2],
      wanted: (v) => {
        const dense = (rows: number[][], weight: ArrayLike<number>, bias: ArrayLike<number>) =>
          rows.map((row) =>
            Array.from(bias, (b, o) =>
              row.reduce((total, value, i) => total + value * weight[i * bias.length + o]!, b),
            ),
          );
        const rows = [0, 1, 2].map((n) => Array.from(v.x!).slice(n * 4, n * 4 + 4));
        const hidden = dense(rows, v['0.weight']!, v['0.bias']!).map((row) => row.map(Math.tanh));
        return dense(hidden, v['2.weight']!, v['2.bias']!).flat();
      },
    });
  });

  it('is a list: length, iteration, append, layers by index', () => {
    const module = layers();
    expect(module.length).toBe(5);
    expect([...module][2]).toBe(relu);
    expect(module[0]).toBeInstanceOf(Conv2d);
    module.append(new Linear(2, 1));
    expect(module.length).toBe(6);
    expect(namesOf(module).at(-1)).toBe('5.bias');
    const replaced = new Sequential(new ReLU());
    replaced[0] = new Linear(2, 3);
    expect(namesOf(replaced)).toEqual(['0.weight', '0.bias']);
  });

  it('without layers gives its input, and passes train and eval on', () => {
    const x = tensor([1, 2]);
    expect(new Sequential().forward(x)).toBe(x);
    const module = layers().eval();
    expect([...module.modules()].every(({ training }) => !training)).toBe(true);
  });

  it('loads and gives back PyTorch’s state dict of the same layers', async () => {
    const [first, second] = [layers(), layers()];
    const dict = await first.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    expect(dict.get('0.weight')!.shape).toEqual([4, 3, 3, 3]);
    expect(dict.get('4.weight')!.shape).toEqual([2, 16]);
    second.loadStateDict(dict, { source: 'test', layout: 'pytorch' });
    expect(await second.stateDict(async ({ initial }) => initial, { layout: 'pytorch' })).toEqual(dict);
  });
});

describe('ModuleList and ModuleDict', () => {
  class Net extends Module {
    blocks = new ModuleList([new Linear(2, 2, { bias: false }), new Linear(2, 2, { bias: false })]);
    heads = new ModuleDict({ boxes: new Linear(2, 4), classes: new Linear(2, 3, { bias: false }) });

    forward(x: Tensor): Tensor {
      let y = x;
      for (const block of this.blocks) y = block.forward(y);
      return this.heads.get('boxes').forward(y);
    }
  }

  it('name their modules by index and by name', () => {
    expect(namesOf(new Net())).toEqual([
      'blocks.0.weight',
      'blocks.1.weight',
      'heads.boxes.weight',
      'heads.boxes.bias',
      'heads.classes.weight',
    ]);
  });

  it('hold what a network applies', async () => {
    const net = new Net();
    const given = variablesOf(net);
    const [y] = await gpu.read(net.forward(tensor([1, -2], [1, 2])));
    const product = (x: number[], weight: Float32Array) =>
      Array.from(
        { length: weight.length / 2 },
        (_, o) => x[0]! * weight[o]! + x[1]! * weight[weight.length / 2 + o]!,
      );
    const weight = (name: string) => given[name]!.data;
    const hidden = product(product([1, -2], weight('blocks.0.weight')), weight('blocks.1.weight'));
    const want = product(hidden, weight('heads.boxes.weight')).map(
      (v, o) => v + weight('heads.boxes.bias')[o]!,
    );
    expectClose('y', y!, want);
  });

  it('list what they hold', () => {
    const { blocks, heads } = new Net();
    expect(blocks.length).toBe(2);
    blocks.append(new Linear(2, 2, { bias: false }));
    expect(namesOf(blocks)).toEqual(['0.weight', '1.weight', '2.weight']);
    expect(heads.keys()).toEqual(['boxes', 'classes']);
    expect(heads.has('boxes')).toBe(true);
    expect(heads.has('masks')).toBe(false);
    expect(heads.entries().map(([, module]) => module)).toEqual([heads.get('boxes'), heads.get('classes')]);
  });

  it('refuse names that a state dict or the class cannot have', () => {
    for (const name of ['', 'a.b', 'training', 'get', 'forward.x']) {
      expect(() => new ModuleDict({ [name]: new ReLU() }), name).toThrow(UsageError);
    }
  });
});
