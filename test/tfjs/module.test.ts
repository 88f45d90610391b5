import { describe, expect, it } from 'vitest';
import { DataError, FoveaError, ShapeError, UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { loadWeights } from '../../src/io/index.ts';
import { Parameter, Buffer as StateBuffer } from '../../src/nn/module.ts';
import { loadTfjs, type TfjsModule, UnsupportedError } from '../../src/tfjs/index.ts';
import { Random } from '../../src/vision/random.ts';
import { mutateFile } from '../faults/weights.ts';
import { type Case, caseNamed, cases, tensorOf, weightsOf } from './cases.ts';

const sequential = caseNamed('sequential');

/** The model of a case after a change of its JSON. */
const changed = (one: Case, from: string | RegExp, to: string): Promise<TfjsModule> =>
  loadTfjs(JSON.parse(JSON.stringify(one.model).replace(from, to)), weightsOf(one));

describe('a layers model', () => {
  it('is a module with the names of Keras, in evaluation', async () => {
    const model = await loadTfjs(sequential.model, weightsOf(sequential));
    expect(model.format).toBe('layers-model');
    expect(model.training).toBe(false);
    expect(model.inputs).toEqual([{ name: 'conv1_input', dtype: 'f32', shape: [null, 8, 8, 3] }]);
    expect(model.outputs).toEqual(['dense']);
    expect([...model.namedParameters()].map(([name, { state }]) => [name, state.spec.shape])).toEqual([
      ['conv1/kernel', [3, 3, 3, 4]],
      ['conv1/bias', [4]],
      ['bn1/gamma', [4]],
      ['bn1/beta', [4]],
      ['dw/depthwise_kernel', [3, 3, 4, 1]],
      ['dense/kernel', [4, 3]],
      ['dense/bias', [3]],
    ]);
    expect(model.namedStates().map(([name]) => name)).toContain('bn1/moving_variance');
    const table: string[] = [];
    expect(model.summary([1, 8, 8, 3], (text) => table.push(text)).parameters).toBe(model.parameterCount);
  });

  it('takes other weights under the same names', async () => {
    const model = await loadTfjs(sequential.model, weightsOf(sequential));
    const bytes = new TextEncoder().encode(JSON.stringify(sequential.model));
    const report = model.loadStateDict(await loadWeights(bytes, { read: async () => weightsOf(sequential) }));
    expect(report.missing).toEqual([]);
    expect(report.matched).toHaveLength(model.namedStates().length);
  });

  it('heeds trainable: false, and the option trained before it', async () => {
    const frozen = await changed(
      sequential,
      /"name":"conv1","trainable":true/,
      '"name":"conv1","trainable":false',
    );
    const kinds = (model: TfjsModule) => ['conv1/kernel', 'dense/kernel'].map((name) => model[''].get(name));
    expect(kinds(frozen)).toEqual([expect.any(StateBuffer), expect.any(Parameter)]);
    const head = await loadTfjs(sequential.model, weightsOf(sequential), {
      trained: (name) => name.startsWith('dense/'),
    });
    expect([...head.namedParameters()].map(([name]) => name)).toEqual(['dense/kernel', 'dense/bias']);
  });

  it('uses the statistics of the batch, and drops, in training', async () => {
    const model = await loadTfjs(sequential.model, weightsOf(sequential));
    const x = tensorOf(sequential.inputs[0]!);
    const run = () => evaluate([model.forward(x).dense!])[0]!;
    const before = run();
    model.train();
    expect(run()).not.toEqual(before);
    model.eval();
    expect(run()).toEqual(before);
  });

  it('has gradients for all parameters, also of layers that are used twice', async () => {
    for (const one of [sequential, caseNamed('nested and shared')]) {
      const model = await loadTfjs(one.model, weightsOf(one));
      model.train();
      const inputs = Object.fromEntries(model.inputs.map(({ name }, i) => [name, tensorOf(one.inputs[i]!)]));
      const y = model.forward(inputs)[model.outputs[0]!]!;
      backward(crossEntropy(y, tensor(Int32Array.of(0, 1))));
      const without = [...model.namedParameters()].filter(([, { tensor: own }]) => !own.grad);
      expect(without.map(([name]) => name)).toEqual([]);
    }
  });

  it('lists all layers that are missing', async () => {
    const loading = changed(
      sequential,
      /"class_name":"(GlobalAveragePooling2D|ReLU)"/g,
      '"class_name":"My$1"',
    );
    await expect(loading).rejects.toThrow(UnsupportedError);
    await expect(loading).rejects.toThrow(
      'layers that are not supported: MyReLU (relu1); MyGlobalAveragePooling2D (pool)',
    );
  });

  it.each([
    [
      'channels_last',
      'channels_first',
      UnsupportedError,
      'Conv2D "conv1": data_format channels_first is not supported',
    ],
    [
      '"activation":"linear"',
      '"activation":"sofmax"',
      UnsupportedError,
      'Conv2D "conv1": activation "sofmax" is not supported',
    ],
    [
      '"strides":[2,2]',
      '"strides":[0,2]',
      DataError,
      'Conv2D "conv1": strides is not one or two whole numbers above 0',
    ],
    [
      'dense/kernel',
      'other/kernel',
      DataError,
      'Dense "dense": its weight kernel is not among those of the model',
    ],
    ['"class_name":"Sequential"', '"class_name":"Lambda"', DataError, 'its class_name is "Lambda"'],
  ])('refuses %s as %s', async (from, to, kind, message) => {
    const loading = changed(sequential, from, to);
    await expect(loading).rejects.toThrow(kind);
    await expect(loading).rejects.toThrow(message);
  });

  it('names inputs that do not fit, and layers that cannot take what they get', async () => {
    const model = await loadTfjs(sequential.model, weightsOf(sequential));
    expect(() => model.forward({ x: tensor([1]) })).toThrow('takes tensors named ["conv1_input"], got ["x"]');
    expect(() => model.forward(tensor([1]))).toThrow(ShapeError);
    expect(() => model.forward(null as never)).toThrow(
      'forward: takes its inputs by name, got null; give { conv1_input: Tensor [?,',
    );
    expect(() => model.forward({ conv1_input: 3 as never })).toThrow(
      'forward: conv1_input is 3; give a Tensor [?,',
    );
    const other = await changed(sequential, '"poolSize"', '"x"');
    expect(other.forward(tensorOf(sequential.inputs[0]!)).dense!.shape).toEqual([2, 3]);
  });
});

describe('a graph model', () => {
  it('has its constants as parameters and statistics under the names of their nodes', async () => {
    const one = caseNamed('FusedBatchNormV3');
    const model = await loadTfjs(one.model, weightsOf(one));
    expect(model.format).toBe('graph-model');
    expect([...model[''].keys()]).toEqual(['x1', 'x2', 'x3', 'x4']);
    expect([...model.namedParameters()].map(([name]) => name)).toEqual(['x1', 'x2']);
    const y = model.forward({ x0: tensorOf(one.inputs[0]!) }).out0!;
    backward(mean(y));
    expect(model.parameters().every(({ tensor: own }) => own.grad)).toBe(true);
  });

  it('lists all operations that are missing, control flow among them', async () => {
    const one = caseNamed('Mean');
    const loading = changed(one, '"op":"Mean"', '"op":"StatelessIf"');
    await expect(loading).rejects.toThrow('operations that are not supported: StatelessIf (y)');
  });

  it('names the operations of loops, which need themselves', async () => {
    const one = caseNamed('Relu');
    const loading = changed(one, '"op":"Relu","input":["x0"]', '"op":"Merge","input":["x0","y"]');
    await expect(loading).rejects.toThrow('operations that are not supported: Merge (y)');
    await expect(changed(one, '"input":["x0"]', '"input":["y"]')).rejects.toThrow(
      'node "y" is missing, or needs itself',
    );
  });

  it('refuses shapes that depend on what is computed', async () => {
    const one = caseNamed('Reshape');
    const model = await changed(one, /"op":"Const"/, '"op":"Placeholder"');
    const [x, shape] = [tensorOf(one.inputs[0]!), tensor(Int32Array.of(2, 30))];
    // Known values are known also where they come from outside.
    expect(model.forward({ x0: x, x1: shape }).out0!.shape).toEqual([2, 30]);
    expect(() => model.forward({ x0: x, x1: tensor([2]) })).toThrow(ShapeError);
  });
});

it('takes bytes and what reads files, and nothing else', async () => {
  const bytes = new TextEncoder().encode(JSON.stringify(sequential.model));
  const paths: string[] = [];
  await loadTfjs(bytes, (path) => {
    paths.push(path);
    return weightsOf(sequential);
  });
  expect(paths).toEqual(['weights.bin']);
  await expect(loadTfjs(bytes)).rejects.toThrow(UsageError);
  await expect(loadTfjs([], weightsOf(sequential))).rejects.toThrow('has no modelTopology');
});

it('throws typed errors for damaged models', async () => {
  const outcomes = new Map<string, number>();
  const chosen = cases.filter((_, i) => i % 4 === 0);
  const text = (one: Case) => new TextEncoder().encode(JSON.stringify(one.model));
  for (let number = 0; number < 600; number++) {
    const one = chosen[number % chosen.length]!;
    const random = new Random(`tfjs model ${number}`);
    let outcome = 'read';
    try {
      const model = await loadTfjs(
        number % 8 === 0 ? mutateFile(text(one), random) : mutated(one, random),
        weightsOf(one),
      );
      model.forward(Object.fromEntries(model.inputs.map(({ name }, i) => [name, tensorOf(one.inputs[i]!)])));
    } catch (error) {
      if (!(error instanceof FoveaError)) throw new Error(`${one.name} ${number}`, { cause: error });
      expect(error.message).not.toMatch(/[\r\n]/);
      outcome = error.name;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect([...outcomes.keys()].sort()).toEqual(['DataError', 'ShapeError', 'UnsupportedError', 'read']);
});

/** A model with some of its values changed. */
function mutated(one: Case, random: Random): object {
  const values = [null, -1, 0, 1, 3, 1e9, 0.5, '', 'x', '-7', true, [], {}, [1, 2], [[0, 1]], 'Y29udg=='];
  const rate = 2 + random.integer(200);
  return JSON.parse(JSON.stringify(one.model), (key, value: unknown) =>
    key !== '' && random.integer(rate) === 0 ? values[random.integer(values.length)] : value,
  );
}
