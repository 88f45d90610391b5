/** Small, valid ONNX models with what single nodes have not: graphs in graphs, functions, files beside the model, quantised weights. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx/onnx_pb.ts';
import { initializer, modelBytes, node, port } from '../onnx/models.ts';

/** What the file beside the model `external` holds. */
export const EXTERNAL: Readonly<Record<string, Uint8Array>> = {
  w: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer),
};

const graph = (
  nodes: NodeProto[],
  output: ReturnType<typeof port>[],
  input: ReturnType<typeof port>[] = [],
  weights: TensorProto[] = [],
): GraphProto =>
  create(GraphProtoSchema, { name: 'inner', node: nodes, input, output, initializer: weights });

/** A node with graphs as attributes. */
function withGraphs(base: NodeProto, graphs: Readonly<Record<string, GraphProto>>): NodeProto {
  for (const [name, g] of Object.entries(graphs)) {
    base.attribute.push(create(AttributeProtoSchema, { name, type: 5, g }));
  }
  return base;
}

function constant(name: string, value: TensorProto): NodeProto {
  const made = node('Constant', [], [name]);
  made.attribute.push(create(AttributeProtoSchema, { name: 'value', type: 4, t: value }));
  return made;
}

const float = (name: string, shape: readonly number[], ...data: number[]): TensorProto =>
  initializer(name, { type: 'float', shape, data });
const int64 = (name: string, shape: readonly number[], ...data: number[]): TensorProto =>
  initializer(name, { type: 'int64', shape, data });
const int8 = (name: string, shape: readonly number[], ...data: number[]): TensorProto =>
  initializer(name, { type: 'int8', shape, data });

const x = () => port('x', 'float', [2]);
const y = () => port('y', 'float', [2]);
/** A condition that the shape of x decides. */
const condition = () => [node('Size', ['x'], ['size']), node('Cast', ['size'], ['condition'], { to: 9 })];
const choice = (output: string, op: string, other: string): NodeProto =>
  withGraphs(node('If', ['condition'], [output]), {
    then_branch: graph([node(op, ['x'], ['a'])], [port('a', 'float')]),
    else_branch: graph([node(other, ['x'], ['b'])], [port('b', 'float')]),
  });

const loopBody = (inner: readonly NodeProto[]): GraphProto =>
  graph(
    [...inner, node('Identity', ['goesOn'], ['stays']), node('Identity', ['next'], ['row'])],
    [port('stays', 'bool'), port('next', 'float'), port('row', 'float')],
    [port('i', 'int64', []), port('goesOn', 'bool', []), port('sum', 'float')],
    [float('step', [2], 1, 2)],
  );

/** A call of a function of the model. */
function call(op: string, inputs: string[], outputs: string[], attributes = {}): NodeProto {
  const made = node(op, inputs, outputs, attributes);
  made.domain = 'local';
  return made;
}

function functions() {
  const leaky = node('LeakyRelu', ['v'], ['w']);
  leaky.attribute.push(create(AttributeProtoSchema, { name: 'alpha', type: 1, refAttrName: 'alpha' }));
  const common = {
    domain: 'local',
    input: ['v'],
    output: ['w'],
    opsetImport: [{ domain: '', version: 17n }],
  };
  const twice = [call('Slope', ['v'], ['inner'], { alpha: 0.5 }), node('Add', ['inner', 'inner'], ['w'])];
  return [
    create(FunctionProtoSchema, { ...common, name: 'Slope', attribute: ['alpha'], node: [leaky] }),
    create(FunctionProtoSchema, { ...common, name: 'Twice', node: twice }),
  ];
}

function external(): TensorProto {
  const weight = float('w', [2, 2]);
  weight.dataLocation = 1;
  const entries = { location: 'w', offset: '0', length: '16' };
  weight.externalData = Object.entries(entries).map(([key, value]) => ({
    $typeName: 'onnx.StringStringEntryProto',
    key,
    value,
  }));
  return weight;
}

