import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../src/errors.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { baseOf, type Computer, type Tensor, tensor } from '../../src/graph/tensor.ts';
import { loadOnnx, UnsupportedError } from '../../src/onnx/index.ts';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
} from '../../src/onnx/onnx_pb.ts';
import { initializer, modelBytes, node, port } from './models.ts';

/** Computes by the references. */
const computer: Computer = {
  read: async (...tensors) =>
    evaluate(tensors).map((data) => (data instanceof Float64Array ? Float32Array.from(data) : data)),
};

const graph = (parts: {
  nodes: NodeProto[];
  inputs?: ReturnType<typeof port>[];
  outputs: ReturnType<typeof port>[];
}): GraphProto =>
  create(GraphProtoSchema, {
    name: 'inner',
    node: parts.nodes,
    input: parts.inputs ?? [],
    output: parts.outputs,
  });

/** A node with graphs as attributes. */
function nodeWith(base: NodeProto, graphs: Readonly<Record<string, GraphProto>>): NodeProto {
  for (const [name, g] of Object.entries(graphs)) {
    base.attribute.push(create(AttributeProtoSchema, { name, type: 5, g }));
  }
  return base;
}

const branches = {
  then_branch: graph({ nodes: [node('Neg', ['x'], ['a'])], outputs: [port('a', 'float')] }),
  else_branch: graph({ nodes: [node('Abs', ['x'], ['b'])], outputs: [port('b', 'float')] }),
};

const ifModel = (nodes: readonly NodeProto[]) =>
  loadOnnx(
    modelBytes({
      nodes: [...nodes, nodeWith(node('If', ['condition'], ['y']), branches)],
      inputs: [port('x', 'float', [2])],
      outputs: [port('y', 'float', [2])],
    }),
  );

const x = () => tensor([1, -2]);
const values = (value: Tensor | undefined): number[] => Array.from(evaluate([value!])[0]!);

