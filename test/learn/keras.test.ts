import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { abs, sub } from '../../src/graph/functions/elementwise.ts';
import { tensor } from '../../src/graph/tensor.ts';
import {
  DataLoader,
  EarlyStopping,
  type KerasBatch,
  type KerasLoss,
  KerasModel,
} from '../../src/learn/index.ts';
import { Softmax } from '../../src/nn/activations.ts';
import { Sequential } from '../../src/nn/containers.ts';
import { Linear } from '../../src/nn/layers.ts';
import { SGD } from '../../src/nn/optimizers/sgd.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { pointItems } from './tinyLearner.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const points = pointItems(40, 'keras');
const x = points.map(({ point }) => [...point]);
const y = points.map(({ label }) => label);
const oneHot = y.map((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0)));

/** Softmax of a linear layer: probabilities of three classes. */
const network = () => new Sequential(new Linear(2, 3, { generator: generator(4) }), new Softmax(-1));
const modelOf = (options: Partial<Parameters<KerasModel['compile']>[0]> = {}) => {
  const model = new KerasModel(gpu, network());
  model.compile({
    optimizer: { name: 'sgd', learningRate: 0.5 },
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    ...options,
  });
  return model;
};

describe('KerasModel', () => {
  it('fits, evaluates and predicts', async () => {
    const model = modelOf();
    const history = await model.fit(x, y, { epochs: 5, batchSize: 8, validationSplit: 0.25 });
    expect(Object.keys(history.history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy', 'lr']);
    expect(history.history.loss!.length).toBe(5);
    expect(history.history.loss!.at(-1)!).toBeLessThan(history.history.loss![0]!);
    // 30 of 40 samples are learned from: batches of 8, 8, 8 and 6.
    expect(history.steps.length).toBe(5 * 4);
    // Validation is of the last quarter.
    const judged = await model.evaluate(x.slice(30), y.slice(30));
    expect(judged.loss).toBeCloseTo(history.history.val_loss!.at(-1)!, 5);
    expect(judged.accuracy).toBeCloseTo(history.history.val_accuracy!.at(-1)!, 6);
    const { data, shape } = await model.predict(x, { batchSize: 16 });
    expect(shape).toEqual([40, 3]);
    const rows = Array.from({ length: 40 }, (_, n) => [...data.subarray(3 * n, 3 * n + 3)]);
    const right = rows.filter((row, n) => row.indexOf(Math.max(...row)) === y[n]).length;
    const all = await model.evaluate(x, y);
    expect(all.accuracy).toBeCloseTo(right / 40, 6);
    const expected = rows.reduce((sum, row, n) => sum - Math.log(row[y[n]!]!), 0) / 40;
    expect(all.loss).toBeCloseTo(expected, 5);
    model.dispose();
  });

  it('goes on where fit is called again, as if it had been called once', async () => {
    const [once, twice] = [modelOf(), modelOf()];
    const { history } = await once.fit(x, y, { epochs: 4, batchSize: 8 });
    const first = await twice.fit(x, y, { epochs: 2, batchSize: 8 });
    const second = await twice.fit(x, y, { epochs: 4, initialEpoch: 2, batchSize: 8 });
    expect([...first.history.loss!, ...second.history.loss!]).toEqual(history.loss);
    expect((await twice.fit(x, y, { epochs: 2, initialEpoch: 2 })).epochs).toEqual([]);
    // A new rate counts from the next call on.
    twice.optimizer.lr = 0.1;
    expect((await twice.fit(x, y)).history.lr).toEqual([0.1]);
    once.dispose();
    twice.dispose();
  });

  it('takes tensors, typed arrays, validation data, loaders and one-hot targets', async () => {
    const [lists, arrays] = [modelOf(), modelOf()];
    const options = { epochs: 2, batchSize: 10, shuffle: false } as const;
    const { history } = await lists.fit(x, y, { ...options, validationData: [x, y] });
    const flat = { data: Float32Array.from(x.flat()), shape: [40, 2] };
    const others = await arrays.fit(flat, Int32Array.from(y), {
      ...options,
      validationData: [tensor(x), tensor(y)],
    });
    expect(others.history).toEqual(history);
    const loaded = modelOf();
    const loader = new DataLoader<number, KerasBatch>(
      y.map((_, n) => n),
      {
        batchSize: 10,
        collate: (rows) => ({
          x: { data: Float32Array.from(rows.flatMap((n) => x[n]!)), shape: [rows.length, 2] },
          y: { data: Int32Array.from(rows, (n) => y[n]!), shape: [rows.length] },
        }),
      },
    );
    const third = await loaded.fit(loader, { epochs: 2, validationData: loader });
    expect(third.history).toEqual(history);
    expect(await loaded.evaluate(loader)).toEqual(await lists.evaluate(x, y, { batchSize: 10 }));
    const dense = modelOf({ loss: 'categoricalCrossentropy' });
    const fourth = await dense.fit(x, oneHot, options);
    fourth.history.loss!.forEach((loss, i) => {
      expect(loss).toBeCloseTo(history.loss![i]!, 5);
    });
    expect(fourth.history.accuracy).toEqual(history.accuracy);
    for (const model of [lists, arrays, loaded, dense]) model.dispose();
  });

  it('weighs samples and classes', async () => {
    const [classes, samples, plain] = [modelOf(), modelOf(), modelOf()];
    const options = { epochs: 2, batchSize: 8 } as const;
    const first = await classes.fit(x, y, { ...options, classWeight: { 1: 3 } });
    const sampleWeight = y.map((label) => (label === 1 ? 3 : 1));
    const second = await samples.fit(x, y, { ...options, sampleWeight });
    expect(first.history).toEqual(second.history);
    expect((await plain.fit(x, y, options)).history.loss).not.toEqual(first.history.loss);
    await expect(samples.fit(x, y, { sampleWeight, classWeight: { 1: 3 } })).rejects.toThrow(
      'KerasModel.fit: has both classWeight and sampleWeight; give one of them',
    );
    // Weighted losses by the number of samples, as in Keras.
    const { loss } = await plain.evaluate(x, y, { sampleWeight: y.map(() => 2) });
    expect(loss).toBeCloseTo(2 * (await plain.evaluate(x, y)).loss!, 5);
    for (const model of [classes, samples, plain]) model.dispose();
  });

  it('has the losses and metrics of Keras', async () => {
    // What keras.losses gives for these, by hand: means over the last dimension, and of those.
    const targets = [
      [0, 1],
      [1, 0],
    ];
    const given = [
      [0.6, 0.4],
      [0.4, 0.6],
    ];
    /** Predicts what it is given. */
    const echo = new Sequential(new Linear(2, 2, { bias: false, generator: generator(1) }));
    echo.loadStateDict(new Map([['0.weight', { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) }]]), {
      layout: 'fovea',
    });
    const lossOf = async (
      loss: KerasLoss,
      of: readonly (readonly number[])[] | readonly number[] = targets,
    ) => {
      const model = new KerasModel(gpu, echo);
      model.compile({ loss, metrics: [], optimizer: () => optimizer });
      const judged = await model.evaluate(given, of as never);
      model.dispose();
      return judged.loss;
    };
    const optimizer = new SGD(echo.parameters());
    expect(await lossOf('mse')).toBeCloseTo(0.36, 6);
    expect(await lossOf('meanAbsoluteError')).toBeCloseTo(0.6, 6);
    expect(await lossOf('huber')).toBeCloseTo(0.18, 6);
    expect(await lossOf({ name: 'huber', delta: 0.5 })).toBeCloseTo(0.5 * 0.6 - 0.125, 6);
    // The first example of keras.losses.binary_crossentropy: 0.916 for both rows.
    expect(await lossOf('binaryCrossentropy')).toBeCloseTo(-Math.log(0.4), 5);
    expect(await lossOf('categoricalCrossentropy')).toBeCloseTo(-Math.log(0.4), 5);
    expect(await lossOf('sparseCategoricalCrossentropy', [1, 0])).toBeCloseTo(-Math.log(0.4), 5);
    const logits = -Math.log(Math.exp(0.4) / (Math.exp(0.4) + Math.exp(0.6)));
    {
      const fromLogits = true;
      const sparse = { name: 'sparseCategoricalCrossentropy', fromLogits } as const;
      expect(await lossOf(sparse, [1, 0])).toBeCloseTo(logits, 5);
      expect(await lossOf({ name: 'categoricalCrossentropy', fromLogits })).toBeCloseTo(logits, 5);
    }
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const binary = -(Math.log(1 - sigmoid(0.6)) + Math.log(sigmoid(0.4))) / 2;
    expect(await lossOf({ name: 'binaryCrossentropy', fromLogits: true })).toBeCloseTo(binary, 5);
    const smooth = { name: 'categoricalCrossentropy', labelSmoothing: 0.2 } as const;
    expect(await lossOf(smooth)).toBeCloseTo(-(0.9 * Math.log(0.4) + 0.1 * Math.log(0.6)), 5);
    expect(await lossOf((wanted, found) => abs(sub(wanted, found)))).toBeCloseTo(0.6, 6);

    const model = new KerasModel(gpu, echo);
    model.compile({
      optimizer: () => optimizer,
      loss: 'mse',
      metrics: [
        'accuracy',
        'binaryAccuracy',
        'mae',
        { name: 'worst', fn: (wanted, found) => abs(sub(wanted, found)), mode: 'max' },
      ],
    });
    const judged = await model.evaluate(given, [
      [1, 0],
      [1, 0],
    ]);
    const rounded = Object.entries(judged).map(([name, value]) => [name, Number(value.toFixed(5))]);
    expect(Object.fromEntries(rounded)).toEqual({
      loss: 0.26,
      accuracy: 0.5,
      binaryAccuracy: 0.5,
      mae: 0.5,
      worst: 0.5,
    });
    model.dispose();
  });

  it('stops early by a metric, whose direction is known', async () => {
    const model = modelOf();
    const history = await model.fit(x, y, {
      epochs: 50,
      batchSize: 8,
      validationSplit: 0.25,
      callbacks: [new EarlyStopping({ monitor: 'val_accuracy', patience: 2 })],
    });
    const { val_accuracy: values } = history.history;
    expect(values!.length).toBeLessThan(50);
    const best = values!.indexOf(Math.max(...values!));
    expect(values!.length).toBe(best + 3);
    model.dispose();
  });

  it('refuses what cannot be used, by name', async () => {
    const model = new KerasModel(gpu, network());
    await expect(model.fit(x, y)).rejects.toThrow(
      'KerasModel: is not compiled; call compile({ optimizer, loss, metrics }) first',
    );
    const refused = (options: object, message: string) => {
      expect(() => model.compile(options as never)).toThrow(UsageError);
      expect(() => model.compile(options as never)).toThrow(message);
    };
    refused({ loss: 'mean' }, 'KerasModel.compile: loss is "mean"; choose categoricalCrossentropy');
    refused({ loss: 'mse', metrics: ['f1'] }, 'KerasModel.compile: metrics is "f1"; choose accuracy');
    refused({ loss: 'mse', metrics: 'mae' }, "metrics are mae; give a list, such as ['accuracy']");
    refused({ loss: 'mse', metrics: ['mae', 'mae'] }, 'two values are called mae');
    refused(
      { loss: 'mse', optimizer: 'nadam' },
      'optimizer is "nadam"; choose sgd, rmsprop, adam, adamw, lion',
    );
    refused({ loss: 'mse', optimizer: { name: 'adam', momentum: 1 } }, 'adam takes no momentum');
    refused({ loss: 'mse', metric: [] }, 'did you mean metrics?');
    model.compile({ loss: 'mse' });
    expect(() => model.compile({ loss: 'mse', optimizer: 'adam' })).toThrow(
      'the model has an optimizer already; leave optimizer out, and set model.optimizer.lr',
    );
    await expect(model.fit(x, y.slice(1))).rejects.toThrow(ShapeError);
    await expect(model.fit(x, y.slice(1))).rejects.toThrow('x has 40 samples, y 39; give as many of both');
    await expect(model.fit(x, y, { epoch: 2 } as never)).rejects.toThrow('did you mean epochs?');
    await expect(model.fit(x, y, { validationSplit: 1 })).rejects.toThrow('validationSplit is 1');
    await expect(model.fit(x, y, { epochs: -1 })).rejects.toThrow('epochs is -1');
    await expect(model.predict(null as never)).rejects.toThrow('KerasModel.predict: x: is null');
    expect(() => new KerasModel(gpu, {} as never)).toThrow('takes a module with forward(x)');
    model.dispose();
  });
});

describe('KerasModel, given what it cannot use', () => {
  it('names the first class number out of range before anything is computed, of arrays and of loaders', async () => {
    const model = modelOf();
    const before = await model.predict(x);
    for (const [bad, shown] of [
      [3, '3'],
      [-1, '-1'],
      [0.5, '0.5'],
      [Number.NaN, 'NaN'],
    ] as const) {
      const wrong = y.map((label, n) => (n === 7 ? bad : label));
      const message = `y of sample 7 is ${shown}, and the model predicts 3 classes; give whole numbers from 0 to 2`;
      await expect(model.fit(x, wrong)).rejects.toThrow(`KerasModel.fit: ${message}`);
      await expect(model.evaluate(x, wrong)).rejects.toThrow(`KerasModel.evaluate: ${message}`);
      await expect(model.fit(x, y, { validationData: [x, wrong] })).rejects.toThrow(message);
    }
    const loader = new DataLoader<number, KerasBatch>([0], {
      collate: () => ({
        x: { data: new Float32Array(4), shape: [2, 2] },
        y: { data: Int32Array.of(0, 9), shape: [2] },
      }),
    });
    await expect(model.fit(loader)).rejects.toThrow('y of sample 1 is 9, and the model predicts 3 classes');
    expect(await model.predict(x)).toEqual(before);
    model.dispose();
  });

  it('names the sample that has a value that is not finite', async () => {
    const model = modelOf();
    const broken = x.map((point, n) => (n === 5 ? [Number.NaN, 0] : point));
    await expect(model.fit(broken, y, { batchSize: 40 })).rejects.toThrow(
      'x of sample 5 has the value NaN: mend that item, or leave it out',
    );
    model.dispose();
  });

  it('refuses a second fit meanwhile, splits without training data, and other data and functions', async () => {
    const model = modelOf();
    const running = model.fit(x, y);
    await expect(model.fit(x, y)).rejects.toThrow('KerasModel.fit: is training already; await that first');
    await running;
    await expect(model.fit(x, y, { validationSplit: 0.999 })).rejects.toThrow(
      'validationSplit is 0.999 of 40 samples, which leaves none to train on; give a smaller share',
    );
    await expect(model.fit(x, y, { validationData: x as never })).rejects.toThrow(
      'validationData is no [x, y] or [x, y, sampleWeight]',
    );
    await expect(model.fit(x, y, { classWeight: { 0: Number.NaN } })).rejects.toThrow(
      'classWeight of class 0 is NaN; give a number of at least 0',
    );
    await expect(model.fit(x, y, { callbacks: [{ onEpochEnds() {} }] as never })).rejects.toThrow(
      /a callback has onEpochEnds, but no hook; .*; did you mean onEpochEnd\?$/,
    );
    model.compile({ loss: (() => 3) as never });
    await expect(model.fit(x, y)).rejects.toThrow('KerasModel: the loss is 3; return a tensor');
    model.dispose();
  });

  it('compiles again: with other metrics, not meanwhile, and not at all where an option is wrong', async () => {
    const model = modelOf();
    const first = await model.evaluate(x, y);
    expect(() => model.compile({ loss: 'mse', metrics: ['f1' as never] })).toThrow(UsageError);
    expect(() => model.compile({ loss: 'mse', optimizer: 'adam' })).toThrow(UsageError);
    // The loss is still the one that takes class numbers.
    await expect(model.evaluate(x, y.with(39, 9))).rejects.toThrow('y of sample 39 is 9');
    for (const run of [() => model.evaluate(x, y), () => model.fit(x, y, { epochs: 2 })]) {
      const running = run();
      expect(() => model.compile({ loss: 'mse' })).toThrow(
        'KerasModel.compile: the model is being trained or evaluated; await that first',
      );
      await running;
    }
    expect(Object.keys(await model.evaluate(x, y))).toEqual(Object.keys(first));
    const { lr } = model.optimizer;
    model.compile({ loss: 'categoricalCrossentropy', metrics: ['mae'] });
    expect(model.optimizer.lr).toBe(lr);
    expect(Object.keys(await model.evaluate(x, oneHot))).toEqual(['loss', 'mae']);
    const { history } = await model.fit(x, oneHot, { validationSplit: 0.5 });
    expect(Object.keys(history)).toEqual(['loss', 'mae', 'val_loss', 'val_mae', 'lr']);
    model.dispose();
  });
});
