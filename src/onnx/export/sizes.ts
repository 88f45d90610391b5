import { baseOf, type Node, type Tensor } from '../../graph/tensor.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { UnsupportedError } from '../unsupported.ts';

/** A size: a number, or one that grows with the number of images. */
export type Size = number | { readonly perImage: number };

/** The sizes of a tensor. */
export type Sizes = readonly Size[];

/** Whether a size is the same for any number of images. */
export const isFixed = (size: Size): size is number => typeof size === 'number';

/** What a model computes for one number of images. */
export interface Graph {
  /** The number of images. */
  readonly images: number;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly results: ReadonlyMap<string, Tensor>;
  /** What the results need, in the order in which it was recorded. */
  readonly nodes: readonly Node[];
}

const refuse = (why: string): never => {
  throw new UnsupportedError(
    `exportOnnx: ${why}, so the number of images must be fixed; export with dynamicBatch: false`,
  );
};

/**
 * The sizes of all tensors of a graph, and which grow with the number of images: found by comparing it with the same graph for
 * another number of images.
 */
export class SizeTable {
  readonly images: number;
  readonly #sizes = new Map<Tensor, Sizes>();
  readonly #others = new Map<Tensor, Tensor>();

  /**
   * @param graph The graph that is exported.
   * @param other The same for another number of images; the graph itself where the number is fixed.
   * @throws UnsupportedError where they differ in more than sizes that are multiples of the number of images.
   */
  constructor(graph: Graph, other: Graph) {
    this.images = graph.images;
    if (graph.nodes.length !== other.nodes.length) {
      refuse(
        `the model records ${graph.nodes.length} operations for ${graph.images} images and ${other.nodes.length} for ${other.images}`,
      );
    }
    const at = new Map(graph.nodes.map((node, i) => [node, i]));
    const there = new Map(other.nodes.map((node, i) => [node, i]));
    const factor = other.images / graph.images;
    const pair = (a: Tensor, b: Tensor): void => {
      if (this.#sizes.has(a)) return;
      if (a.shape.length !== b.shape.length || a.origin.kind !== b.origin.kind) {
        refuse(`${a} for ${graph.images} images is ${b} for ${other.images}`);
      }
      this.#others.set(a, b);
      this.#sizes.set(
        a,
        a.shape.map((size, i): Size => {
          const twin = b.shape[i]!;
          if (size === twin) return size;
          if (size * factor === twin && size % graph.images === 0) {
            return { perImage: size / graph.images };
          }
          return refuse(
            `size ${i} of ${a}, ${formatShape(a.shape)} for ${graph.images} images and ${formatShape(b.shape)} for ${other.images}, is no multiple of it`,
          );
        }),
      );
      if (a.origin.kind === 'view') pair(baseOf(a), baseOf(b));
      if (a.origin.kind !== 'op' || b.origin.kind !== 'op') return;
      const same = at.get(a.origin.node) === there.get(b.origin.node) && a.origin.output === b.origin.output;
      if (!same) {
        refuse(`what computes ${a} depends on it`);
      }
    };
    graph.nodes.forEach((node, i) => {
      const twin = other.nodes[i]!;
      if (node.op !== twin.op)
        refuse(`the model records ${node.op} for one number of images, ${twin.op} for another`);
      for (const [name, input] of Object.entries(node.inputs)) {
        const partner = twin.inputs[name];
        if (!partner) refuse(`${node.op} has the input ${name} for one number of images only`);
        else pair(input, partner);
      }
      for (const [name, output] of Object.entries(node.outputs)) pair(output, twin.outputs[name]!);
    });
    for (const [name, input] of graph.inputs) pair(input, other.inputs.get(name)!);
    for (const [name, result] of graph.results) pair(result, other.results.get(name)!);
    this.#expectSameAttributes(graph, other);
  }

  /** Attributes hold no sizes but those of the outputs, which rows take from here. */
  #expectSameAttributes(graph: Graph, other: Graph): void {
    const sized = new Set(['shape', 'sizes']);
    graph.nodes.forEach((node, i) => {
      for (const [name, value] of Object.entries(node.attrs)) {
        const there = (other.nodes[i]!.attrs as Readonly<Record<string, unknown>>)[name];
        if (sized.has(name) || JSON.stringify(value) === JSON.stringify(there)) continue;
        refuse(
          `${name} of ${node.op} is ${JSON.stringify(value)} for ${graph.images} images and ${JSON.stringify(there)} for ${other.images}`,
        );
      }
    });
  }

  /** The sizes of a tensor of the graph. */
  of(tensor: Tensor): Sizes {
    return this.#sizes.get(tensor) ?? tensor.shape;
  }

  /** The same tensor for the other number of images. */
  other(tensor: Tensor): Tensor {
    return this.#others.get(tensor) ?? tensor;
  }

  /** Whether any size grows with the number of images. */
  grows(tensor: Tensor): boolean {
    return !this.of(tensor).every(isFixed);
  }

  /** The sizes of a tensor that must be fixed. Throws UnsupportedError where one is not. */
  fixed(tensor: Tensor, what: string): Shape {
    const sizes = this.of(tensor);
    if (sizes.every(isFixed)) return sizes;
    return refuse(`${what} ${tensor} grows with it`);
  }
}