describe('control flow', () => {
  it('takes the branch of a condition that shapes decide', () => {
    const model = ifModel([node('Size', ['x'], ['size']), node('Cast', ['size'], ['condition'], { to: 9 })]);
    expect(values(model.forward({ x: x() }).y)).toEqual([-1, 2]);
  });

  it('runs in stages where values decide, which forward refuses', async () => {
    const model = ifModel([
      node('ReduceMax', ['x'], ['most'], { keepdims: 0 }),
      node('Cast', ['most'], ['condition'], { to: 9 }),
    ]);
    const big = tensor(new Float32Array(2 ** 17).fill(1), [2 ** 17]);
    const wide = loadOnnx(
      modelBytes({
        nodes: [
          node('ReduceMax', ['x'], ['most'], { keepdims: 0 }),
          node('Cast', ['most'], ['condition'], { to: 9 }),
          nodeWith(node('If', ['condition'], ['y']), branches),
        ],
        inputs: [port('x', 'float', ['N'])],
        outputs: [port('y', 'float')],
      }),
    );
    expect(() => wide.forward({ x: big })).toThrow(
      /If "y": the shape of its result depends on values.*use run\(\)/,
    );
    const { y } = await wide.run(computer, { x: big });
    expect(values(y)[7]).toBe(-1);
    expect(values((await model.run(computer, { x: tensor([0, -3]) })).y)).toEqual([0, 3]);
  });

  it('unrolls a loop, with what it carries and what it collects', () => {
    const body = graph({
      nodes: [
        node('Add', ['sum', 'x'], ['next']),
        node('Identity', ['next'], ['row']),
        node('Identity', ['goesOn'], ['stays']),
      ],
      inputs: [port('i', 'int64', []), port('goesOn', 'bool', []), port('sum', 'float')],
      outputs: [port('stays', 'bool'), port('next', 'float'), port('row', 'float')],
    });
    const model = loadOnnx(
      modelBytes({
        nodes: [nodeWith(node('Loop', ['trips', '', 'x'], ['y', 'rows']), { body })],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2]), port('rows', 'float', [3, 2])],
        initializers: [initializer('trips', { type: 'int64', shape: [], data: [3] })],
      }),
    );
    const { y, rows } = model.forward({ x: x() });
    expect(values(y)).toEqual([4, -8]);
    expect(values(rows)).toEqual([2, -4, 3, -6, 4, -8]);
  });

  it('leaves to the GPU what a loop computes of values around it, though its own inputs are known', () => {
    const body = graph({
      nodes: [node('Add', ['sum', 'x'], ['next']), node('Identity', ['on'], ['stays'])],
      inputs: [port('i', 'int64', []), port('on', 'bool', []), port('sum', 'float')],
      outputs: [port('stays', 'bool'), port('next', 'float')],
    });
    const model = loadOnnx(
      modelBytes({
        nodes: [nodeWith(node('Loop', ['trips', '', 'zeros'], ['y']), { body })],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
        initializers: [
          initializer('trips', { type: 'int64', shape: [], data: [2] }),
          initializer('zeros', { type: 'float', shape: [2], data: [0, 0] }),
        ],
      }),
      { trained: () => false },
    );
    const { y } = model.forward({ x: x() });
    expect(baseOf(y!).origin.kind).toBe('op');
    expect(values(y)).toEqual([2, -4]);
  });

  it('refuses loops in loops that would record without end', () => {
    const ports = (i: string, sum: string) => [
      port(i, 'int64', []),
      port('on', 'bool', []),
      port(sum, 'float'),
    ];
    const again = node('Identity', ['on'], ['stays']);
    const inner = graph({
      nodes: [node('Neg', ['part'], ['less']), again],
      inputs: ports('j', 'part'),
      outputs: [port('stays', 'bool'), port('less', 'float')],
    });
    const outer = graph({
      nodes: [nodeWith(node('Loop', ['trips', '', 'sum'], ['next']), { body: inner }), again],
      inputs: ports('i', 'sum'),
      outputs: [port('stays', 'bool'), port('next', 'float')],
    });
    const model = loadOnnx(
      modelBytes({
        nodes: [nodeWith(node('Loop', ['trips', '', 'x'], ['y']), { body: outer })],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
        initializers: [initializer('trips', { type: 'int64', shape: [], data: [9_999] })],
      }),
    );
    expect(() => model.forward({ x: x() })).toThrow('more than 100000 nodes');
  });
});

describe('shapes that depend on values', () => {
  it('are read back by run(), one stage after the other', async () => {
    // What is above 0, twice: two counts that only values tell.
    const model = loadOnnx(
      modelBytes({
        nodes: [
          node('Greater', ['x', 'zero'], ['above']),
          node('Compress', ['x', 'above'], ['some']),
          node('Sub', ['some', 'one'], ['less']),
          node('NonZero', ['less'], ['places']),
          node('Transpose', ['places'], ['y']),
        ],
        inputs: [port('x', 'float', ['N'])],
        outputs: [port('y', 'int64', ['K', 1])],
        initializers: ['zero', 'one'].map((name, i) =>
          initializer(name, { type: 'float', shape: [], data: [i] }),
        ),
      }),
    );
    const { y } = await model.run(computer, { x: tensor([1, -5, 3, 0, 7]) });
    expect(y!.shape).toEqual([2, 1]);
    expect(values(y)).toEqual([1, 2]);
  });
});

