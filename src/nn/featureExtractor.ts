import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';
import { didYouMean } from '../options.ts';
import { aroundForwards } from './aroundForwards.ts';
import { Module } from './module.ts';

type Forward = (...inputs: unknown[]) => unknown;

/** Runs a model on the inputs of its `forward` and gives the outputs of layers by their names. */
export type FeatureExtractor = (...inputs: unknown[]) => Record<string, Tensor>;

/**
 * Makes a function that runs a model and gives the outputs of its layers (torchvision's create_feature_extractor):
 * `createFeatureExtractor(resnet, ['layer2', 'layer3'])(images).layer2`. As tensors are computed when they are needed, what
 * lies behind the last of the layers is not. The mode of the model (`train()`, `eval()`) stays as it is.
 *
 * A layer is named as in `namedModules()` and the state dict: `layer2.0.conv1`. The name of a list of layers, such as `layer2` of a ResNet, stands
 * for the last one in it. Of a layer that runs several times, the last output counts.
 *
 * @param model A module with a `forward`.
 * @param returnNodes The names of the layers; or an object with the name that each gets in the result.
 * @throws UsageError for a model without `forward`, for no layer, and for a name that is no layer, with what may be meant. The function throws
 * UsageError where a layer did not run, or gave something other than one tensor.
 */
export function createFeatureExtractor(
  model: Module,
  returnNodes: readonly string[] | Readonly<Record<string, string>>,
): FeatureExtractor {
  const call = 'createFeatureExtractor';
  const { forward } = Object(model) as { forward?: Forward };
  if (!(model instanceof Module) || typeof forward !== 'function') {
    throw new UsageError(
      `${call}: the model is ${model?.constructor?.name ?? model}, which is no module with a forward`,
    );
  }
  expectArguments(call, { returnNodes }, { returnNodes: Array.isArray(returnNodes) ? ['text'] : 'object' });
  const nodes = Array.isArray(returnNodes)
    ? returnNodes.map((name) => [name, name] as const)
    : Object.entries(returnNodes as Readonly<Record<string, string>>);
  if (nodes.length === 0) throw new UsageError(`${call}: no layers; name those whose outputs you want`);
  const layers = nodes.map(([name, as]) => ({ name, as, layer: layerOf(call, model, name) }));
  return (...inputs) => {
    const outputs = new Map<Module, unknown>();
    const parts = layers.map(({ layer }) => layer);
    const keep = (part: Module, _inputs: readonly unknown[], run: () => unknown) => {
      const output = run();
      outputs.set(part, output);
      return output;
    };
    aroundForwards(parts, keep, () => (model as unknown as { forward: Forward }).forward(...inputs));
    return Object.fromEntries(
      layers.map(({ name, as, layer }) => {
        const output = outputs.get(layer);
        if (output instanceof Tensor) return [as, output];
        throw new UsageError(
          `${call}: ${name} ${outputs.has(layer) ? 'gives more than one tensor' : `does not run in the forward of ${model.constructor.name}`}; choose another layer`,
        );
      }),
    );
  };
}

/** The layer of a name. */
function layerOf(call: string, model: Module, name: string): Module {
  const layers = new Map([...model.namedModules()].filter(([, part]) => 'forward' in part));
  const layer = layers.get(name);
  if (layer && name !== '') return layer;
  const inList = [...layers.keys()].filter(
    (other) => other.startsWith(`${name}.`) && /^\d+$/.test(other.slice(name.length + 1)),
  );
  const last = inList.at(-1);
  if (last !== undefined) return layers.get(last)!;
  const known = [...layers.keys()].filter((other) => other !== '');
  throw new UsageError(
    `${call}: ${model.constructor.name} has no layer ${JSON.stringify(name)}${didYouMean(name, known) || `; it has ${shortened(known)}`}`,
  );
}

/** The first and the last of many names. */
const shortened = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 9).join(', ')}, … ${names.at(-1)}` : names.join(', ');
