/** Which value of an ONNX model embeds images, where the user names none. */
import { tensor } from '../../graph/tensor.ts';
import type { OnnxGraph, OnnxModel, OnnxNode } from '../../onnx/graph.ts';
import type { OnnxModule } from '../../onnx/module.ts';
import type { Head } from '../../open/onnxHeads.ts';

/** What transformers and others call outputs that are embeddings; the first that there is. */
const NAMED = ['image_embeds', 'pooler_output', 'last_hidden_state', 'embeddings', 'embedding', 'features'];

/** Operations behind the layer that scores the classes. */
const BEHIND = [
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Identity',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Cast',
  'Dropout',
];

/** The layers that score classes. */
const SCORERS = ['Gemm', 'MatMul', 'Conv'];

const makerOf = (graph: OnnxGraph, name: string): OnnxNode | undefined =>
  graph.nodes.find(({ outputs }) => outputs.includes(name));

/** Whether a node adds what the file holds: a bias. */
const addsBias = ({ op, inputs }: OnnxNode, graph: OnnxGraph): boolean =>
  op === 'Add' &&
  inputs.some((name) => graph.initializers.has(name) || makerOf(graph, name)?.op === 'Constant');

/** What enters the layer that scores the classes in `output`: undefined where that is not made by such a layer. */
export function headInputOf(graph: OnnxGraph, output: string): string | undefined {
  let name = output;
  for (;;) {
    const node = makerOf(graph, name);
    if (!node) return undefined;
    const [first = '', second = ''] = node.inputs;
    // The image itself is no feature of it.
    if (SCORERS.includes(node.op)) return makerOf(graph, first) ? first : undefined;
    if (addsBias(node, graph)) name = graph.initializers.has(first) ? second : first;
    else if (BEHIND.includes(node.op)) name = first;
    else return undefined;
  }
}

/** An answer of fewer numbers at each place tells what is there, not what it looks like: scores and boxes of anchors, a matte. */
const LEAST_FEATURES = 16;

/**
 * The last of the smallest maps before any larger one is made of them: the end of the backbone of a detector or segmenter. Maps of one place are
 * means of the whole image, and do not count; those of few channels are answers, and count where there are no others.
 */
export function lastSmallMap(shapes: ReadonlyMap<string, readonly number[]>): string | undefined {
  const maps = [...shapes].flatMap(([name, shape]) => {
    const area = shape.length === 4 ? shape[2]! * shape[3]! : 0;
    return area > 1 ? [{ name, area, channels: shape[1]! }] : [];
  });
  const least = Math.min(...maps.map(({ area }) => area));
  const from = maps.findIndex(({ area }) => area === least);
  const end = maps.findIndex(({ area }, i) => i > from && area > least);
  const smallest = maps.slice(0, end < 0 ? maps.length : end).filter(({ area }) => area === least);
  return (smallest.findLast(({ channels }) => channels >= LEAST_FEATURES) ?? smallest.at(-1))?.name;
}

/** Whether an output [1,places,numbers] or [1,numbers,H,W] is such an answer. */
const isAnswer = ({ length, ...shape }: readonly number[]): boolean =>
  (length === 3 && shape[2]! < LEAST_FEATURES) || (length === 4 && shape[1]! < LEAST_FEATURES);

/** The value that embeds an image, of a model with this head, which may be unknown. `whole`: the model, where all of it can be run. */
export function defaultLayer(
  { graph }: OnnxModel,
  head: Head | undefined,
  whole: OnnxModule | undefined,
  input: { readonly name: string; readonly shape: readonly number[] },
): string {
  const named = NAMED.find((name) => graph.outputs.some((output) => output.name === name));
  if (named !== undefined) return named;
  const output = graph.outputs[0]!.name;
  const scored = !head || head.kind === 'classes' ? headInputOf(graph, output) : undefined;
  if (scored !== undefined || head?.kind === 'classes') return scored ?? output;
  const { name, shape } = input;
  const image = tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const shapes: ReadonlyMap<string, readonly number[]> = whole?.shapesFor({ [name]: image }) ?? new Map();
  return !head && !isAnswer(shapes.get(output) ?? []) ? output : (lastSmallMap(shapes) ?? output);
}