describe('weights', () => {
  const int8 = { type: 'int8', shape: [2, 2], data: [10, -20, 30, 40] } as const;
  const quantised = () =>
    loadOnnx(
      modelBytes({
        nodes: [
          node('DequantizeLinear', ['w8', 'scale', 'zero'], ['w'], { axis: 1 }),
          node('MatMul', ['x', 'w'], ['y']),
        ],
        inputs: [port('x', 'float', [1, 2])],
        outputs: [port('y', 'float', [1, 2])],
        initializers: [
          initializer('w8', int8),
          initializer('scale', { type: 'float', shape: [2], data: [0.5, 0.25] }),
          initializer('zero', { type: 'int8', shape: [2], data: [0, 4] }),
        ],
      }),
    );

  it('are trained, the values of what was a buffer too, unless they are left out', () => {
    const bytes = modelBytes({
      nodes: [node('Add', ['x', 'anchors'], ['moved']), node('Mul', ['moved', 'head.scale'], ['y'])],
      inputs: [port('x', 'float', [2])],
      outputs: [port('y', 'float', [2])],
      initializers: [
        initializer('anchors', { type: 'float', shape: [2], data: [8, 16] }),
        initializer('head.scale', { type: 'float', shape: [1], data: [2] }),
      ],
    });
    const names = (model: ReturnType<typeof loadOnnx>) =>
      Array.from(model.namedParameters(), ([name]) => name);
    expect(names(loadOnnx(bytes))).toEqual(['anchors', 'head.scale']);
    const model = loadOnnx(bytes, { trained: (name) => name.startsWith('head.') });
    expect(names(model)).toEqual(['head.scale']);
    expect([...model.initializers.keys()]).toEqual(['anchors', 'head.scale']);
    expect(values(model.forward({ x: x() }).y)).toEqual([18, 28]);
  });

  it('that are quantised become float parameters, and it is said so', () => {
    const model = quantised();
    expect(model.notes).toEqual(['1 weight was dequantised from int8']);
    expect(Array.from(model.namedParameters(), ([name]) => name)).toEqual(['w']);
    expect(values(model.forward({ x: tensor([1, 1], [1, 2]) }).y)).toEqual([20, 3]);
  });

  it('of Constant nodes are parameters too', () => {
    const model = loadOnnx(
      modelBytes({
        nodes: [node('Constant', [], ['w'], { value_floats: [1, 2] }), node('Mul', ['x', 'w'], ['y'])],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
      }),
    );
    expect(values(model.forward({ x: x() }).y)).toEqual([1, -4]);
  });
});

