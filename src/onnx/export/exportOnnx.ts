import { expectArguments, expectTexts } from '../../arguments.ts';
import { DataError, UsageError } from '../../errors.ts';
import type { State } from '../../graph/state.ts';
import { baseOf, type Tensor } from '../../graph/tensor.ts';
import { expectDTypeName } from '../../graph/values.ts';
import type { DetectOptions } from '../../models/detection.ts';
import { type Download, Module } from '../../nn/module.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { currentValue } from '../../plan/openGpus.ts';
import { expectShape } from '../../shape.ts';
import { OnnxModule } from '../module.ts';
import { OWN_WEIGHTS } from '../ownWeights.ts';
import { natural } from '../value.ts';
import { beforeNms, lastThresholds } from './nms.ts';
import { encodeFile, portProto } from './protos.ts';
import { type InputSpec, type Outcome, recordGraph, specOf } from './record.ts';
import { type Graph, SizeTable } from './sizes.ts';
import { CHANNELS_FIRST, type StateEntry, type States } from './tensors.ts';
import { writeGraph } from './writeGraph.ts';

/** Options of `exportOnnx`. */
export interface ExportOptions {
  /** The version of ONNX's operation set, 13 to 21. Default 17. */
  readonly opset?: number;
  /** Whether the number of images may vary: the first size of every input and of what follows from it. Default true. */
  readonly dynamicBatch?: boolean;
  /**
   * Where non-maximum suppression happens. `inside`, the default: in the file, which gives detections padded as Fovea's. `outside`:
   * the file gives `boxes`, `scores` and `labels` of all candidates, as they go into it.
   */
  readonly nms?: 'inside' | 'outside';
  /**
   * Thresholds and counts of `detect`, which are fixed in the file: it has no detection of a lower score. Default: those of the model,
   * of most a scoreThreshold of 0.05.
   */
  readonly detect?: DetectOptions;
  /** Whether batch norms are multiplied into the convolutions before them. Default false: weights keep names and values. */
  readonly foldBatchNorm?: boolean;
  /**
   * How the file has images, which are tensors of rank 4: `nchw`, the default, or `nhwc` as Fovea. Of what `detect` returns
   * none is an image. Models that `loadOnnx` loaded keep the shapes that they have.
   */
  readonly layout?: 'nchw' | 'nhwc';
  /** What is exported. Default: `detect` of a model that has one, else `forward`. */
  readonly forward?: (...inputs: Tensor[]) => Outcome;
  /** The results that the file gives, by name. Default: all. */
  readonly outputs?: readonly string[];
  /** Texts that are written into the file, by name. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Reads the value of a state, as for `stateDict`: `(state) => gpu.download(state)`. Default: from the `Gpu` where a step has
   * changed it, else from the host.
   */
  readonly download?: Download;
}

/** A model: a module, or a function of tensors. */
export type Exported = Module | ((...inputs: Tensor[]) => Outcome);

/** What a model computes from its inputs, and whether that is detections. */
function functionOf(
  model: Exported,
  { forward, detect }: Pick<ExportOptions, 'forward' | 'detect'>,
): { run: (inputs: Readonly<Record<string, Tensor>>) => Outcome; detects: boolean } {
  const positional = (fn: (...inputs: Tensor[]) => Outcome) => (inputs: Readonly<Record<string, Tensor>>) =>
    fn(...Object.values(inputs));
  if (forward) return { run: positional(forward), detects: false };
  if (!(model instanceof Module)) return { run: positional(model), detects: false };
  if (model instanceof OnnxModule) return { run: (inputs) => model.forward(inputs), detects: false };
  const methods: Module & {
    readonly detect?: (...inputs: (Tensor | DetectOptions)[]) => Outcome;
    readonly forward?: (...inputs: Tensor[]) => Outcome;
  } = model;
  if (methods.detect) {
    const options = detect ? [detect] : [];
    return { run: positional((...inputs) => methods.detect!(...inputs, ...options)), detects: true };
  }
  if (methods.forward) return { run: positional((...inputs) => methods.forward!(...inputs)), detects: false };
  throw new UsageError('exportOnnx: the module has neither detect nor forward; pass forward: (…) => …');
}

