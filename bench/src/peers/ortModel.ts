import { toOrt } from '../layout.ts';
import { type OrtWay, type Values, valuesOf, type Workload } from '../workload.ts';
import { OnnxGraph, type OnnxProto } from './onnx.ts';

export interface OrtTensor {
  readonly location: 'cpu' | 'gpu-buffer';
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
  dispose(): void;
}

export type Tensors = Record<string, OrtTensor>;

export interface Session {
  run(feeds: Tensors, fetches?: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Ort {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: Values, dims: readonly number[]) => OrtTensor;
}

/** Nodes that are spatial, so that the layout inside of onnxruntime matters. */
const SPATIAL = /Conv|Pool|Resize|InstanceNormalization/;

/** A row's model, the values of its inputs, and the names of its outputs. What is no f32 is part of the model. */
export function modelOf(onnx: OnnxProto, workload: Workload, way: OrtWay) {
  const graph = new OnnxGraph();
  const inputs: { name: string; data: Float32Array; dims: number[] }[] = [];
  const names = valuesOf(workload.inputs).map((values, i) => {
    const { shape, layout = 'plain', weight = false } = workload.inputs[i]!;
    const { data, dims } = toOrt(values, shape, layout);
    if (!(data instanceof Float32Array) || weight) {
      return graph.constant(data instanceof Float32Array ? data : [...data], dims);
    }
    inputs.push({ name: `input${i}`, data, dims });
    return graph.input(`input${i}`, dims);
  });
  const outputs = way.make(graph, names);
  return { model: graph.build(onnx, outputs), inputs, outputs, spatial: graph.has(SPATIAL) };
}

/** The values of a tensor that is not on the GPU. */
export const valuesIn = ({ data }: OrtTensor): Values =>
  data instanceof BigInt64Array ? Int32Array.from(data, Number) : data;