/** The models by what is in them. All take x [2], or [1, 2], and give y. */
export function graphSeeds(): Readonly<Record<string, Uint8Array>> {
  const row = () => port('x', 'float', [1, 2]);
  const image = () => port('x', 'float', [1, 2, 'H', 'W']);
  return {
    if: modelBytes({ nodes: [...condition(), choice('y', 'Neg', 'Abs')], inputs: [x()], outputs: [y()] }),
    nested: modelBytes({
      nodes: [
        ...condition(),
        withGraphs(node('If', ['condition'], ['y']), {
          then_branch: graph([choice('c', 'Neg', 'Abs')], [port('c', 'float')]),
          else_branch: graph([node('Exp', ['x'], ['d'])], [port('d', 'float')]),
        }),
      ],
      inputs: [x()],
      outputs: [y()],
    }),
    loop: modelBytes({
      nodes: [
        withGraphs(node('Loop', ['trips', '', 'x'], ['y', 'rows']), {
          body: loopBody([node('Add', ['sum', 'step'], ['next'])]),
        }),
      ],
      inputs: [x()],
      outputs: [y(), port('rows', 'float', [3, 2])],
      initializers: [int64('trips', [], 3)],
    }),
    loops: modelBytes({
      nodes: [
        withGraphs(node('Loop', ['trips', '', 'x'], ['y', 'rows']), {
          body: loopBody([
            withGraphs(node('Loop', ['trips', 'goesOn', 'sum'], ['next']), {
              body: graph(
                [node('Mul', ['part', 'part'], ['product']), node('Less', ['j', 'trips'], ['less'])],
                [port('less', 'bool'), port('product', 'float')],
                [port('j', 'int64', []), port('on', 'bool', []), port('part', 'float')],
              ),
            }),
          ]),
        }),
      ],
      inputs: [x()],
      outputs: [y(), port('rows', 'float', [3, 2])],
      initializers: [int64('trips', [], 3)],
    }),
    functions: modelBytes({
      nodes: [call('Twice', ['x'], ['a']), call('Twice', ['a'], ['y'])],
      inputs: [x()],
      outputs: [y()],
      functions: functions(),
    }),
    external: modelBytes({
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      inputs: [row()],
      outputs: [y()],
      initializers: [external()],
    }),
    quantised: modelBytes({
      nodes: [
        node('DequantizeLinear', ['w8', 'scale', 'zero'], ['w'], { axis: 1 }),
        node('MatMul', ['x', 'w'], ['a']),
        constant('limit', float('limit', [], 4)),
        node('Min', ['a', 'limit'], ['y']),
      ],
      inputs: [row()],
      outputs: [y()],
      initializers: [
        int8('w8', [2, 2], 10, -20, 30, 40),
        float('scale', [2], 0.5, 0.25),
        int8('zero', [2], 0, 4),
      ],
    }),
    constants: modelBytes({
      nodes: [
        constant('w', float('w', [2, 1, 1, 1], 1, 2)),
        node('Conv', ['x', 'w'], ['a'], { kernel_shape: [1, 1], group: 2 }),
        node('Shape', ['x'], ['shape']),
        constant('two', int64('two', [1], 2)),
        node('Constant', [], ['three'], { value_ints: [3] }),
        node('Slice', ['shape', 'two', 'three'], ['height']),
        node('Concat', ['three', 'height', 'height'], ['sizes'], { axis: 0 }),
        node('Slice', ['shape', 'zero', 'two'], ['front']),
        node('Mul', ['height', 'two'], ['twice']),
        node('Concat', ['front', 'twice', 'twice'], ['size'], { axis: 0 }),
        node('Resize', ['a', '', '', 'size'], ['b'], { mode: 'nearest' }),
        node('Expand', ['one', 'sizes'], ['ones']),
        node('ReduceSum', ['ones'], ['total'], { keepdims: 0 }),
        node('Mul', ['b', 'total'], ['c']),
        node('ConstantOfShape', ['sizes'], ['zeros']),
        node('Tile', ['one', 'three'], ['tiles']),
        node('Range', ['from', 'until', 'from1'], ['range']),
        node('Reshape', ['c', 'flat'], ['y']),
      ],
      inputs: [image()],
      outputs: [port('y', 'float'), port('zeros', 'float'), port('tiles', 'float'), port('range', 'int64')],
      initializers: [
        int64('zero', [1], 0),
        float('one', [1], 1),
        int64('flat', [2], 2, -1),
        int64('from', [], 0),
        int64('until', [], 5),
        int64('from1', [], 1),
      ],
    }),
  };
}