/** fn() while a module is in evaluation. */
function evaluating<R>(model: Exported, fn: () => R): R {
  const modules = model instanceof Module ? [...model.modules()] : [];
  const training = modules.filter((module) => module.training);
  for (const module of training) module.training = false;
  try {
    return fn();
  } finally {
    for (const module of training) module.training = true;
  }
}

/** Options with their defaults. Throws UsageError for those that cannot be used. */
function checkedOptions(options: ExportOptions, layout: 'nchw' | 'nhwc') {
  const filled = withDefaults('exportOnnx', options, {
    opset: 17,
    dynamicBatch: true,
    nms: 'inside',
    detect: undefined,
    foldBatchNorm: false,
    layout,
    forward: undefined,
    outputs: undefined,
    metadata: {},
    download: currentValue,
  });
  const { opset, nms, metadata } = filled;
  if (!Number.isInteger(opset) || opset < 13 || opset > 21) {
    throw new UsageError(`exportOnnx: opset ${opset}; choose one from 13 to 21`);
  }
  expectOneOf('exportOnnx', 'nms', nms, ['inside', 'outside']);
  expectOneOf('exportOnnx', 'layout', filled.layout, ['nchw', 'nhwc']);
  expectTexts('exportOnnx', 'metadata', metadata);
  expectArguments(
    'exportOnnx',
    { options: filled },
    {
      options: {
        dynamicBatch: 'flag',
        foldBatchNorm: 'flag',
        download: 'function',
        'detect?': 'object',
        'forward?': 'function',
        'outputs?': ['text'],
      },
    },
  );
  const unused = (['scoreThreshold', 'iouThreshold'] as const).find(
    (name) => filled.detect?.[name] !== undefined,
  );
  if (nms === 'outside' && unused) {
    throw new UsageError(
      `exportOnnx: detect.${unused} is of NMS, which nms: 'outside' leaves out of the file; leave out one of the two`,
    );
  }
  return filled;
}

/** The states that a graph reads, with their names and values. */
async function statesOf(model: Exported, graph: Graph, download: Download): Promise<States> {
  const named = model instanceof Module ? model : undefined;
  const names = new Map(named?.namedStates().map(([name, state]) => [state, name] as const));
  const layouts = new Map(named?.parameters().map(({ state, layout }) => [state, layout] as const));
  const found = new Map<State, StateEntry>();
  const taken = new Set(names.values());
  const add = async (tensor: Tensor) => {
    const { origin } = baseOf(tensor);
    if (origin.kind !== 'state' || found.has(origin.state)) return;
    const { state } = origin;
    let name = names.get(state) ?? state.label;
    for (let i = 1; !names.has(state) && taken.has(name); i++) name = `${state.label}_${i}`;
    taken.add(name);
    found.set(state, { name, values: await download(state), torch: layouts.get(state) });
  };
  for (const { inputs } of graph.nodes) for (const tensor of Object.values(inputs)) await add(tensor);
  for (const tensor of graph.results.values()) await add(tensor);
  return found;
}

/** The largest file: ONNX's format counts bytes in 32 bits with a sign. */
const LARGEST = 2 ** 31 - 1;

/**
 * Writes a model as an ONNX file, in evaluation: what onnxruntime and others run, and what `loadOnnx` reads. Nothing runs on a
 * device. Weights are initializers under the names of the state dict; filters of convolutions are [O,I,kh,kw], weights of
 * linear layers on matrices [O,I], as PyTorch has them. Images are [N,C,H,W] (see `layout`); boxes, scores, labels and counts are
 * as in Fovea.
 *
 * @param model A module; or a function of tensors, whose weights then have no names of their own.
 * @param inputs The inputs by the names that they get in the file, in the order in which the model takes them: their shapes in
 * Fovea, such as `{ images: [1, 224, 224, 3] }`. Height and width are fixed in the file.
 * @param options Opset, layout, NMS and more.
 * @returns The bytes of the file.
 * @throws UnsupportedError that lists every operation that has no ONNX form, before anything is written, and where the number of
 * images cannot vary; UsageError for options that do not fit the model; DataError for files of more than 2 GiB.
 */
