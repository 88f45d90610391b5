import { DataError, ShapeError } from '../../errors.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { quote } from '../../io/fileTensor.ts';
import { expectNothingMissing } from '../../onnx/unsupported.ts';
import type { Network, TfjsPort } from '../module.ts';
import { distinct, named, sorted } from '../order.ts';
import type { Weights } from '../weights.ts';
import { layers as known } from './index.ts';
import { Layer } from './layer.ts';
import { inputShapeOf, type LayerSpec, type ModelSpec, parseLayers, type TensorRef } from './topology.ts';

/** Records a layer or a model: the tensors it gives for those it takes. */
type Run = (inputs: readonly Tensor[], training: boolean) => readonly Tensor[];

/** One application of a layer. */
interface Step {
  readonly key: string;
  readonly inputs: readonly TensorRef[];
  readonly run: Run;
}

const keyOf = ({ layer, node }: Pick<TensorRef, 'layer' | 'node'>): string => `${node} ${layer}`;

/** Throws UnsupportedError that lists all layers that are missing here, of a model and the models in it. */
function expectLayers(model: ModelSpec): void {
  const found = new Map<string, string[]>();
  const search = ({ layers }: ModelSpec): void => {
    for (const { name, className, model: inner } of layers.values()) {
      if (inner) search(inner);
      else if (className !== 'InputLayer' && !Object.hasOwn(known, className)) {
        found.set(className, [...(found.get(className) ?? []), name]);
      }
    }
  };
  search(model);
  expectNothingMissing(found, 'layers');
}

function buildLayer({ className, config, model }: LayerSpec, weights: Weights): Run {
  if (model) return buildModel({ ...model, layers: inherited(model, config.trainable) }, weights);
  const layer = new Layer(className, config, weights);
  const run = known[className]!(layer);
  return (inputs, training) => {
    if (inputs.length === 0) layer.damaged('takes no tensor');
    return [named(layer.label, () => run(inputs, training))];
  };
}

/** A model that is not trained trains none of its layers. */
function inherited({ layers }: ModelSpec, trainable: unknown): ReadonlyMap<string, LayerSpec> {
  if (trainable !== false) return layers;
  return new Map(
    [...layers].map(([name, layer]) => [name, { ...layer, config: { ...layer.config, trainable } }]),
  );
}

function buildModel({ layers, inputs, outputs }: ModelSpec, weights: Weights): Run {
  const steps = new Map<string, Step>();
  for (const spec of layers.values()) {
    if (spec.className === 'InputLayer') continue;
    const run = buildLayer(spec, weights);
    spec.nodes.forEach((refs, node) => {
      const key = keyOf({ layer: spec.name, node });
      steps.set(key, { key, inputs: refs, run });
    });
  }
  const given = inputs.map(keyOf);
  const order = sorted(
    outputs.map(keyOf),
    (key) => (given.includes(key) ? [] : steps.get(key)?.inputs.map(keyOf)),
    (key) => damagedTensor(key.slice(key.indexOf(' ') + 1)),
  );
  return (tensors, training) => {
    const values = new Map<string, readonly Tensor[]>();
    given.forEach((key, i) => {
      const tensor = tensors[i];
      if (tensor) values.set(key, [tensor]);
    });
    if (tensors.length !== given.length) {
      throw new ShapeError(`a model takes ${given.length} tensors, got ${tensors.length}`);
    }
    const read = (ref: TensorRef): Tensor => {
      const value = values.get(keyOf(ref))?.[ref.index];
      if (value) return value;
      throw damagedTensor(ref.layer);
    };
    for (const key of order) {
      const step = steps.get(key);
      if (step && !values.has(key)) values.set(key, step.run(step.inputs.map(read), training));
    }
    return outputs.map(read);
  };
}

const damagedTensor = (layer: string): DataError =>
  new DataError(
    `modelTopology: no layer gives the tensor of ${quote(layer)} that another needs, or they need each other; the file is damaged`,
  );

/** Reads a layers model. Its weights are asked of `weights`. */
export function layersNetwork(topology: unknown, weights: Weights): Network {
  const model = parseLayers(topology);
  expectLayers(model);
  const run = buildModel(model, weights);
  const inputs = model.inputs.map(({ layer }): TfjsPort => {
    const spec = model.layers.get(layer);
    if (!spec) throw damagedTensor(layer);
    const { dtype } = spec.config;
    const isInteger = typeof dtype === 'string' && /^u?int|^bool/.test(dtype);
    return { name: layer, dtype: isInteger ? 'i32' : 'f32', shape: inputShapeOf(spec) };
  });
  return {
    inputs,
    outputs: distinct(model.outputs.map(({ layer }) => layer)),
    members: weights.ordered(),
    run,
  };
}