describe('nodes', () => {
  const of = (...nodes: NodeProto[]) =>
    loadOnnx(modelBytes({ nodes, inputs: [port('x', 'float', [2])], outputs: [port('y', 'float', [2])] }));
  const run = (...nodes: NodeProto[]) => values(of(...nodes).forward({ x: x() }).y);

  it('may come before those that compute what they read, as onnxruntime takes them', () => {
    const chain = [node('Abs', ['x'], ['a']), node('Neg', ['a'], ['b']), node('Exp', ['b'], ['y'])];
    const expected = run(...chain);
    expect(expected).toEqual([Math.exp(-1), Math.exp(-2)]);
    for (const order of [
      [2, 1, 0],
      [1, 2, 0],
      [2, 0, 1],
    ]) {
      expect(run(...order.map((i) => chain[i]!))).toEqual(expected);
    }
    const condition = [node('Size', ['x'], ['size']), node('Cast', ['size'], ['condition'], { to: 9 })];
    const inBranch = {
      then_branch: graph({ nodes: [node('Neg', ['late'], ['a'])], outputs: [port('a', 'float')] }),
      else_branch: branches.else_branch,
    };
    const branching = nodeWith(node('If', ['condition'], ['y']), inBranch);
    expect(run(branching, node('Abs', ['x'], ['late']), ...condition)).toEqual([-1, -2]);
    const deep = Array.from({ length: 20_000 }, (_, i) =>
      node('Neg', [i === 0 ? 'x' : `n${i}`], [i === 19_999 ? 'y' : `n${i + 1}`]),
    );
    expect(() => of(...deep.reverse())).not.toThrow();
  });

  it('that wait for each other, or compute one name twice, are of a damaged file', () => {
    expect(() =>
      of(node('Neg', ['b'], ['a']), node('Add', ['a', 'x'], ['b']), node('Neg', ['b'], ['y'])),
    ).toThrow('waits for its own output');
    expect(() => of(node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y']))).toThrow('both compute "y"');
  });

  it('of functions are put in the place of calls, which may call others', () => {
    const own = 'local';
    const call = (op: string, inputs: string[], outputs: string[], attributes = {}) => {
      const made = node(op, inputs, outputs, attributes);
      made.domain = own;
      return made;
    };
    const leaky = node('LeakyRelu', ['v'], ['w']);
    leaky.attribute.push(create(AttributeProtoSchema, { name: 'alpha', type: 1, refAttrName: 'alpha' }));
    const opsetImport = [{ domain: '', version: 17n }];
    const functions = [
      {
        domain: own,
        name: 'Slope',
        input: ['v'],
        output: ['w'],
        attribute: ['alpha'],
        node: [leaky],
        opsetImport,
      },
      {
        domain: own,
        name: 'Twice',
        input: ['v'],
        output: ['w'],
        node: [call('Slope', ['v'], ['inner'], { alpha: 0.5 }), node('Add', ['inner', 'inner'], ['w'])],
        opsetImport,
      },
    ];
    const model = loadOnnx(
      modelBytes({
        nodes: [call('Twice', ['x'], ['a']), call('Twice', ['a'], ['y'])],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
        functions: functions.map((one) => create(FunctionProtoSchema, one)),
      }),
    );
    expect(values(model.forward({ x: x() }).y)).toEqual([4, -2]);
  });
});

describe('what is refused', () => {
  it('is listed before anything runs, with the names of the nodes', () => {
    const bytes = modelBytes({
      nodes: [node('LSTM', ['x'], ['a']), node('Frobnicate', ['a'], ['b']), node('LSTM', ['b'], ['y'])],
      inputs: [port('x', 'float', [2])],
      outputs: [port('y', 'float', [2])],
    });
    expect(() => loadOnnx(bytes)).toThrow(UnsupportedError);
    expect(() => loadOnnx(bytes)).toThrow('operations that are not supported: LSTM (a, y); Frobnicate (b)');
  });

  it('names the opset', () => {
    const one = (op: string, opset: number) =>
      modelBytes({
        nodes: [node(op, ['x'], ['y'])],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
        opset,
      });
    expect(() => loadOnnx(one('Relu', 22))).toThrow(
      'the model uses opset 22; versions up to 21 are supported',
    );
    expect(() => loadOnnx(one('Reshape', 1))).toThrow('Reshape before opset 5 (y)');
  });

  it('is what is no tensor, with what the model takes', async () => {
    const model = loadOnnx(
      modelBytes({
        nodes: [node('Add', ['x0', 'x1'], ['y'])],
        inputs: [port('x0', 'float', ['N', 2]), port('x1', 'float', [1, 2])],
        outputs: [port('y', 'float', ['N', 2])],
      }),
    );
    const wanted = 'give { x0: Tensor [N,2] f32, x1: Tensor [1,2] f32 }';
    const forward = (inputs: unknown) => () => model.forward(inputs as never);
    expect(forward(null)).toThrow(ShapeError);
    expect(forward(null)).toThrow(`forward: takes its inputs by name, got null; ${wanted}`);
    expect(forward(x())).toThrow(`forward: takes its inputs by name, got Tensor [2] f32`);
    expect(forward(x())).toThrow(wanted);
    expect(forward({ x0: x() })).toThrow('forward: takes tensors named ["x0","x1"], got ["x0"]');
    expect(forward({ x0: 3, x1: x() })).toThrow('forward: x0 is 3; give a Tensor [N,2] f32');
    const run = model.run(computer, null as never);
    await expect(run).rejects.toThrow(`run: takes its inputs by name, got null; ${wanted}`);
    await expect(model.run({} as never, {})).rejects.toThrow('run: computer.read is undefined');
    expect(() => loadOnnx(new Uint8Array(), { trained: 'head' as never })).toThrow(
      'loadOnnx: trained is "head"; give a function',
    );
    expect(() => loadOnnx(new Uint8Array(), { externalData: 3 as never })).toThrow(
      'loadOnnx: externalData is 3; give an object',
    );
  });

  it('is a damaged file where a node’s input is computed by nothing', () => {
    const model = loadOnnx(
      modelBytes({
        nodes: [node('Relu', ['nothing'], ['y'])],
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
      }),
    );
    expect(() => model.forward({ x: x() })).toThrow(DataError);
  });
});