export async function exportOnnx(
  model: Exported,
  inputs: Readonly<Record<string, InputSpec>>,
  options: ExportOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (!(model instanceof Module) && typeof model !== 'function') {
    throw new UsageError(`exportOnnx: takes a model or a function, got ${String(model)}`);
  }
  expectArguments('exportOnnx', { inputs }, { inputs: 'object' });
  for (const [name, spec] of Object.entries(inputs)) {
    if (!Array.isArray(spec))
      expectArguments('exportOnnx', { [name]: spec }, { [name]: { shape: 'values', dtype: 'text' } });
    const { shape, dtype } = specOf(spec);
    expectShape(`exportOnnx: ${name}`, shape);
    expectDTypeName(`exportOnnx: ${name}`, dtype);
  }
  const own = model instanceof OnnxModule ? ('nhwc' as const) : ('nchw' as const);
  const { opset, dynamicBatch, nms, foldBatchNorm, layout, forward, detect, outputs, metadata, download } =
    checkedOptions(options, own);
  const { run, detects } = functionOf(model, { forward, detect });
  if (detect && !detects) {
    throw new UsageError('exportOnnx: detect has options for a model that detects; leave it out');
  }
  const choose = (results: Map<string, Tensor>): Map<string, Tensor> => {
    const all = nms === 'outside' ? beforeNms(results, outputs) : results;
    const missing = outputs?.find((name) => !all.has(name));
    if (missing !== undefined) {
      throw new UsageError(
        `exportOnnx: no output ${JSON.stringify(missing)}; there are ${[...all.keys()].join(', ')}`,
      );
    }
    return outputs ? new Map(outputs.map((name) => [name, all.get(name)!])) : all;
  };
  const given = Object.entries(inputs).map(([name, spec]) => [name, specOf(spec)] as const);
  const first = given[0]?.[1].shape[0];
  const recorded = (images: number | undefined) => {
    const specs = given.map(([name, { shape, dtype }]) => {
      const sized = images === undefined || shape.length === 0 ? shape : [images, ...shape.slice(1)];
      return [name, { shape: sized, dtype }] as const;
    });
    return evaluating(model, () => recordGraph(run, Object.fromEntries(specs), images ?? first ?? 1, choose));
  };
  const probed = (images: number) => {
    try {
      return recorded(images);
    } catch (error) {
      // What fails for the shapes that were given, too, is said of those.
      recorded(undefined);
      if (error instanceof Error) {
        error.message += `; the model was recorded for ${images} images, to learn what depends on their number; if it takes ${first} only, export with dynamicBatch: false`;
      }
      throw error;
    }
  };
  // One image could be taken for any other size of 1.
  const graph = dynamicBatch ? probed(2) : recorded(undefined);
  const sizes = new SizeTable(graph, dynamicBatch ? probed(3) : graph);
  const states = await statesOf(model, graph, download);
  const image = (tensor: Tensor) => layout === 'nchw' && tensor.shape.length === 4;
  const orders = {
    input: (tensor: Tensor) => (image(tensor) ? CHANNELS_FIRST : natural(tensor.shape.length)),
    output: (tensor: Tensor) => (image(tensor) && !detects ? CHANNELS_FIRST : natural(tensor.shape.length)),
  };
  const written = writeGraph(graph, { sizes, states, opset, foldBatchNorm, orders });
  const bytes = written.initializers.reduce((sum, { rawData }) => sum + rawData.byteLength, 0);
  if (bytes > LARGEST) {
    throw new DataError(`exportOnnx: the weights take ${bytes} bytes, an ONNX file at most ${LARGEST}`);
  }
  const port =
    (order: (tensor: Tensor) => readonly number[]) =>
    ([name, tensor]: readonly [string, Tensor]) => {
      const own = sizes.of(tensor);
      return portProto(
        name,
        tensor.dtype,
        order(tensor).map((axis) => own[axis]!),
      );
    };
  const thresholds = detects && nms === 'inside' ? lastThresholds(graph.nodes) : undefined;
  return encodeFile({
    opset,
    name: model instanceof Module ? model.constructor.name : model.name || 'model',
    nodes: written.nodes,
    initializers: written.initializers,
    inputs: [...graph.inputs].map(port(orders.input)),
    outputs: [...graph.results].map(port(orders.output)),
    metadata: {
      ...metadata,
      ...(thresholds ? { 'fovea.nms': JSON.stringify(thresholds) } : {}),
      ...(written.stored.size > 0
        ? { [OWN_WEIGHTS]: JSON.stringify(Object.fromEntries(written.stored)) }
        : {}),
    },
  });
}
