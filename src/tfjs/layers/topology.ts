/** Keras' description of a model, as layers and the tensors between them. */
import { DataError } from '../../errors.ts';
import { plain, quote } from '../../io/fileTensor.ts';
import { isRecord } from '../../io/tfjs/manifest.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One tensor: output `index` of the application number `node` of a layer. */
export interface TensorRef {
  readonly layer: string;
  readonly node: number;
  readonly index: number;
}

/** A layer, or a model that is used as one, with the tensors that each of its applications takes. */
export interface LayerSpec {
  readonly name: string;
  readonly className: string;
  readonly config: Fields;
  /** A model that is a layer. */
  readonly model: ModelSpec | undefined;
  readonly nodes: readonly (readonly TensorRef[])[];
}

/** A model: its layers, and which of their tensors it takes and gives. */
export interface ModelSpec {
  readonly layers: ReadonlyMap<string, LayerSpec>;
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
}

const MODELS: readonly unknown[] = ['Sequential', 'Functional', 'Model'];
/** Models in models are deeper only where a file wants to exhaust the stack. */
const DEEPEST = 32;

const damaged = (what: string): DataError =>
  new DataError(`modelTopology: ${what}; convert or download the model again`);

function fieldsOf(value: unknown, what: string): Fields {
  if (isRecord(value)) return value;
  throw damaged(`${what} is no object`);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw damaged(`${what} is no list`);
}

/** Keras writes a tensor as [layer, node, index], with keyword arguments behind it at times. */
function refOf(value: unknown, what: string): TensorRef {
  const [layer, node, index] = listOf(value, what);
  if (typeof layer === 'string' && Number.isSafeInteger(node) && Number.isSafeInteger(index)) {
    return { layer, node: node as number, index: index as number };
  }
  throw damaged(`${what} names no tensor`);
}

/** Inputs or outputs: a list of tensors, or one alone. */
function refsOf(value: unknown, what: string): TensorRef[] {
  const list = listOf(value, what);
  return typeof list[0] === 'string' ? [refOf(list, what)] : list.map((ref) => refOf(ref, what));
}

/** The tensors that one application takes. Keras 3 puts them into the arguments of a call. */
function applicationOf(value: unknown, what: string): TensorRef[] {
  if (!isRecord(value)) return refsOf(value, what);
  const found: TensorRef[] = [];
  const search = (part: unknown, depth: number): void => {
    if (depth > DEEPEST) throw damaged(`${what} is nested too deeply`);
    if (Array.isArray(part)) for (const item of part) search(item, depth + 1);
    else if (isRecord(part)) {
      const history = isRecord(part.config) ? part.config.keras_history : undefined;
      if (history !== undefined) found.push(refOf(history, what));
      else for (const item of Object.values(part)) search(item, depth + 1);
    }
  };
  search(value.args, 0);
  return found;
}

function layerOf(value: unknown, depth: number): LayerSpec {
  const {
    class_name: className,
    config: given,
    name: outer,
    inbound_nodes: nodes,
  } = fieldsOf(value, 'a layer');
  if (typeof className !== 'string') throw damaged('a layer has no class_name');
  const own = MODELS.includes(className) && Array.isArray(given) ? { layers: given } : given;
  const config = fieldsOf(own, `the config of ${plain(className)}`);
  const name = typeof outer === 'string' ? outer : config.name;
  if (typeof name !== 'string' || name === '') throw damaged(`a ${plain(className)} has no name`);
  const what = `${plain(className)} ${quote(name)}`;
  return {
    name,
    className,
    config: { ...config, name },
    model: MODELS.includes(className) ? modelOf(className, config, depth + 1) : undefined,
    nodes: nodes === undefined ? [] : listOf(nodes, what).map((node) => applicationOf(node, what)),
  };
}

/** The shape of what a layer takes, where its configuration says so: null for sizes that vary. */
export function inputShapeOf({ config }: LayerSpec): (number | null)[] | undefined {
  const shape = config.batch_input_shape ?? config.batch_shape;
  if (!Array.isArray(shape)) return undefined;
  return shape.map((size: unknown) => (Number.isSafeInteger(size) ? (size as number) : null));
}

/** A Sequential as layers that each take what the one before gives, the first an InputLayer. */
function sequential(config: Fields, depth: number): ModelSpec {
  const given = listOf(config.layers, 'the layers of a Sequential').map((layer) => layerOf(layer, depth));
  const [first] = given;
  if (!first) throw damaged('a Sequential has no layers');
  if (first.className !== 'InputLayer') {
    const shape = inputShapeOf(first) ?? config.build_input_shape;
    const name = `${first.name}_input`;
    given.unshift({
      name,
      className: 'InputLayer',
      config: { name, batch_input_shape: shape },
      model: undefined,
      nodes: [],
    });
  }
  const layers = new Map<string, LayerSpec>();
  let last: TensorRef | undefined;
  for (const layer of given) {
    if (layers.has(layer.name)) throw damaged(`two layers are called ${quote(layer.name)}`);
    layers.set(layer.name, { ...layer, nodes: [last ? [last] : []] });
    last = { layer: layer.name, node: 0, index: 0 };
  }
  const inputs = [{ layer: given[0]!.name, node: 0, index: 0 }];
  return { layers, inputs, outputs: [last!] };
}

function functional(config: Fields, depth: number): ModelSpec {
  const layers = new Map<string, LayerSpec>();
  for (const value of listOf(config.layers, 'the layers of a model')) {
    const layer = layerOf(value, depth);
    if (layers.has(layer.name)) throw damaged(`two layers are called ${quote(layer.name)}`);
    // An input is an application of nothing.
    layers.set(layer.name, layer.className === 'InputLayer' ? { ...layer, nodes: [[]] } : layer);
  }
  const inputs = refsOf(config.input_layers, 'input_layers');
  const outputs = refsOf(config.output_layers, 'output_layers');
  // Keras counts the model's own inputs as the first application of a model that is a layer.
  const refs = [...outputs, ...[...layers.values()].flatMap(({ nodes }) => nodes.flat())];
  const shifted = new Set(
    refs.flatMap(({ layer, node }) => {
      const spec = layers.get(layer);
      return spec?.model && node === spec.nodes.length ? [layer] : [];
    }),
  );
  const moved = (ref: TensorRef): TensorRef =>
    shifted.has(ref.layer) ? { ...ref, node: ref.node - 1 } : ref;
  for (const [name, layer] of layers) {
    layers.set(name, { ...layer, nodes: layer.nodes.map((node) => node.map(moved)) });
  }
  return { layers, inputs, outputs: outputs.map(moved) };
}

function modelOf(className: string, config: Fields, depth: number): ModelSpec {
  if (depth > DEEPEST) throw damaged(`models are nested more than ${DEEPEST} deep`);
  return className === 'Sequential' ? sequential(config, depth) : functional(config, depth);
}

/** Reads the modelTopology of a layers model. Throws DataError for what is none. */
export function parseLayers(topology: unknown): ModelSpec {
  const outer = fieldsOf(topology, 'it');
  const { class_name: className, config } = fieldsOf(outer.model_config ?? outer, 'model_config');
  if (typeof className !== 'string' || !MODELS.includes(className)) {
    throw damaged(
      `its class_name is ${typeof className === 'string' ? quote(className) : 'no text'}, not one of ${MODELS.join(', ')}`,
    );
  }
  return modelOf(className, fieldsOf(Array.isArray(config) ? { layers: config } : config, 'config'), 0);
}
